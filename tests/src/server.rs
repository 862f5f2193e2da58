//! One `orbit serve` process on a data directory of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio_postgres::{Client, NoTls};

/// The binary under test: `ORBIT_BIN`, or the one built beside the tests.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("ORBIT_BIN") {
        return path.into();
    }
    let own = std::env::current_exe().expect("the test's own path");
    // A test is target/<profile>/deps/test, a program of ours target/<profile>/program.
    let mut directories = own.ancestors().skip(1).take(2);
    let path = directories.next().expect("a directory").join("orbit");
    let path = match (path.exists(), directories.next()) {
        (false, Some(directory)) => directory.join("orbit"),
        _ => path,
    };
    assert!(
        path.exists(),
        "{} is missing: build it with `cargo build --bin orbit`",
        path.display()
    );
    path
}

/// A port nobody listens on, and that nobody else in this process is given soon. None is among
/// those that systems hand to whoever connects or asks for any, as they are usually set.
pub fn free_port() -> u16 {
    const FIRST: u32 = 16_000;
    const COUNT: u32 = 16_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Processes beside this one begin elsewhere.
    let begin = std::process::id().wrapping_mul(97);
    for _ in 0..COUNT {
        let next = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + next % COUNT).expect("a port");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("every port from {FIRST} on is taken");
}

pub struct Server {
    pub port: u16,
    pub grpc_port: u16,
    pub directory: PathBuf,
    pub child: Child,
    /// From `exec` to the first answer.
    pub started_in: Duration,
    options: Vec<String>,
    _temporary: Option<tempfile::TempDir>,
}

impl Server {
    /// A node with a fresh directory.
    pub async fn start() -> Server {
        Server::start_with(&[]).await
    }

    pub async fn start_with(options: &[&str]) -> Server {
        let temporary = tempfile::tempdir().expect("a temporary directory");
        let directory = temporary.path().join("data");
        let mut server = Server::start_in(&directory, options).await;
        server._temporary = Some(temporary);
        server
    }

    /// A node on a directory that outlives it.
    pub async fn start_in(directory: &Path, options: &[&str]) -> Server {
        let command = Command::new(binary());
        Server::spawn(command, directory, options)
            .await
            .unwrap_or_else(|said| panic!("orbit did not start:\n{said}"))
    }

    /// Starts through `command` (a tracer, say) and waits for the first answer.
    /// `Err`: what a node that did not come up wrote on stderr.
    pub async fn spawn(
        mut command: Command,
        directory: &Path,
        options: &[&str],
    ) -> Result<Server, String> {
        let (port, grpc_port) = (free_port(), free_port());
        let stderr_path = directory.with_extension("stderr");
        let stderr = std::fs::File::create(&stderr_path).map_err(|error| error.to_string())?;
        let started = Instant::now();
        let child = command
            .arg("serve")
            .arg("--data-dir")
            .arg(directory)
            .args(["--pg-port", &port.to_string()])
            .args(["--grpc-port", &grpc_port.to_string()])
            .args(["--http-port", "0"])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut server = Server {
            port,
            grpc_port,
            directory: directory.to_owned(),
            child,
            started_in: Duration::ZERO,
            options: options.iter().map(|&option| option.to_owned()).collect(),
            _temporary: None,
        };
        let deadline = started + Duration::from_secs(60);
        loop {
            if let Ok(client) = server.try_connect().await
                && client.simple_query("SELECT 1").await.is_ok()
            {
                server.started_in = started.elapsed();
                return Ok(server);
            }
            let ended = server.child.try_wait().map_err(|error| error.to_string())?;
            if ended.is_some() || Instant::now() > deadline {
                if ended.is_none() {
                    server.kill();
                }
                return Err(std::fs::read_to_string(&stderr_path).unwrap_or_default());
            }
            // Polling for readiness: a refused connection is the only sign there is.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// A process that was started elsewhere and listens on `port`.
    pub fn running(port: u16, directory: &Path, child: Child, home: tempfile::TempDir) -> Server {
        Server {
            port,
            grpc_port: 0,
            directory: directory.to_owned(),
            child,
            started_in: Duration::ZERO,
            options: Vec::new(),
            _temporary: Some(home),
        }
    }

    pub fn url(&self) -> String {
        format!("host=127.0.0.1 port={} user=orbit dbname=orbit", self.port)
    }

    pub async fn try_connect(&self) -> Result<Client, tokio_postgres::Error> {
        let (client, connection) = tokio_postgres::connect(&self.url(), NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    pub async fn connect(&self) -> Client {
        self.try_connect().await.expect("a connection")
    }

    /// The node's own process: the child, or what a tracer started for us.
    pub fn pid(&self) -> i32 {
        let child = self.child.id();
        let traced = std::fs::read_to_string(format!("/proc/{child}/task/{child}/children"));
        let first = traced.unwrap_or_default();
        let first = first
            .split_whitespace()
            .next()
            .and_then(|pid| pid.parse().ok());
        first.unwrap_or(child as i32)
    }

    /// Power to the process is cut: no handler runs.
    pub fn kill(&mut self) {
        self.signal(libc::SIGKILL);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: the child has not been waited for, so the pid is its own or its child's.
        unsafe { libc::kill(self.pid(), signal) };
    }

    /// Asks the node to end and waits for it; its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        match self.stop_within(Duration::from_secs(30)) {
            Some(status) => status.code(),
            None => panic!("the node did not end within 30 s of SIGTERM"),
        }
    }

    /// Asks the node to end; `None` if it had to be killed for want of an answer.
    pub fn stop_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        self.signal(libc::SIGTERM);
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.kill();
        None
    }

    /// Starts again on the same directory.
    pub async fn restart(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        let mut next = Server::start_in(&self.directory, &options).await;
        next._temporary = self._temporary.take();
        *self = next;
    }

    /// Resident and anonymous memory now, in bytes.
    pub fn memory(&self) -> (u64, u64) {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let text = text.unwrap_or_default();
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name))
                .and_then(|rest| rest.split_whitespace().next())
                .and_then(|number| number.parse::<u64>().ok())
                .unwrap_or(0)
                * 1024
        };
        (field("VmRSS:"), field("RssAnon:"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.kill();
        }
    }
}
