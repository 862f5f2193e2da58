//! Who calls is settled before a byte of what they send is read: by the headers alone.

use crate::flight::{Guest, Lobby, status};
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::codegen::{BoxFuture, Service};
use tonic::metadata::MetadataMap;
use tonic::server::NamedService;

/// The one method that is for those who have no session yet.
const HANDSHAKE: &str = "/arrow.flight.protocol.FlightService/Handshake";

/// A service whose calls come with their session.
#[derive(Clone)]
pub struct Gate<S> {
    service: S,
    lobby: Arc<Lobby>,
}

impl<S> Gate<S> {
    pub fn new(service: S, lobby: Arc<Lobby>) -> Gate<S> {
        Gate { service, lobby }
    }
}

impl<S: NamedService> NamedService for Gate<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Gate<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Response<Body>, Infallible>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let lobby = self.lobby.clone();
        // The one that was asked whether it is ready is the one to be called.
        let next = self.service.clone();
        let mut service = std::mem::replace(&mut self.service, next);
        Box::pin(async move {
            if request.uri().path() == HANDSHAKE {
                return service.call(request).await;
            }
            let metadata = MetadataMap::from_headers(request.headers().clone());
            let admitted = lobby.guest(&metadata, request.extensions().get()).await;
            let admitted = admitted.and_then(|guest: Arc<Guest>| {
                let call = guest.call()?;
                Ok((guest, call))
            });
            match admitted {
                Ok((guest, _call)) => {
                    request.extensions_mut().insert(guest);
                    service.call(request).await
                }
                Err(error) => Ok(status(&error).into_http()),
            }
        })
    }
}
