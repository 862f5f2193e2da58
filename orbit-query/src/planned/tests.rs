//! What DataFusion plans for us, end to end over a real store.
