//! Ends work that takes too long. The engine gives way every few batches, and here the clock is read when it
//! does; no timer is needed.

use crate::{Error, ErrorKind, Result};
use datafusion::common::DataFusionError;
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

/// Waits for `work`, at most for `limit`. The work is dropped, and its memory freed, when time is up.
pub(crate) async fn within<T>(limit: Option<Duration>, work: impl Future<Output = Result<T>>) -> Result<T> {
    let start = Instant::now();
    let mut work = pin!(work);
    std::future::poll_fn(move |context| match limit {
        Some(limit) if start.elapsed() > limit => Poll::Ready(Err(too_long(limit))),
        _ => work.as_mut().poll(context),
    })
    .await
}

/// Makes every step of a plan give way. By itself the engine does so only where rows come in, and a join may
/// make a billion rows out of few.
pub(crate) fn giving_way(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
    let wrap =
        |step: Arc<dyn ExecutionPlan>| -> Arc<dyn ExecutionPlan> { Arc::new(CooperativeExec::new(step)) };
    plan.transform_up(|step| Ok(Transformed::yes(wrap(step)))).data()
}

fn too_long(limit: Duration) -> Error {
    Error::new(ErrorKind::Time, format!("the query was ended after {} s", limit.as_secs_f64()))
        .with_hint("ask for less, or raise the time limit")
}
