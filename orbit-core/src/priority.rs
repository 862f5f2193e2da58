//! Threads that work beside the sessions and must not take the processor from them.

/// Lets every other thread go first, from here on. Where the system won't, nothing changes.
pub fn lower_for_this_thread() {
    #[cfg(target_os = "linux")]
    // SAFETY: neither call touches memory; on Linux a thread has a priority of its own.
    unsafe {
        let thread = libc::syscall(libc::SYS_gettid);
        if let Ok(thread) = libc::id_t::try_from(thread) {
            libc::setpriority(libc::PRIO_PROCESS, thread, 10);
        }
    }
}
