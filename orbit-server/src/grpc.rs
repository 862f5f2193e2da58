//! The gRPC port: Arrow Flight SQL, what the node says about itself, and the services
//! by which gRPC's own tools find their way: health and reflection.
//!
//! Who is at the other end is asked as on the PostgreSQL port. Health and reflection
//! answer everybody: they say nothing about what is in the database.

mod gate;
mod lines;
mod link;

pub use lines::Line;

use crate::flight::{Flight, Lobby, status};
use crate::pg::Reception;
use arrow_flight::flight_service_server::FlightServiceServer;
use gate::Gate;
use lines::Lines;
use orbit_core::{Error, Result, state};
use orbit_edge::Node;
use orbit_proto::v1::node_server::{Node as NodeService, NodeServer};
use orbit_proto::v1::{StatusRequest, StatusResponse};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

/// Calls under way on one connection.
const MAX_STREAMS: u32 = 64;
/// Connections beyond the sessions there may be: whoever only asks after the health.
const SPARE_LINES: usize = 64;
/// What a client may send ahead of what was read, per call and per connection.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const LINE_WINDOW_BYTES: u32 = 4 << 20;
/// Headers of one call, tokens and all.
const MAX_HEADER_BYTES: u32 = 16 << 10;
/// A peer that is gone without a word is found out.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_PATIENCE: Duration = Duration::from_secs(20);

struct NodeStatus {
    node: Arc<Node>,
    lobby: Arc<Lobby>,
}

#[tonic::async_trait]
impl NodeService for NodeStatus {
    async fn status(
        &self,
        request: Request<StatusRequest>,
    ) -> std::result::Result<Response<StatusResponse>, Status> {
        if self.lobby.is_open() {
            let line = request.extensions().get();
            let guest = self.lobby.guest(request.metadata(), line).await;
            guest.map_err(|error| status(&error))?;
        }
        let node = &self.node;
        Ok(Response::new(StatusResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            site: node.site().to_string(),
            node_id: node.config().node.id.clone().unwrap_or_default(),
            tier: node.config().node.tier.word().to_owned(),
            profile: node.config().profile.name.clone(),
            durable_position: node.durable_position().0,
            uptime_seconds: node.uptime().as_secs(),
        }))
    }
}

/// Answers until `stop`. Refuses a listener that others than this machine could reach
/// if there is no TLS for it.
pub async fn serve(
    node: Arc<Node>,
    listener: TcpListener,
    reception: Arc<Reception>,
    stop: CancellationToken,
) -> Result<()> {
    let address = listener.local_addr()?.ip();
    let open = !address.to_canonical().is_loopback();
    let tls = reception.options.access.tls.clone();
    if open && tls.is_none() {
        return Err(Error::new(
            state::CONFIG_FILE_ERROR,
            format!("refusing to listen on {address}: there is no TLS for it"),
        )
        .with_hint("Set tls.enabled = true, or leave listen.grpc_address unset."));
    }
    let options = &reception.options;
    let lines = Lines {
        tls,
        open,
        patience: options.startup_timeout,
        most: options.max_connections.saturating_add(SPARE_LINES),
    };
    let max_message_bytes = options.max_message_bytes;
    let mut incoming = lines.accept(listener);
    let incoming = futures::stream::poll_fn(move |cx| incoming.poll_recv(cx));

    let lobby = Lobby::new(reception, open);
    let sweeping = tokio::spawn(lobby.clone().sweep(stop.clone()));
    let flight = FlightServiceServer::new(Flight::new(lobby.clone())?)
        .max_decoding_message_size(max_message_bytes);
    let flight = Gate::new(flight, lobby.clone());
    let link = link::server(node.clone(), lobby.clone(), stop.clone());
    let status = NodeServer::new(NodeStatus { node, lobby });
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_serving::<FlightServiceServer<Flight>>().await;
    reporter.set_serving::<NodeServer<NodeStatus>>().await;
    let served = tonic::transport::Server::builder()
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(LINE_WINDOW_BYTES)
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_PATIENCE))
        .add_service(flight)
        .add_service(status)
        .add_service(link)
        .add_service(health)
        .add_service(reflection().build_v1().map_err(undescribed)?)
        .add_service(reflection().build_v1alpha().map_err(undescribed)?)
        .serve_with_incoming_shutdown(incoming, stop.cancelled_owned())
        .await;
    // Sessions end with the listener; their tasks have been told already.
    let _ = sweeping.await;
    served.map_err(|error| Error::internal(format!("gRPC ended: {error}")))
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(orbit_proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

fn undescribed(error: impl std::fmt::Display) -> Error {
    Error::internal(format!("the services have no description: {error}"))
}
