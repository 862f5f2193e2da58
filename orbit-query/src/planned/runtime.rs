//! Where plans are made and run: threads of their own with deep stacks, one
//! session state for all, one memory pool, bounded spilling.

use super::again::Ready;
use super::arrow::ArrowRows;
use super::columns::ColumnStore;
use super::error::Told;
use super::fence;
use super::joins::Joins;
use super::opaque;
use super::patience::patient;
use super::pool::{Capped, QueryPool};
use super::pump::pump;
use super::scan::Run;
use crate::admission::Admission;
use crate::engine::EngineOptions;
use crate::rows::{BatchStream, RowBatch};
use arc_swap::ArcSwap;
use datafusion::arrow::array::RecordBatch;
use datafusion::execution::context::SessionState;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionStateBuilder, TaskContext};
use datafusion::prelude::SessionConfig;
use orbit_core::pressure::Adaptation;
use orbit_core::pressure::adapt::Parallelism;
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Deep syntax makes deep recursion; only pages that are touched cost memory.
const STACK_BYTES: usize = 32 << 20;

pub struct Machine {
    /// `None` only while being dropped.
    threads: Option<tokio::runtime::Runtime>,
    pub state: SessionState,
    environment: Arc<RuntimeEnv>,
    /// Tables by their columns; `None`: rows only.
    pub columns: Option<Arc<ColumnStore>>,
    /// What the rows that one statement is about to write may take.
    pub max_gathered_bytes: usize,
    /// Where queries spill, and how much they may in all.
    spill: Option<(PathBuf, u64)>,
    /// Who may read much at once.
    pub admission: Arc<Admission>,
    /// How queries run where the device is short of something.
    adaptation: ArcSwap<Adaptation>,
}

/// What spilling leaves of the disk: the log and the store need room to go on.
const KEPT_FREE: u64 = 64 << 20;

impl Machine {
    pub fn new(options: &EngineOptions, admission: Arc<Admission>) -> Result<Machine> {
        let pool = Arc::new(QueryPool::new(options.query_memory_bytes));
        let disk = match &options.spill_directory {
            Some(directory) => DiskManagerBuilder::default()
                .with_mode(DiskManagerMode::Directories(vec![directory.clone()]))
                .with_max_temp_directory_size(options.spill_limit_bytes),
            None => DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled),
        };
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(pool)
            .with_disk_manager_builder(disk)
            .with_metadata_cache_limit(1 << 20)
            .with_file_statistics_cache_limit(1 << 20)
            .build_arc()
            .told()?;
        let columns = match &options.columns_directory {
            Some(directory) => {
                let store = ColumnStore::open(directory.clone(), options.columns_cache_bytes)?;
                Some(Arc::new(store))
            }
            None => None,
        };
        let config = configuration(options);
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(environment.clone())
            .with_default_features()
            .with_optimizer_rules(patient(opaque::logical_rules()))
            .with_physical_optimizer_rules(opaque::physical_rules())
            .with_query_planner(Arc::new(fence::physical::Planner))
            .build();
        // Last: an error after it would drop the threads inside the caller's
        // runtime, which tokio forbids.
        let threads = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(options.target_partitions.max(1))
            .max_blocking_threads(4)
            .thread_stack_size(STACK_BYTES)
            .thread_name("orbit-query")
            .on_thread_start(orbit_core::priority::lower_for_queries)
            .on_thread_park(orbit_core::memory::tidy)
            .enable_all()
            .build()?;
        Ok(Machine {
            threads: Some(threads),
            state,
            environment,
            columns,
            max_gathered_bytes: options.query_memory_bytes.clamp(64 << 20, 512 << 20),
            spill: options
                .spill_directory
                .clone()
                .map(|directory| (directory, options.spill_limit_bytes)),
            admission,
            adaptation: ArcSwap::default(),
        })
    }

    pub fn adapt(&self, adaptation: Adaptation) {
        self.adaptation.store(Arc::new(adaptation));
    }

    pub fn adaptation(&self) -> Arc<Adaptation> {
        self.adaptation.load_full()
    }

    /// What a statement is planned and run with, as the device is now.
    pub fn state_now(&self) -> SessionState {
        let mut state = self.state.clone();
        let adapted = self.adaptation.load();
        if adapted.parallelism == Parallelism::Full && adapted.most_batch_rows.is_none() {
            return state;
        }
        let config = state.config().clone();
        let threads = adapted.parallelism.threads(config.target_partitions());
        let most = adapted.most_batch_rows.unwrap_or(usize::MAX);
        let rows = config.batch_size().min(most);
        *state.config_mut() = config.with_target_partitions(threads).with_batch_size(rows);
        state
    }

    /// Sets how much may be spilled by what is free now. Without an answer from the
    /// file system the limit stays.
    fn bound_spilling(&self) {
        let Some((directory, most)) = &self.spill else {
            return;
        };
        let Ok(free) = orbit_core::disk::free_bytes(directory) else {
            return;
        };
        let disk = &self.environment.disk_manager;
        let room = free
            .saturating_sub(KEPT_FREE)
            .saturating_add(disk.used_disk_space());
        // Only a disabled manager refuses.
        let _ = disk.set_max_temp_directory_size(room.min(*most));
    }

    /// What running queries hold.
    #[cfg(test)]
    pub fn held_bytes(&self) -> usize {
        self.environment.memory_pool.reserved()
    }

    pub fn handle(&self) -> Result<&tokio::runtime::Handle> {
        self.threads
            .as_ref()
            .map(tokio::runtime::Runtime::handle)
            .ok_or_else(|| Error::internal("the query threads have stopped"))
    }

    /// Runs `work` on a query thread; a panic in it is an internal error, no more.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        match self.handle()?.spawn(work).await {
            Ok(result) => result,
            Err(error) => Err(panicked(error)),
        }
    }

    pub fn task(&self, run: Run) -> Arc<TaskContext> {
        self.bound_spilling();
        let environment = match run.memory_limit {
            None => self.environment.clone(),
            Some(limit) => Arc::new(RuntimeEnv {
                memory_pool: Arc::new(Capped::new(self.environment.memory_pool.clone(), limit)),
                ..(*self.environment).clone()
            }),
        };
        let config = self.state.config().clone().with_extension(Arc::new(run));
        Arc::new(TaskContext::new(
            None,
            "orbit".to_owned(),
            config,
            Default::default(),
            Default::default(),
            Default::default(),
            Default::default(),
            environment,
        ))
    }

    /// Starts a query; its batches arrive as they are made, two ahead at most.
    pub fn start(
        self: &Arc<Self>,
        ready: Ready,
        run: Run,
        types: Arc<[SqlType]>,
    ) -> Result<ArrowStream> {
        let (sender, batches) = mpsc::channel::<Result<RecordBatch>>(2);
        let abandoned = run.abandoned();
        let work = pump(self.clone(), ready, run, sender);
        Ok(ArrowStream {
            batches,
            work: self.handle()?.spawn(work),
            abandoned,
            types,
            ended: false,
        })
    }
}

pub fn over_limit(limit: usize) -> Error {
    Error::new(state::OUT_OF_MEMORY, "out of memory").with_detail(format!(
        "This role's statements may hold {limit} bytes for their results."
    ))
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Dropping a runtime inside another one would block it, which tokio forbids.
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

fn panicked(error: tokio::task::JoinError) -> Error {
    if error.is_panic() {
        let panic = error.into_panic();
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        // DataFusion's and Arrow's own functions don't ask whether a column's bytes can
        // still be counted.
        if text.contains("offset overflow") {
            return Error::new(state::OUT_OF_MEMORY, "out of memory")
                .with_detail("The values of one column for one batch of rows are over 2 GB.");
        }
        tracing::error!(%text, "the planner panicked");
        return Error::internal(format!("the query planner failed: {text}"));
    }
    Error::internal("the query was abandoned")
}

fn configuration(options: &EngineOptions) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_target_partitions(options.target_partitions.max(1))
        .with_batch_size(options.batch_rows.max(64))
        .with_information_schema(false)
        .with_create_default_catalog_and_schema(false);
    let small = options.query_memory_bytes < (128 << 20);
    let set = config.options_mut();
    set.execution.planning_concurrency = 1;
    set.execution.sort_spill_reservation_bytes = if small { 256 << 10 } else { 4 << 20 };
    set.execution.sort_in_place_threshold_bytes = 256 << 10;
    set.execution.sort_pushdown_buffer_capacity = 4 << 20;
    set.execution.objectstore_writer_buffer_size = 1 << 20;
    set.execution.collect_statistics = false;
    // It takes a column that is nullable in the one and not in the other for an error.
    set.execution.skip_physical_aggregate_schema_check = true;
    set.sql_parser.map_string_types_to_utf8view = false;
    let joins = Joins::of_pool(options.query_memory_bytes);
    set.extensions.insert(joins);
    config
}

/// The batches of a running plan. Dropping it stops the plan.
pub struct ArrowStream {
    batches: mpsc::Receiver<Result<RecordBatch>>,
    work: JoinHandle<()>,
    abandoned: Arc<AtomicBool>,
    types: Arc<[SqlType]>,
    ended: bool,
}

impl ArrowStream {
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        std::future::poll_fn(|cx| self.poll_batch(cx)).await
    }

    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<RecordBatch>>> {
        if self.ended {
            return Poll::Ready(Ok(None));
        }
        match self.batches.poll_recv(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(batch))) => Poll::Ready(Ok(Some(batch))),
            Poll::Ready(Some(Err(error))) => {
                self.ended = true;
                Poll::Ready(Err(error))
            }
            // The sender is gone: the plan is through, or its task panicked.
            Poll::Ready(None) => match std::pin::Pin::new(&mut self.work).poll(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(result) => {
                    self.ended = true;
                    Poll::Ready(match result {
                        Ok(()) => Ok(None),
                        Err(error) => Err(panicked(error)),
                    })
                }
            },
        }
    }
}

impl BatchStream for ArrowStream {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<RowBatch>>> {
        self.poll_batch(cx).map(|result| {
            result.map(|batch| {
                batch.map(|batch| RowBatch::Arrow(ArrowRows::new(batch, self.types.clone())))
            })
        })
    }
}

impl Drop for ArrowStream {
    fn drop(&mut self) {
        // What is busy doesn't see the abort until it pauses.
        self.abandoned.store(true, Ordering::Relaxed);
        self.work.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_scratch_directory_that_cannot_be_made_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let options = EngineOptions {
            spill_directory: Some(file.path().join("below")),
            ..EngineOptions::default()
        };
        // Inside a runtime, as when a server starts.
        assert!(Machine::new(&options, Admission::new(1, 1)).is_err());
    }
}
