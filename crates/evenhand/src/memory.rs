//! How the C library's allocator hands out memory while files are read.
//!
//! The GNU allocator gives each thread an arena and keeps in it what was given back. Sheets are read by threads that
//! come and go, and a release of twenty workbooks held twice the memory that it used. Two arenas, and a place of its
//! own for every large block, cost no time; they can only be asked for by the environment, before a process begins.

/// Begins the process again with that asked for, unless it was or the person asked for something else.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn give_back() {
    use std::os::unix::process::CommandExt as _;
    const ASKED: [(&str, &str); 2] = [("MALLOC_ARENA_MAX", "2"), ("MALLOC_MMAP_THRESHOLD_", "262144")];
    if ASKED.iter().any(|(name, _)| std::env::var_os(name).is_some()) {
        return;
    }
    let mut words = std::env::args_os();
    if let (Ok(program), Some(name)) = (std::env::current_exe(), words.next()) {
        // It comes back only when it could not begin, and then more memory is all that is lost.
        let _ = std::process::Command::new(program).arg0(name).args(words).envs(ASKED).exec();
    }
}

/// Other allocators give back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() {}
