//! From a profile to the figures the parts of a node are opened with. Pure.

use super::{DeviceClass, PersistenceBackend, Profile};

/// How a node divides its memory. All sizes are ceilings, taken as needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    pub block_cache_bytes: usize,
    pub write_buffer_bytes: usize,
    /// What all running queries may hold together: at most 35 % of the target,
    /// since the pool counts only large operators.
    pub query_pool_bytes: usize,
    /// Decoded columns of tables.
    pub columns_cache_bytes: usize,
    /// What virtual actors may hold; as much again may wait for them.
    pub actors_bytes: usize,
    /// What one transaction's writes may take until COMMIT.
    pub transaction_bytes: usize,
    /// Words and signs of one statement: its syntax takes up to two kilobytes for each.
    pub statement_nodes: usize,
    /// What the process may hold before statements that want more are refused.
    pub ceiling_bytes: u64,
    pub max_connections: usize,
    /// Queries that read much: how many run at once and share the pool.
    pub max_queries: usize,
    /// How many more of them wait.
    pub max_waiting_queries: usize,
    pub plan_cache_entries: usize,
    /// What prepared statements may take that no session holds.
    pub plan_cache_bytes: usize,
    pub batch_rows: usize,
    /// 0: as many as there are processors.
    pub target_partitions: usize,
    pub max_open_files: i32,
    pub background_jobs: i32,
}

const KB: u64 = 1 << 10;
const MB: u64 = 1 << 20;

impl MemoryPlan {
    pub fn of(profile: &Profile) -> MemoryPlan {
        let target = profile.target_memory_bytes;
        let store = profile.store_memory_bytes.unwrap_or(target / 4);
        // A log-structured store splits its share between cache and memtables;
        // the small one has no memtables, its cache holds both.
        let (block_cache, write_buffers) = match profile.persistence_backend {
            PersistenceBackend::EmbeddedKv => (store.min(target / 4).max(MB), 0),
            _ => (
                (store * 5 / 8).clamp(2 * MB, 2048 * MB),
                (store * 3 / 8).clamp(2 * MB, 256 * MB),
            ),
        };
        let max_connections = (target / MB).clamp(8, 1000);
        let small = matches!(profile.device_class, DeviceClass::Micro | DeviceClass::Edge);
        MemoryPlan {
            block_cache_bytes: bytes(block_cache),
            write_buffer_bytes: bytes(write_buffers),
            query_pool_bytes: bytes(target / 100 * 35),
            columns_cache_bytes: bytes(match profile.device_class {
                DeviceClass::Micro => 0,
                DeviceClass::Edge | DeviceClass::Mobile => target / 10,
                DeviceClass::DataCenter => target / 4,
            }),
            actors_bytes: bytes((target / 8).max(MB)),
            transaction_bytes: bytes((target / 2).clamp(16 * MB, 512 * MB)),
            statement_nodes: bytes((target / (3 * KB)).clamp(20_000, 500_000)),
            ceiling_bytes: target.max(target / 2 + 64 * MB),
            max_connections: bytes(max_connections),
            max_queries: bytes(match profile.device_class {
                DeviceClass::Micro => 1,
                DeviceClass::Edge => 2,
                DeviceClass::Mobile => 4,
                DeviceClass::DataCenter => (profile.device.cpu_cores.unwrap_or(4) * 2).clamp(4, 64),
            }),
            max_waiting_queries: bytes(max_connections / 2),
            plan_cache_entries: bytes(
                (profile.optimization.query_cache_bytes / (64 * KB)).clamp(16, 4096),
            ),
            plan_cache_bytes: bytes(profile.optimization.query_cache_bytes.min(target / 8)),
            batch_rows: match profile.device_class {
                DeviceClass::Micro => 1024,
                DeviceClass::Edge => 2048,
                DeviceClass::Mobile => 4096,
                DeviceClass::DataCenter => 8192,
            },
            target_partitions: match profile.device_class {
                DeviceClass::Micro | DeviceClass::Edge => 1,
                DeviceClass::Mobile => 2,
                DeviceClass::DataCenter => 0,
            },
            max_open_files: if small { 128 } else { 1024 },
            background_jobs: if small { 2 } else { 4 },
        }
    }
}

fn bytes(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
