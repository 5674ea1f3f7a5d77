//! Calls into libraries of others, which may panic at bytes that are not what they take them for.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local!(static CAUGHT: Cell<bool> = const { Cell::new(false) });

/// Runs a call into a library that reads outside bytes; its panic is an error. What the call has touched is
/// not to be used after one.
///
/// # Errors
/// What the library said when it panicked.
///
/// ```
/// use evenhand_store::foreign;
///
/// std::panic::set_hook(Box::new(|_| assert!(foreign::is_caught())));
/// assert_eq!(foreign::caught(|| 1), Ok(1));
/// assert_eq!(foreign::caught(|| panic!("no fields")), Err::<(), _>("no fields".into()));
/// ```
pub fn caught<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    let outer = CAUGHT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(call));
    CAUGHT.set(outer);
    result.map_err(|panic| {
        let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref().map(String::as_str));
        text.unwrap_or("no message").to_owned()
    })
}

/// Whether this thread is inside [`caught`]: a panic then becomes an error, and a panic hook has nothing to say.
#[must_use]
pub fn is_caught() -> bool {
    CAUGHT.get()
}
