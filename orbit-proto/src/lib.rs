//! Orbit's own gRPC services: generated messages and their conversions to and
//! from the core's types. Nothing here decides anything.

pub mod link;

/// Package `orbit.v1`.
pub mod v1 {
    tonic::include_proto!("orbit.v1");
}

/// What all services of the gRPC port look like, encoded, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
