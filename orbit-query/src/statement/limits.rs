//! How large a statement may be.
