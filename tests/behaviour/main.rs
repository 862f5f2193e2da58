//! What Orbit promises, checked on the shipped binary.

mod backup;
mod clients;
mod crash;
mod damage;
mod differential;
mod histories;
mod isolation;
mod micro;
mod supply_chain;
