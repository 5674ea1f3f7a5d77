//! One record, opened for questions.

use crate::gate::{self, Profile};
use crate::tables::{self, Tables};
use crate::{Answer, Error, ErrorKind, Result, deadline, error, interval};
use datafusion::arrow::array::RecordBatch;
use datafusion::common::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SessionConfig, SessionContext};
use evenhand_store::{Record, foreign};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Length of a query, in bytes, at most. What a query costs before it runs grows with it.
const LONGEST: usize = 64 << 10;
/// The engine descends into a plan by recursion, in part without a guard; an operator takes two bytes of text
/// and a few kilobytes of stack. Only what is used of this is ever taken from the machine.
const STACK: usize = 512 << 20;

/// What a query may use.
#[derive(Debug, Clone)]
pub struct Options {
    /// Memory of one query, in bytes: 512 MiB by default.
    pub memory_limit: usize,
    /// Time of one query; none by default.
    pub time_limit: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self { memory_limit: 512 << 20, time_limit: None }
    }
}

/// A record that answers queries, one at a time and without a change to anything.
///
/// A query runs as one stream of rows from first to last, never split over threads: so the rows of an answer,
/// their order, and the last digit of every sum are the same each time, also without ORDER BY.
///
/// The calls block the calling thread until the answer is there.
pub struct Session {
    record: Record,
    profile: Profile,
    options: Options,
    tables: Tables,
    context: SessionContext,
    runtime: Runtime,
}

impl Session {
    /// Makes every table of a record known. A file's digest is checked before the first query that reads it.
    ///
    /// # Errors
    /// [`ErrorKind::Record`] when a record inside the binary is damaged or the folder cannot be opened.
    pub fn open(record: &Record, profile: Profile, options: &Options) -> Result<Self> {
        let failed = || Error::new(ErrorKind::Failed, "cannot start the query engine");
        let runtime =
            tokio::runtime::Builder::new_current_thread().build().map_err(|error| failed().because(error))?;
        let context = context(options).map_err(|error| failed().because(error))?;
        let tables = runtime.block_on(tables::register(&context, record))?;
        Ok(Self { record: record.clone(), profile, options: options.clone(), tables, context, runtime })
    }

    /// Answers one query.
    ///
    /// # Errors
    /// Any [`ErrorKind`] but [`ErrorKind::Output`].
    pub fn sql(&self, text: &str) -> Result<Answer> {
        if text.len() > LONGEST {
            let message = format!("expected a query of at most {LONGEST} bytes, found {}", text.len());
            return Err(Error::new(ErrorKind::Parse, message));
        }
        on_deep_stack(|| self.runtime.block_on(self.answer(text)))
    }

    async fn answer(&self, text: &str) -> Result<Answer> {
        let plan = self.plan(text).await?;
        let read = gate::check_plan(&plan, &self.tables, self.profile)?;
        self.check_intervals(&plan)?;
        tables::check(&self.record, read.into_iter())?;
        deadline::within(self.options.time_limit, self.run(plan)).await
    }

    async fn plan(&self, text: &str) -> Result<LogicalPlan> {
        let state = self.context.state();
        let dialect = state.config_options().sql_parser.dialect;
        let statement = state.sql_to_statement(text, &dialect).map_err(|error| self.explain(error))?;
        gate::check_statement(&statement)?;
        state.statement_to_plan(statement).await.map_err(|error| self.explain(error))
    }

    fn check_intervals(&self, plan: &LogicalPlan) -> Result<()> {
        interval::check(plan)?;
        let state = self.context.state();
        let analyzed = state.analyzer().execute_and_check(plan.clone(), state.config_options(), |_, _| {});
        interval::check(&analyzed.map_err(|error| self.explain(error))?)
    }

    async fn run(&self, plan: LogicalPlan) -> Result<Answer> {
        let wrong = |error| self.explain(error);
        let frame = self.context.execute_logical_plan(plan).await.map_err(wrong)?;
        let task = Arc::new(frame.task_ctx());
        let physical = frame.create_physical_plan().await.and_then(deadline::giving_way).map_err(wrong)?;
        let mut stream = execute_stream(physical, task).map_err(wrong)?;
        let schema = stream.schema();
        let mut batches = Vec::new();
        let mut bytes = 0_usize;
        while let Some(batch) = next(&mut stream).await {
            let batch = batch.map_err(wrong)?;
            bytes = bytes.saturating_add(batch.get_array_memory_size());
            if bytes > self.options.memory_limit {
                return Err(error::memory());
            }
            batches.push(batch);
        }
        Answer::new(&schema, &batches)
    }

    fn explain(&self, error: DataFusionError) -> Error {
        let tables: Vec<&str> = self.tables.keys().map(String::as_str).collect();
        let state = self.context.state();
        let mut functions: Vec<String> = state.scalar_functions().keys().cloned().collect();
        functions.extend(state.aggregate_functions().keys().cloned());
        functions.extend(state.window_functions().keys().cloned());
        functions.sort();
        Error::from_engine(error, &tables, &functions)
    }
}

/// Runs work on a thread whose stack is deep enough for the deepest query of the longest length, and turns a
/// panic of the engine into an error.
fn on_deep_stack(work: impl FnOnce() -> Result<Answer> + Send) -> Result<Answer> {
    std::thread::scope(|scope| {
        // A panic may quote a row about a person: what it says is not shown.
        let failed = || Error::new(ErrorKind::Failed, "the query engine failed");
        let work = move || foreign::caught(work).unwrap_or_else(|_panic| Err(failed()));
        let thread =
            std::thread::Builder::new().name("query".into()).stack_size(STACK).spawn_scoped(scope, work);
        thread.map_err(|error| failed().because(error))?.join().unwrap_or_else(|_panic| Err(failed()))
    })
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("profile", &self.profile).field("options", &self.options).finish()
    }
}

/// The next batch of a stream. A trait object carries its methods along: the crate of the trait is not needed.
async fn next(stream: &mut SendableRecordBatchStream) -> Option<Result<RecordBatch, DataFusionError>> {
    std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await
}

/// An engine that writes no files and runs each query as one stream.
fn context(options: &Options) -> Result<SessionContext, DataFusionError> {
    let config = SessionConfig::new()
        .with_target_partitions(1)
        .with_information_schema(true)
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(tables::CATALOG, tables::SCHEMA)
        .set_bool("datafusion.execution.parquet.schema_force_view_types", false)
        .set_bool("datafusion.sql_parser.map_string_types_to_utf8view", false)
        .set_bool("datafusion.sql_parser.collect_spans", true);
    let no_files = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_limit(options.memory_limit, 1.0)
        .with_disk_manager_builder(no_files)
        .build_arc()?;
    Ok(SessionContext::new_with_config_rt(config, runtime))
}
