//! Every key of the node's configuration: a letter to the operator.

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Flag,
    /// A whole number from `.0` to `.1`.
    Count(u64, u64),
    /// Bytes, or text such as `"128mb"`.
    Bytes,
    /// Text such as `"30s"`.
    Duration,
    Word(&'static [&'static str]),
    /// A list of texts.
    List,
}

#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub path: &'static str,
    pub kind: Kind,
    /// As an operator would type it; `None`: unset, or set by the profile.
    pub default: Option<&'static str>,
    pub letter: &'static str,
}

const fn key(
    path: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    letter: &'static str,
) -> Key {
    Key {
        path,
        kind,
        default,
        letter,
    }
}

use Kind::{Bytes, Count, Duration, Flag, List, Text, Word};

const PORT: Kind = Count(0, 65_535);

/// In the order in which `orbit config show` prints them.
pub const KEYS: &[Key] = &[
    key(
        "node.id",
        Text,
        None,
        "A name for people, shown in status. Set it where several nodes report to one place.",
    ),
    key(
        "node.tier",
        Word(&["device", "gateway", "region", "cloud"]),
        None,
        "Where the node stands in the tree. The profile knows; set it for a datacenter that is the cloud.",
    ),
    key(
        "node.profile",
        Text,
        None,
        "The device profile: micro_device, iot_gateway, mobile_device, edge_datacenter, or one of your own under [edge_profile.NAME]. Choose by the memory you can spare.",
    ),
    key(
        "node.data_dir",
        Text,
        Some("orbit-data"),
        "Where everything is kept. Put it on a local disk that honours fsync, never on a network share.",
    ),
    key(
        "edge.mode",
        Word(&["edge", "hub"]),
        Some("edge"),
        "`hub` for a node that others dial, `edge` for one that dials.",
    ),
    key(
        "edge.hub_url",
        Text,
        None,
        "The parent to dial: https://role:password@host:7433. Leave it unset for a node that stands alone.",
    ),
    key(
        "edge.sync_interval",
        Duration,
        Some("30s"),
        "How often to offer the parent what changed. Longer saves radio and battery, shorter loses less to a stolen device.",
    ),
    key(
        "edge.offline_queue_size",
        Count(1, u64::MAX),
        None,
        "Rows kept for the parent while the link is down. Unset, only the bytes of the profile limit it; set it where the parent asks for a row budget.",
    ),
    key(
        "edge.conflict_resolution",
        Word(&[
            "lww",
            "last_write_wins",
            "first_write_wins",
            "cloud_wins",
            "edge_wins",
            "crdt",
            "keep_both",
            "causal",
            "manual",
            "three_way",
        ]),
        Some("lww"),
        "How two edits of one cell are settled where the table doesn't say.",
    ),
    key(
        "edge.resources.memory_limit",
        Bytes,
        None,
        "All memory the node may take. The profile's target unless you share the device with something that needs more.",
    ),
    key(
        "edge.resources.storage_limit",
        Bytes,
        None,
        "All disk the data directory may take; near it rows may only go. Set it where the data shares a partition with the system.",
    ),
    key(
        "edge.resources.cpu_budget",
        Word(&["low", "medium", "high"]),
        Some("medium"),
        "How much of one processor making columnar copies may take: `low` a twentieth, `medium` a third, `high` half.",
    ),
    key(
        "edge.resources.max_cpu_percent",
        Count(1, 100),
        Some("100"),
        "How many of the machine's processors the node runs on, rounded up: of four, 50 is two. Lower it beside a control loop that must not wait.",
    ),
    key(
        "edge.resources.max_file_descriptors",
        Count(64, 1_048_576),
        None,
        "Files and sockets together, half of them for the store. Unset, as many as the system allows.",
    ),
    key(
        "edge.resources.max_connections",
        Count(1, 100_000),
        None,
        "Clients at once. Each takes some hundred kilobytes; put a pooler before raising it on a small device.",
    ),
    key(
        "edge.resources.max_queries",
        Count(1, 1000),
        None,
        "Queries that read more than a thousand rows of a table: how many run at once. They share the query memory; fewer have more of it each.",
    ),
    key(
        "edge.resources.max_waiting_queries",
        Count(0, 100_000),
        None,
        "How many more such queries wait for their turn before one is refused. Lower it where an early refusal serves clients better than a late answer.",
    ),
    key(
        "edge.resources.eviction_policy",
        Word(&["oldest", "priority", "lru", "compact", "ttl"]),
        Some("lru"),
        "What goes first when the disk fills. Rows the parent doesn't have yet are never evicted. Kept, not acted on yet.",
    ),
    key(
        "edge.mesh.enabled",
        Flag,
        Some("false"),
        "Whether to look for neighbours on the local network.",
    ),
    key(
        "edge.mesh.discovery",
        Word(&["mdns", "static", "dns_sd", "registry"]),
        Some("mdns"),
        "How neighbours are found. `static` where multicast is filtered.",
    ),
    key(
        "edge.mesh.peers",
        List,
        None,
        "Addresses of neighbours for `static` discovery.",
    ),
    key(
        "edge.mesh.domain",
        Text,
        None,
        "The domain asked for service records by `dns_sd` discovery.",
    ),
    key(
        "edge.mesh.endpoint",
        Text,
        None,
        "The address of the registry for `registry` discovery.",
    ),
    key(
        "edge.mesh.max_peers",
        Count(1, 64),
        Some("3"),
        "Neighbours to keep a link with. More spread faster and cost more radio.",
    ),
    key(
        "edge.mesh.gossip_interval_secs",
        Count(1, 3600),
        Some("10"),
        "Seconds between rounds. Longer on battery.",
    ),
    key(
        "edge.mesh.replicated_tables",
        List,
        None,
        "Tables that neighbours share. Empty: none.",
    ),
    key(
        "sync.enabled",
        Flag,
        Some("true"),
        "Turn it off for a link that carries calls of actors alone.",
    ),
    key(
        "sync.interval_secs",
        Count(1, 86_400),
        Some("30"),
        "Seconds between batches where the table doesn't say.",
    ),
    key(
        "sync.batch_size",
        Count(1, 1_000_000),
        Some("1000"),
        "Rows offered at once. Lower it on links that lose packets.",
    ),
    key(
        "sync.compression",
        Word(&["zstd", "none"]),
        Some("zstd"),
        "`none` only where the processor is scarcer than the link.",
    ),
    key(
        "sync.max_queue_size",
        Bytes,
        None,
        "Bytes of log kept for the parent. Unset: what the profile grants.",
    ),
    key(
        "sync.retry",
        Duration,
        Some("1s"),
        "The first wait after a failure; it doubles up to five minutes.",
    ),
    key(
        "sync.bandwidth_limit",
        Count(0, u64::MAX),
        Some("1048576"),
        "Bits per second for sync; 0 lifts the limit. Keep it under what the site's other users need.",
    ),
    key(
        "listen.address",
        Text,
        Some("127.0.0.1"),
        "The address to serve PostgreSQL clients on. Beyond loopback every client needs TLS and a password or certificate; a start that couldn't ask for them is refused.",
    ),
    key(
        "limits.statement_timeout",
        Duration,
        None,
        "How long a statement may run. Every session begins with it, unless its role has its own; set it where clients forget what they asked for.",
    ),
    key(
        "limits.lock_timeout",
        Duration,
        None,
        "How long a statement may wait for one lock.",
    ),
    key(
        "limits.idle_session_timeout",
        Duration,
        None,
        "How long a session may say nothing. Leave it unset for pools, which keep idle sessions on purpose.",
    ),
    key(
        "limits.idle_in_transaction_session_timeout",
        Duration,
        None,
        "How long a session may say nothing inside a transaction. Set it where forgotten transactions hold locks.",
    ),
    key(
        "limits.transaction_timeout",
        Duration,
        None,
        "How long a transaction may last as a whole.",
    ),
    key(
        "limits.statement_size",
        Bytes,
        None,
        "The longest statement a session may send. Sessions can't change it; roles may have their own (statement_size_limit).",
    ),
    key(
        "limits.statement_terms",
        Count(1, u64::MAX),
        None,
        "How many words and signs a statement may have (statement_term_limit).",
    ),
    key(
        "limits.expression_depth",
        Count(1, 200),
        None,
        "How deep parentheses may nest in a statement (expression_depth_limit).",
    ),
    key(
        "limits.parameters",
        Count(1, 65_535),
        None,
        "How many parameters a prepared statement may have (parameter_limit).",
    ),
    key(
        "limits.result_memory",
        Bytes,
        None,
        "What one statement may hold in memory for its result (result_memory_limit). Unset, all share the query pool.",
    ),
    key(
        "listen.pg_port",
        PORT,
        Some("7432"),
        "PostgreSQL wire. 5432 if applications can't be told another port; 0 takes a free one.",
    ),
    key(
        "listen.grpc_port",
        PORT,
        Some("7400"),
        "Arrow Flight SQL and Orbit's own services. 0 takes a free port.",
    ),
    key(
        "listen.http_port",
        PORT,
        Some("7480"),
        "Health and version for a supervisor. 0 takes a free port.",
    ),
    key(
        "listen.status_address",
        Text,
        None,
        "The address of the HTTP port, and of gRPC unless listen.grpc_address is set. HTTP asks for no password, so only loopback is served; unset, it is listen.address where that is loopback and 127.0.0.1 elsewhere.",
    ),
    key(
        "listen.grpc_address",
        Text,
        None,
        "The address of the gRPC port, if it is to be another than the HTTP port's. Beyond loopback it needs TLS, and clients prove who they are as access.remote has it.",
    ),
    key(
        "tls.enabled",
        Flag,
        Some("true"),
        "Whether there is TLS 1.3 for PostgreSQL clients. Beyond loopback there must be.",
    ),
    key(
        "tls.loopback",
        Flag,
        Some("false"),
        "Whether clients on this machine may encrypt, too. It costs them time and protects from nobody who isn't root; set it to try certificates out.",
    ),
    key(
        "tls.certificate",
        Text,
        None,
        "PEM file with the node's certificate chain. Unset, the node makes one of its own in the data directory, which clients must be given to know it by.",
    ),
    key(
        "tls.key",
        Text,
        None,
        "PEM file with the certificate's private key; refused if others than the node's user can read it.",
    ),
    key(
        "tls.authority",
        Text,
        None,
        "PEM file with the authority that signed clients' certificates. Set it where access.remote asks for certificates.",
    ),
    key(
        "access.loopback",
        Word(&["trust", "scram"]),
        Some("trust"),
        "What clients on this machine need: `trust` asks only roles that have a password for it, `scram` lets nobody in without one. Choose `scram` where others have accounts on the machine.",
    ),
    key(
        "access.remote",
        Word(&["scram", "certificate", "either", "both"]),
        Some("scram"),
        "What clients need where listen.address is not loopback: a password, a certificate of tls.authority with the role's name as common name, either, or both.",
    ),
    key(
        "access.audit_rows",
        Count(100, 100_000_000),
        Some("100000"),
        "How many rows orbit.audit keeps; the oldest go first. Lower it on a small disk.",
    ),
    key(
        "access.audit_age",
        Duration,
        Some("90d"),
        "How long orbit.audit keeps a row. Set it to what your rules demand, not longer.",
    ),
];

pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}
