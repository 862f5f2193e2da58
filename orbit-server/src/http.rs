//! `/health` and `/version` for a supervisor: HTTP/1.0 with bounded reads, one
//! answer per connection. No framework is linked for two fixed answers.

use orbit_edge::Node;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

const MAX_REQUEST_BYTES: usize = 8 << 10;
const MAX_CONNECTIONS: usize = 64;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Answers until `stop`.
pub async fn serve(node: Arc<Node>, listener: TcpListener, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((socket, _)) = accepted else {
            // Out of file descriptors: others will close theirs.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // Over the limit the connection is closed unanswered.
        let Ok(slot) = slots.clone().try_acquire_owned() else {
            continue;
        };
        let node = node.clone();
        tokio::spawn(async move {
            let _slot = slot;
            let _answered = tokio::time::timeout(REQUEST_TIMEOUT, answer(&node, socket)).await;
        });
    }
}

async fn answer(node: &Node, mut socket: TcpStream) -> std::io::Result<()> {
    let mut request = Vec::with_capacity(512);
    let mut buffer = [0; 512];
    while !is_complete(&request) {
        let read = socket.read(&mut buffer).await?;
        if read == 0 || request.len() + read > MAX_REQUEST_BYTES {
            return Ok(());
        }
        request.extend_from_slice(buffer.get(..read).unwrap_or_default());
    }
    let (status, body) = respond(node, &request);
    let head = format!(
        "HTTP/1.0 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await?;
    if !request.starts_with(b"HEAD ") {
        socket.write_all(body.as_bytes()).await?;
    }
    socket.shutdown().await
}

fn is_complete(request: &[u8]) -> bool {
    request.windows(4).any(|end| end == b"\r\n\r\n") || request.windows(2).any(|end| end == b"\n\n")
}

fn respond(node: &Node, request: &[u8]) -> (&'static str, String) {
    let line = request
        .split(|byte| *byte == b'\r' || *byte == b'\n')
        .next();
    let mut words = line.unwrap_or_default().split(|byte| *byte == b' ');
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    if method != b"GET" && method != b"HEAD" {
        return (
            "405 Method Not Allowed",
            "{\"error\": \"only GET and HEAD\"}\n".to_owned(),
        );
    }
    match path {
        b"/health" => match node.health() {
            Ok(()) => ("200 OK", "{\"status\": \"ok\"}\n".to_owned()),
            Err(error) => (
                "503 Service Unavailable",
                format!(
                    "{{\"status\": \"failed\", \"error\": {}}}\n",
                    serde_json::Value::from(error.message())
                ),
            ),
        },
        b"/version" => (
            "200 OK",
            format!(
                "{{\"name\": \"orbit\", \"version\": \"{}\"}}\n",
                env!("CARGO_PKG_VERSION")
            ),
        ),
        _ => (
            "404 Not Found",
            "{\"error\": \"try /health or /version\"}\n".to_owned(),
        ),
    }
}
