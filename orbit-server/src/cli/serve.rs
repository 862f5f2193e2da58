//! `orbit serve`: a node until a signal ends it.

use super::{Failure, interrupted};
use crate::running::Running;
use clap::Args;
use orbit_core::{Error, state};
use orbit_edge::{NodeConfig, Sources, with_limits};
use std::path::PathBuf;

/// What a machine that runs the full binary usually is. A smaller one takes no
/// more than half of its memory.
pub const DEFAULT_PROFILE: &str = "edge_datacenter";
/// A node that may take so much has no need to save memory by its pages.
const PLENTY_BYTES: u64 = 1 << 30;

#[derive(Args, Debug, Default)]
pub struct ServeArgs {
    /// Device profile: micro_device, iot_gateway, mobile_device, edge_datacenter, or your own
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Configuration file to read instead of ./orbit.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where everything is kept [default: ./orbit-data]
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    /// Address to listen on; beyond loopback clients need TLS and a password [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Port for PostgreSQL wire [default: 7432; 0 takes a free one]
    #[arg(long, value_name = "PORT")]
    pg_port: Option<u16>,
    /// Port for gRPC [default: 7400; 0 takes a free one]
    #[arg(long, value_name = "PORT")]
    grpc_port: Option<u16>,
    /// Port for health and version [default: 7480; 0 takes a free one]
    #[arg(long, value_name = "PORT")]
    http_port: Option<u16>,
}

impl ServeArgs {
    fn config(self) -> Result<NodeConfig, Failure> {
        let text = |port: Option<u16>| port.map(|port| port.to_string());
        let data_dir = self
            .data_dir
            .map(|path| path.to_string_lossy().into_owned());
        let sources = Sources::standard(self.config.as_deref())
            .flag("node.profile", "--profile", self.profile)
            .flag("node.data_dir", "--data-dir", data_dir)
            .flag("listen.address", "--listen", self.listen)
            .flag("listen.pg_port", "--pg-port", text(self.pg_port))
            .flag("listen.grpc_port", "--grpc-port", text(self.grpc_port))
            .flag("listen.http_port", "--http-port", text(self.http_port));
        let config = NodeConfig::load(&sources, DEFAULT_PROFILE).map_err(Failure::Usage)?;
        config.check_listening().map_err(Failure::Usage)?;
        Ok(config)
    }
}

/// Which exit code an error at start deserves.
pub fn start_failure(error: Error) -> Failure {
    match error.state() {
        state::OBJECT_NOT_IN_PREREQUISITE_STATE
        | state::OBJECT_IN_USE
        | state::DATA_CORRUPTED
        | state::DISK_FULL
        | state::IO_ERROR => Failure::Data(error),
        _ => Failure::Usage(error),
    }
}

/// As many open files as the system lets us have, or as are allowed: shells begin with few,
/// and a store that runs out of them stops.
fn allow_open_files(most: Option<u64>) {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: both calls get a structure that lives over them.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = most.map_or(limit.rlim_max, |most| limit.rlim_max.min(most));
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}

/// Keeps all threads that are yet to start, of all libraries, to a part of the processors.
#[cfg(target_os = "linux")]
fn run_on(percent: u64) {
    if percent >= 100 {
        return;
    }
    // SAFETY: the sets are plain bits, written and read through libc's own functions within
    // their bounds.
    unsafe {
        let mut all: libc::cpu_set_t = std::mem::zeroed();
        let bytes = size_of::<libc::cpu_set_t>();
        if libc::sched_getaffinity(0, bytes, &mut all) != 0 {
            let error = std::io::Error::last_os_error();
            tracing::warn!(%error, "edge.resources.max_cpu_percent is not kept");
            return;
        }
        let bits = usize::try_from(libc::CPU_SETSIZE).unwrap_or(0);
        let there: Vec<usize> = (0..bits)
            .filter(|bit| libc::CPU_ISSET(*bit, &all))
            .collect();
        let mut some: libc::cpu_set_t = std::mem::zeroed();
        // Interrupts and what else there is mostly keep to the first ones.
        let kept = there.iter().rev().take(share_of(there.len(), percent));
        kept.for_each(|bit| libc::CPU_SET(*bit, &mut some));
        if libc::sched_setaffinity(0, bytes, &some) != 0 {
            let error = std::io::Error::last_os_error();
            tracing::warn!(%error, "edge.resources.max_cpu_percent is not kept");
        }
    }
}

/// At least one.
#[cfg(target_os = "linux")]
fn share_of(processors: usize, percent: u64) -> usize {
    let percent = usize::try_from(percent).unwrap_or(100);
    (processors * percent).div_ceil(100).max(1)
}

/// Pages of 2 MB hold memory that nobody uses: at rest a fifth of a gateway's. Where there
/// is plenty they save the processor some work.
fn have_small_pages() {
    #[cfg(target_os = "linux")]
    // SAFETY: takes numbers only.
    unsafe {
        // A kernel without it has none to begin with.
        libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0);
    }
}

pub fn run(args: ServeArgs) -> Result<(), Failure> {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("ORBIT_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn")),
        )
        .with_writer(std::io::stderr)
        .init();
    let config = args.config()?;
    let resources = &config.edge.resources;
    allow_open_files(resources.max_file_descriptors);
    #[cfg(target_os = "linux")]
    run_on(resources.max_cpu_percent);
    let limited = with_limits(&config).map_err(Failure::Usage)?;
    if limited.memory_bytes(orbit_edge::machine::memory_bytes()) < PLENTY_BYTES {
        have_small_pages();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(orbit_query::STACK_BYTES)
        .on_thread_park(orbit_core::memory::tidy)
        .enable_all()
        .build()
        .map_err(|error| Failure::Work(error.into()))?;
    let result = runtime.block_on(async {
        let (data_dir, profile) = (config.node.data_dir.clone(), config.profile.name.clone());
        let running = Running::start(config).await.map_err(start_failure)?;
        eprintln!(
            "orbit {} ready: postgres {}, grpc {}, http {}, data {}, profile {profile}",
            env!("CARGO_PKG_VERSION"),
            running.pg_address,
            running.grpc_address,
            running.http_address,
            data_dir.display(),
        );
        // A store that fails ends the process by itself, at once.
        interrupted().await;
        eprintln!("orbit: stopping");
        running.stop().await.map_err(Failure::Data)?;
        eprintln!("orbit: stopped");
        Ok(())
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    result
}

#[cfg(test)]
mod tests {
    use crate::cli::embedded::Embedded;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_part_of_the_processors_is_at_least_one() {
        use super::share_of;
        assert_eq!(share_of(4, 50), 2);
        assert_eq!(share_of(4, 51), 3);
        assert_eq!(share_of(4, 1), 1);
        assert_eq!(share_of(1, 10), 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_taken_port_is_a_matter_of_configuration() {
        let directory = tempfile::tempdir().unwrap();
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let failure = Embedded::start_on(directory.path(), port).await.err();
        assert_eq!(failure.map(|failure| failure.code()), Some(2));
    }
}
