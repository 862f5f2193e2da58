//! Every setting of RocksDB that differs from its defaults, with the reason.

use super::error::store_error;
use super::spaces::Family;
use crate::error::Result;
use crate::store::StoreOptions;
use ::rocksdb::{
    BlockBasedOptions, Cache, DBCompressionType, DBRecoveryMode, DataBlockIndexType, LogLevel,
    Options, ReadOptions, WriteBufferManager,
};

/// All logs together, before the memtables that need the oldest are flushed.
const MAX_LOG_BYTES: u64 = 24 << 20;

/// What all column families draw on together.
pub(super) struct Resources {
    pub cache: Cache,
    pub cache_bytes: u64,
    pub memtables: WriteBufferManager,
}

impl Resources {
    pub fn new(options: &StoreOptions) -> Resources {
        Resources {
            // The clock cache takes no lock on a hit. 0: it sizes its slots by itself.
            cache: Cache::new_hyper_clock_cache(options.block_cache_bytes, 0),
            cache_bytes: options.block_cache_bytes as u64,
            // Not charged to the cache: the two budgets stay what the profile
            // says, and a burst of writes doesn't push out what readers need.
            // No stall at the limit either: reaching it begins a flush, and the
            // committer waits for slow disks already at its syncs.
            memtables: WriteBufferManager::new_write_buffer_manager(
                options.write_buffer_bytes,
                false,
            ),
        }
    }
}

pub(super) fn database_options(options: &StoreOptions, resources: &Resources) -> Result<Options> {
    // Two settings that only RocksDB's own option text reaches:
    // * no coming back after a failed background write: what failed once is
    //   not to be trusted because it worked the next time;
    // * a log file notes the end of the one before, so a missing one is noticed.
    let mut database = Options::default()
        .get_options_from_string("max_bgerror_resume_count=0;track_and_verify_wals=true")
        .map_err(store_error)?;
    database.create_if_missing(true);
    database.create_missing_column_families(true);

    // An old log file is never written over: what stands behind the end of a
    // log must not look like records of it.
    database.set_recycle_log_file_num(0);
    // What a crash tore is cut off before RocksDB looks (`rocks/wal.rs`).
    database.set_wal_recovery_mode(DBRecoveryMode::AbsoluteConsistency);
    // A log file that was synced and closed must be there, in its length.
    database.set_track_and_verify_wals_in_manifest(true);
    // Bounds the time the next start takes to read the logs: every change in
    // them goes into a memtable again, one to two microseconds each.
    let log_bytes = (options.write_buffer_bytes as u64).clamp(4 << 20, MAX_LOG_BYTES);
    database.set_max_total_wal_size(log_bytes);

    database.set_write_buffer_manager(&resources.memtables);
    database.set_max_background_jobs(options.background_jobs.max(1));
    database.set_max_open_files(options.max_open_files);
    // Large writes reach the disk as they come, not in one burst at the end.
    database.set_bytes_per_sync(1 << 20);

    // The first is a look at every file's properties; the others only inform.
    database.set_skip_stats_update_on_db_open(true);
    database.set_stats_dump_period_sec(0);
    database.set_stats_persist_period_sec(0);
    database.set_keep_log_file_num(2);
    database.set_max_log_file_size(1 << 20);
    database.set_log_level(LogLevel::Warn);
    Ok(database)
}

pub(super) fn family_options(
    family: Family,
    options: &StoreOptions,
    resources: &Resources,
) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(&resources.cache);
    // Index and filter blocks stay outside the cache, with the open tables:
    // each would cost two cache look-ups per read. `max_open_files` bounds them.
    blocks.set_cache_index_and_filter_blocks(false);
    match family {
        // Written once, read along, trimmed: blocks that compress well, no
        // filters for point reads that never come.
        Family::Log => blocks.set_block_size(16 << 10),
        Family::Data | Family::Index | Family::Default => {
            // Measured (`examples/store_pace.rs`): as good as larger ones when all
            // is in the cache, a fifth less time per read when little is.
            blocks.set_block_size(4 << 10);
            // A hash from key to place in the block instead of a binary search.
            blocks.set_data_block_index_type(DataBlockIndexType::BinaryAndHash);
            blocks.set_data_block_hash_ratio(0.75);
            blocks.set_bloom_filter(10.0, false);
            blocks.set_whole_key_filtering(true);
        }
    }

    let mut settings = Options::default();
    settings.set_block_based_table_factory(&blocks);
    // The manager above bounds all memtables together; one may take half of it.
    let share = (options.write_buffer_bytes / 2).clamp(1 << 20, 256 << 20);
    settings.set_write_buffer_size(share);
    settings.set_max_write_buffer_number(4);
    settings.set_target_file_size_base((share as u64).clamp(4 << 20, 64 << 20));
    settings.set_max_bytes_for_level_base((share as u64 * 4).clamp(16 << 20, 256 << 20));
    // The upper levels hold little and are rewritten soon. LZ4 below nearly
    // halves the disk space of rows and costs 0.6 µs per block not in the cache.
    let upper = match family {
        Family::Log => DBCompressionType::Lz4,
        _ => DBCompressionType::None,
    };
    settings.set_compression_per_level(&[upper, upper, DBCompressionType::Lz4]);
    settings.set_bottommost_compression_type(match options.compresses_much {
        true => DBCompressionType::Zstd,
        false => DBCompressionType::Lz4,
    });
    settings
}

pub(super) fn read_options() -> ReadOptions {
    let mut read = ReadOptions::default();
    read.set_verify_checksums(true);
    read
}
