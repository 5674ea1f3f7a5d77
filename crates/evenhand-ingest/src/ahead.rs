//! Sheets read ahead of what takes their batches: each on a thread of its own, some batches ahead, handed to the
//! sink in the order of the sheets, so that the outcome is the same for any number of threads.

use crate::{Error, Part, Result, Sink, SinkError};
use arrow::array::RecordBatch;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

/// Batches that may wait for the sink, for each sheet.
const WAITING: usize = 2;
/// Sheets that are read at the same time: the one whose batches are taken, and the next.
const AT_ONCE: usize = 2;

/// What a sheet sends to the sink.
enum Step {
    Open(Part),
    Batch(RecordBatch),
    Close,
}

/// A sink on the other side of a channel.
struct Sender(SyncSender<Step>);

impl Sink for Sender {
    fn open(&mut self, part: &Part) -> Result<(), SinkError> {
        Ok(self.0.send(Step::Open(part.clone()))?)
    }

    fn batch(&mut self, batch: RecordBatch) -> Result<(), SinkError> {
        Ok(self.0.send(Step::Batch(batch))?)
    }

    fn close(&mut self) -> Result<(), SinkError> {
        Ok(self.0.send(Step::Close)?)
    }
}

/// Reads sheets `0..count` with `read` into `sink`; what each gave, in order, or the first error in that order.
pub(crate) fn in_order<T: Send>(
    count: usize,
    read: &(dyn Fn(usize, &mut dyn Sink) -> Result<T> + Sync),
    sink: &mut dyn Sink,
) -> Result<Vec<T>> {
    if rayon::current_num_threads() == 1 {
        return (0..count).map(|at| read(at, sink)).collect();
    }
    std::thread::scope(|scope| {
        let mut running = std::collections::VecDeque::new();
        let mut results = Vec::new();
        for at in 0..count {
            while running.len() < AT_ONCE && at + running.len() < count {
                running.push_back(start(scope, at + running.len(), read));
            }
            let Some((steps, handle)) = running.pop_front() else { break };
            results.push(finish(&steps, handle, sink)?);
        }
        Ok(results)
    })
}

type Running<'scope, T> = (Receiver<Step>, ScopedJoinHandle<'scope, Result<T>>);

fn start<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    at: usize,
    read: &'scope (dyn Fn(usize, &mut dyn Sink) -> Result<T> + Sync),
) -> Running<'scope, T> {
    let (send, steps) = sync_channel(WAITING);
    (steps, scope.spawn(move || read(at, &mut Sender(send))))
}

/// Takes what a sheet sends until it ends.
fn finish<T>(
    steps: &Receiver<Step>,
    handle: ScopedJoinHandle<'_, Result<T>>,
    sink: &mut dyn Sink,
) -> Result<T> {
    for step in steps {
        let taken = match step {
            Step::Open(part) => sink.open(&part),
            Step::Batch(batch) => sink.batch(batch),
            Step::Close => sink.close(),
        };
        // The sheet's thread ends by itself once nobody takes what it sends.
        taken.map_err(Error::sink)?;
    }
    handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
