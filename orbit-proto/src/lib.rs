//! Orbit's own gRPC services: generated messages and their conversions to and
//! from the core's types. Nothing here decides anything.

/// Package `orbit.v1`.
pub mod v1 {
    tonic::include_proto!("orbit.v1");
}
