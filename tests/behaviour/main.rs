//! What Orbit promises, checked on the shipped binary.

mod crash;
mod isolation;
mod queries;
