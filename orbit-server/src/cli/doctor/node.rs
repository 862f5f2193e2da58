//! The node's own: its directory, its identity, its store, its ports.

use super::system::judge_drift;
use super::{Finding, Level, size};
use orbit_core::state;
use orbit_edge::place::Verdict;
use orbit_edge::{Node, NodeConfig, directory, identity};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

pub fn all(config: NodeConfig) -> Vec<Finding> {
    let data_dir = config.node.data_dir.clone();
    let mut findings = Vec::new();
    let mut running = false;
    let addresses = [
        ("port of PostgreSQL", "listen.pg_port", config.pg_address()),
        ("port of gRPC", "listen.grpc_port", config.grpc_address()),
        ("port of HTTP", "listen.http_port", config.http_address()),
    ];
    if directory::is_one(&data_dir) {
        findings.extend(permissions(&data_dir));
        let place = place(&data_dir);
        let may_open = place.level != Level::Problem;
        findings.push(place);
        if may_open {
            let (of_store, is_running) = store(config);
            findings.extend(of_store);
            running = is_running;
        }
    } else {
        findings.push(Finding::new(
            "data directory",
            Level::Note,
            format!("{} is none yet", data_dir.display()),
            "`orbit serve` makes it.",
        ));
    }
    for (check, key, address) in addresses {
        findings.push(port(check, key, address, running));
    }
    findings
}

fn permissions(path: &Path) -> Option<Finding> {
    let check = "directory rights";
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => {
            return Some(Finding::new(
                check,
                Level::Problem,
                format!("{}: {error}", path.display()),
                "Run this as the user that runs the node.",
            ));
        }
    };
    // SAFETY: the call only reads the process's own number.
    let own = unsafe { libc::geteuid() };
    Some(judge_rights(
        metadata.mode() & 0o777,
        metadata.uid(),
        own,
        path,
    ))
}

fn judge_rights(mode: u32, owner: u32, own: u32, path: &Path) -> Finding {
    let check = "directory rights";
    let found = format!("mode {mode:03o}, owned by user {owner}");
    if owner != own {
        let advice = format!(
            "Run the node as that user, or give it the directory: chown -R {own} {}",
            path.display()
        );
        let level = if own == 0 {
            Level::Note
        } else {
            Level::Problem
        };
        return Finding::new(check, level, found, advice);
    }
    match mode & 0o077 {
        0 => Finding::ok(check, found),
        _ => Finding::new(
            check,
            Level::Warning,
            format!("{found}: other users of this machine can get at it"),
            format!("chmod 700 {}", path.display()),
        ),
    }
}

fn place(data_dir: &Path) -> Finding {
    let check = "identity";
    match identity::read(data_dir) {
        Err(error) => Finding::of_error(check, &error),
        Ok(None) => Finding::new(
            check,
            Level::Note,
            "none recorded yet",
            "The next start records it; by it copies of the directory are told.",
        ),
        Ok(Some(found)) => match found.verdict() {
            Verdict::Same => Finding::ok(check, found.recorded.identity.site.to_string()),
            Verdict::Copied(evidence) => Finding::new(
                check,
                Level::Problem,
                format!("looks like a copy: {}", evidence.join("; ")),
                "`orbit identity renew` if the original lives on, `orbit identity keep` if this is it.",
            ),
        },
    }
}

/// Opens the store as a start would; says whether a node has it open already.
fn store(config: NodeConfig) -> (Vec<Finding>, bool) {
    let check = "store";
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_stack_size(orbit_query::STACK_BYTES)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return (vec![Finding::of_error(check, &error.into())], false),
    };
    runtime.block_on(async {
        let node = match Node::open(config).await {
            Ok(node) => node,
            Err(error) if error.is(state::OBJECT_IN_USE) => {
                let found = "a node has it open";
                return (vec![Finding::ok(check, found)], true);
            }
            Err(error) => return (vec![Finding::of_error(check, &error)], false),
        };
        let newest = node.durable_position().0 >> 16;
        let health = node.health();
        let bytes = node.disk_bytes().unwrap_or(0);
        let closed = node.close().await;
        let mut findings = vec![match health.and(closed) {
            Ok(()) => Finding::ok(check, format!("opens, {}", size(bytes))),
            Err(error) => Finding::of_error(check, &error),
        }];
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = u64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(u64::MAX);
        findings.push(judge_drift(newest, now));
        (findings, false)
    })
}

fn port(check: &'static str, key: &str, address: SocketAddr, running: bool) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) if running => Finding::ok(
            check,
            format!("{address} is free; the running node listens elsewhere"),
        ),
        Ok(_) => Finding::ok(check, format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => match running {
            true => Finding::ok(check, format!("{address} is taken, a node runs")),
            false => Finding::new(
                check,
                Level::Problem,
                format!("{address} is taken by another process"),
                format!("Stop that (`ss -ltnp` names it), or set {key} to another port."),
            ),
        },
        Err(error) => Finding::new(
            check,
            Level::Problem,
            format!("{address}: {error}"),
            format!("Set listen.address or {key} to what this machine has."),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_judged() {
        let level = |mode, owner, own| judge_rights(mode, owner, own, Path::new("/d")).level;
        assert_eq!(level(0o700, 5, 5), Level::Ok);
        assert_eq!(level(0o755, 5, 5), Level::Warning);
        assert_eq!(level(0o700, 5, 6), Level::Problem);
        assert_eq!(level(0o700, 5, 0), Level::Note);
    }
}
