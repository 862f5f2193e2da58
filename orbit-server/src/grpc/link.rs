//! The parent's side of links: children that dial in.

use super::Line;
use crate::flight::{Lobby, status};
use orbit_core::{Error, Result, state};
use orbit_edge::Node;
use orbit_edge::links::Frames;
use orbit_proto::v1::LinkFrame;
use orbit_proto::v1::link_server::{Link, LinkServer};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

/// The largest frame: a message with its names, and some more.
const MAX_FRAME_BYTES: usize = 4 << 20;

pub struct Children {
    node: Arc<Node>,
    lobby: Arc<Lobby>,
    stop: CancellationToken,
}

pub fn server(node: Arc<Node>, lobby: Arc<Lobby>, stop: CancellationToken) -> LinkServer<Children> {
    let children = Children { node, lobby, stop };
    LinkServer::new(children).max_decoding_message_size(MAX_FRAME_BYTES)
}

impl Children {
    /// Who links a node to this one runs the code of its actors: that is for superusers and
    /// for roles with REPLICATION.
    async fn admit(&self, metadata: &MetadataMap, line: Option<&Arc<Line>>) -> Result<()> {
        let guest = self.lobby.guest(metadata, line).await?;
        let view = self.node.engine().db().read();
        let role = view.catalog().role_named(&guest.user);
        if role.is_some_and(|role| role.superuser || role.replication) {
            return Ok(());
        }
        Err(Error::new(
            state::INSUFFICIENT_PRIVILEGE,
            format!("role \"{}\" may not link a node to this one", guest.user),
        )
        .with_hint("Give it the attribute: ALTER ROLE ... REPLICATION."))
    }
}

#[tonic::async_trait]
impl Link for Children {
    type OpenStream = Frames;

    async fn open(
        &self,
        request: Request<Streaming<LinkFrame>>,
    ) -> std::result::Result<Response<Self::OpenStream>, Status> {
        let line = request.extensions().get();
        let admitted = self.admit(request.metadata(), line).await;
        admitted.map_err(|error| status(&error))?;
        let stop = self.stop.clone().cancelled_owned();
        let outward = orbit_edge::links::take_child(&self.node, request.into_inner(), stop).await;
        let outward = outward.map_err(|error| status(&error))?;
        Ok(Response::new(outward))
    }
}
