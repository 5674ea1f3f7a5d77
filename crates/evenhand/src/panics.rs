use crate::exit::Exit;
use evenhand_store::foreign;
use std::panic::{self, PanicHookInfo};

/// Runs `body`; a bug that panics becomes one line on stderr and exit code 1, never 101 and a backtrace.
pub fn run(body: impl FnOnce() -> Exit + panic::UnwindSafe) -> Exit {
    panic::set_hook(Box::new(|info| {
        if !foreign::is_caught() {
            eprintln!("{}", line(info));
        }
    }));
    panic::catch_unwind(body).unwrap_or(Exit::Failed)
}

fn line(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("no message").replace('\n', " ");
    let place = info.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
    format!("error: evenhand met a bug of its own{place}: {message}")
}
