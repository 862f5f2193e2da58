//! Failures to order: which call, which one of them, how, and for how long.

use crate::error::{Error, Result, state};
use parking_lot::Mutex;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Call {
    Get,
    Scan,
    Apply,
    Sync,
    Load,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// `EIO`: the device failed.
    Io,
    /// `ENOSPC`: the device is full.
    NoSpace,
}

/// "The third `sync` from now fails with ENOSPC, and so do all after it."
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    pub on: Call,
    /// 1 is the next one.
    pub nth: u64,
    pub kind: FaultKind,
    pub forever: bool,
}

#[derive(Default)]
pub(super) struct Faults {
    armed: Mutex<Vec<Fault>>,
}

impl Faults {
    pub fn add(&self, fault: Fault) {
        self.armed.lock().push(fault);
    }

    /// Counts one call; an error if it is one that fails.
    pub fn meet(&self, call: Call) -> Result<()> {
        let mut armed = self.armed.lock();
        let mut failure = None;
        armed.retain_mut(|fault| {
            if fault.on != call {
                return true;
            }
            fault.nth = fault.nth.saturating_sub(1);
            if fault.nth > 0 {
                return true;
            }
            failure = Some(fault.kind);
            fault.forever
        });
        match failure {
            None => Ok(()),
            Some(FaultKind::Io) => Err(Error::new(
                state::IO_ERROR,
                format!("injected fault: {call:?}: Input/output error"),
            )),
            Some(FaultKind::NoSpace) => Err(Error::new(
                state::DISK_FULL,
                format!("injected fault: {call:?}: No space left on device"),
            )),
        }
    }
}
