//! The child's side: dials its parent, and dials again whenever the link is gone.

use super::{outlet, pump, unusable};
use crate::config::Tls;
use crate::node::Node;
use base64::prelude::{BASE64_STANDARD, Engine};
use orbit_core::actor::Links;
use orbit_core::actor::links::Side;
use orbit_core::{Error, Result};
use orbit_proto::link::encode;
use orbit_proto::v1::link_client::LinkClient;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

const PATIENCE: Duration = Duration::from_secs(10);
/// A parent that is gone without a word is found out.
const KEEPALIVE: Duration = Duration::from_secs(10);
/// Between two tries, doubled each time...
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// ...up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A link that held for so long was a good one.
const GOOD_AFTER: Duration = Duration::from_secs(30);

/// Where a parent is, and who this node is there.
struct Parent {
    endpoint: Endpoint,
    authorization: Option<MetadataValue<Ascii>>,
}

impl Parent {
    /// `https://role:password@host:7433`. The certificate is checked by `tls.authority`; the
    /// node's own, if it has one, is shown.
    fn of(url: &str, tls: &Tls) -> Result<Parent> {
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| unusable("...", "it has no scheme"))?;
        let (user, host) = match rest.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, rest),
        };
        let shown = format!("{scheme}://{host}");
        let endpoint = Endpoint::from_shared(shown.clone());
        let mut endpoint = endpoint
            .map_err(|error| unusable(&shown, error))?
            .connect_timeout(PATIENCE)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(PATIENCE)
            .keep_alive_while_idle(true)
            .tcp_nodelay(true);
        if scheme == "https" {
            endpoint = endpoint
                .tls_config(tls_of(&shown, tls)?)
                .map_err(|error| unusable(&shown, error))?;
        } else if scheme != "http" {
            return Err(unusable(&shown, "it is neither https nor http"));
        } else if !is_own_machine(host) {
            let why = "what leaves this machine needs TLS";
            return Err(unusable(&shown, why));
        }
        let authorization = user.map(|user| {
            let value = format!("Basic {}", BASE64_STANDARD.encode(user));
            let value = MetadataValue::try_from(value);
            value.map_err(|error| unusable(&shown, error))
        });
        Ok(Parent {
            endpoint,
            authorization: authorization.transpose()?,
        })
    }

    /// Keeps a link up as long as it holds.
    async fn link(&self, links: &Links) -> Result<(), tonic::Status> {
        let down = |error: &dyn std::fmt::Display| tonic::Status::unavailable(error.to_string());
        let channel = self.endpoint.connect().await;
        let mut client = LinkClient::new(channel.map_err(|error| down(&error))?);
        let (outlet, mut outward, closed) = outlet::outlet();
        let link = links.open(Side::Parent, outlet);
        let frames = futures::stream::poll_fn(move |cx| {
            let next = outward.poll_next(cx);
            next.map(|next| next?.ok().map(encode))
        });
        let mut request = Request::new(frames);
        if let Some(authorization) = &self.authorization {
            let headers = request.metadata_mut();
            headers.insert("authorization", authorization.clone());
        }
        let linked = async {
            let opened = tokio::time::timeout(PATIENCE, client.open(request)).await;
            let late = |_| tonic::Status::deadline_exceeded("it doesn't answer");
            pump(links, link, opened.map_err(late)??.into_inner()).await
        };
        let ended = tokio::select! {
            ended = linked => ended,
            _ = closed => Ok(()),
        };
        links.lost(link);
        ended
    }
}

fn tls_of(url: &str, tls: &Tls) -> Result<ClientTlsConfig> {
    let read = |path: &std::path::Path| {
        let text = std::fs::read(path);
        text.map_err(|error| Error::from(error).with_detail(path.display().to_string()))
    };
    let authority = tls.authority.as_deref().ok_or_else(|| {
        unusable(url, "there is nothing to check its certificate by")
            .with_hint("Set tls.authority to the certificate of your own authority.")
    })?;
    let mut config = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(authority)?));
    if let (Some(certificate), Some(key)) = (&tls.certificate, &tls.key) {
        config = config.identity(Identity::from_pem(read(certificate)?, read(key)?));
    }
    Ok(config)
}

fn is_own_machine(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = name.trim_matches(['[', ']']);
    let address = name.parse::<std::net::IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Dials as long as the node is there. What can't be reached is tried again after a pause
/// that grows, and that is never quite the same: a fleet comes back one by one.
async fn keep_dialled(node: Weak<Node>, parent: Parent) {
    let mut pause = FIRST_PAUSE;
    loop {
        let Some(own) = node.upgrade() else {
            return;
        };
        let began = Instant::now();
        let links = own.links().await;
        // Whoever lets go of the node ends this.
        drop(own);
        let ended = match &links {
            Ok(links) => parent
                .link(links)
                .await
                .map_err(|status| status.message().to_owned()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(why) = ended {
            tracing::warn!(why, "the link to the parent ended, or there is none");
        }
        if began.elapsed() >= GOOD_AFTER {
            pause = FIRST_PAUSE;
        }
        let part = RandomState::new().build_hasher().finish() % 512;
        let part = u32::try_from(part).unwrap_or_default();
        tokio::time::sleep(pause.saturating_mul(512 + part) / 1024).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}

/// Begins to dial, if the node has a parent.
pub(crate) fn begin(node: &Arc<Node>) -> Result<Option<tokio::task::JoinHandle<()>>> {
    let Some(url) = node.config().parent_url() else {
        return Ok(None);
    };
    let parent = Parent::of(url, &node.config().tls)?;
    let dialling = keep_dialled(Arc::downgrade(node), parent);
    Ok(Some(tokio::spawn(dialling)))
}
