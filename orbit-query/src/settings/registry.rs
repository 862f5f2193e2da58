//! Every setting: its name, default, and what it accepts.
