//! Threads that work beside the sessions and must not take the processor from them.

/// Of threads that nobody waits for.
const CHORES: i32 = 10;
/// Of threads that compute what queries ask for: somebody waits, so they get some of a
/// processor that is never idle.
const QUERIES: i32 = 5;

/// Lets every other thread go first, from here on. Where the system won't, nothing changes.
pub fn lower_for_this_thread() {
    lower(CHORES);
}

/// The same for a thread that runs queries, which goes before chores.
pub fn lower_for_queries() {
    lower(QUERIES);
}

fn lower(nice: i32) {
    #[cfg(target_os = "linux")]
    // SAFETY: neither call touches memory; on Linux a thread has a priority of its own.
    unsafe {
        let thread = libc::syscall(libc::SYS_gettid);
        if let Ok(thread) = libc::id_t::try_from(thread) {
            libc::setpriority(libc::PRIO_PROCESS, thread, nice);
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = nice;
}
