//! What Orbit promises, checked on the shipped binary.

mod crash;
mod damage;
mod isolation;
mod queries;
