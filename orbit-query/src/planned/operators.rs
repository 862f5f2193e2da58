//! Operators that run over whole columns.

pub mod arith;
pub mod vector;
