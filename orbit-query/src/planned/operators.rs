//! Operators that run over whole columns.

pub mod arith;
pub mod identity;
pub mod rescale;
pub mod vector;
