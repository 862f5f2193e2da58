//! What Orbit promises, checked on the shipped binary.

mod access;
mod actor_crash;
mod actor_crowd;
mod backup;
mod clients;
mod copies;
mod crash;
mod damage;
mod differential;
mod export;
mod fuzz;
mod histories;
mod hostile;
mod isolation;
mod links;
mod matrix;
mod micro;
mod pages;
mod resources;
mod series;
mod sessions;
mod shell;
mod space;
mod supply_chain;
mod turns;
mod wall;
