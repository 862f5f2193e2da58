//! Orbit's own gRPC services on one port.

use orbit_edge::Node;
use orbit_proto::v1::node_server::{Node as NodeService, NodeServer};
use orbit_proto::v1::{StatusRequest, StatusResponse};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

const MAX_STREAMS: u32 = 64;

struct NodeStatus(Arc<Node>);

#[tonic::async_trait]
impl NodeService for NodeStatus {
    async fn status(
        &self,
        _request: Request<StatusRequest>,
    ) -> Result<Response<StatusResponse>, Status> {
        let node = &self.0;
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

/// Answers until `stop`.
pub async fn serve(node: Arc<Node>, listener: TcpListener, stop: CancellationToken) {
    let served = tonic::transport::Server::builder()
        .max_concurrent_streams(MAX_STREAMS)
        .add_service(NodeServer::new(NodeStatus(node)))
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), stop.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::warn!(%error, "the gRPC listener ended");
    }
}
