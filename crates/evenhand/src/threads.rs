use crate::cli::Threads;
use crate::exit::Exit;
use crate::failure::Failure;

/// Sets how many threads the rest of this run may use; without a number, one a core.
pub fn use_at_most(threads: Threads) -> Result<(), Failure> {
    let Some(count) = threads.threads else { return Ok(()) };
    rayon::ThreadPoolBuilder::new()
        .num_threads(usize::from(count))
        .build_global()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot start {count} threads: {error}")))
}
