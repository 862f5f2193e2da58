//! What operations of several sites do to one key.

mod laws;
mod meets;
mod notes;
mod sites;
mod world;

use super::*;

use crate::value::Value;
use world::{KINDS, World};
