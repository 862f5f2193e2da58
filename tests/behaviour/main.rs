//! What Orbit promises, checked on the shipped binary.

mod clients;
mod crash;
mod damage;
mod isolation;
mod micro;
mod queries;
mod supply_chain;
