//! Links to other nodes over gRPC: a child dials its parent and keeps one stream open, over
//! which calls of actors go both ways. What is said on it, and what follows, is the core's
//! affair (`orbit_core::actor::links`).

mod dial;
mod outlet;

pub(crate) use dial::begin;

use crate::node::Node;
use futures::Stream;
use orbit_core::actor::Links;
use orbit_core::actor::links::{LinkId, Side};
use orbit_core::{Error, Result, state};
use orbit_proto::link::{decode, encode};
use orbit_proto::v1::LinkFrame;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tonic::{Status, Streaming};

/// What is sent to whoever has dialled.
pub type Frames = Pin<Box<dyn Stream<Item = std::result::Result<LinkFrame, Status>> + Send>>;

/// Takes a child that has dialled, until `stop`: the frames for it.
pub async fn take_child(
    node: &Arc<Node>,
    inward: Streaming<LinkFrame>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<Frames> {
    let links = node.links().await?;
    let (outlet, mut outward, closed) = outlet::outlet();
    let link = links.open(Side::Child, outlet);
    tokio::spawn(async move {
        tokio::select! {
            ended = pump(&links, link, inward) => told(ended),
            _ = closed => {}
            () = stop => {}
        }
        links.lost(link);
    });
    Ok(Box::pin(futures::stream::poll_fn(move |cx| {
        outward.poll_next(cx).map(|next| {
            Some(match next? {
                Ok(frame) => Ok(encode(frame)),
                Err(error) => Err(Status::failed_precondition(error.message())),
            })
        })
    })))
}

/// Passes on what comes in, until it ends.
async fn pump(
    links: &Links,
    link: LinkId,
    mut inward: Streaming<LinkFrame>,
) -> std::result::Result<(), Status> {
    while let Some(frame) = inward.message().await? {
        match decode(frame) {
            Ok(frame) => links.receive(link, frame),
            Err(error) => links.end(link, &error),
        }
    }
    Ok(())
}

fn told(ended: std::result::Result<(), Status>) {
    if let Err(status) = ended {
        tracing::info!(why = status.message(), "a link ended");
    }
}

fn unusable(url: &str, why: impl std::fmt::Display) -> Error {
    Error::new(
        state::CONFIG_FILE_ERROR,
        format!("edge.hub_url \"{url}\" can't be dialled: {why}"),
    )
    .with_hint("Write it as https://role:password@host:7433, or http:// on this machine.")
}
