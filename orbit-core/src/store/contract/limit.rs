//! The disk that takes no more, for backends that live in files: a child with
//! a limit on file sizes writes until that fails, and then must not write again.

use super::*;
use crate::error::state;
use std::process::Command;

const DIRECTORY: &str = "ORBIT_LIMIT_TEST_DIRECTORY";
const ROOM_BYTES: u64 = 4 << 20;

/// What the child was told, if this process is the child.
pub fn child_directory() -> Option<std::path::PathBuf> {
    std::env::var_os(DIRECTORY).map(Into::into)
}

fn limit_file_sizes(bytes: u64) {
    let limit = libc::rlimit {
        rlim_cur: bytes,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: plain system calls; the limit outlives the one, the other takes a constant.
    unsafe {
        // A write beyond the limit is then an error (EFBIG) and no signal.
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &limit), 0);
    }
}

fn write(store: &dyn Store, number: u64) -> Result<()> {
    let key = number.to_be_bytes();
    let mut batch = Batch::new();
    batch.put(Space::Data, &key, &[number as u8; 10_000]);
    batch.put(Space::Meta, b"last", &key);
    store.apply(&batch)
}

/// The child: writes to the limit, checks that the store is dead from then on
/// although the disk is well again, and notes what it had synced.
pub fn write_to_the_limit(store: &dyn Store, directory: &Path) {
    write(store, 0).unwrap();
    store.sync().unwrap();
    limit_file_sizes(ROOM_BYTES);
    let mut synced = 0;
    let failure = loop {
        assert!(synced < 10_000, "the limit has no effect");
        match write(store, synced + 1).and_then(|()| store.sync()) {
            Ok(()) => synced += 1,
            Err(failure) => break failure,
        }
    };
    assert!(synced > 0, "{failure:?}");
    assert!(
        failure.is(state::IO_ERROR) || failure.is(state::DISK_FULL),
        "{failure:?}"
    );
    limit_file_sizes(libc::RLIM_INFINITY);
    for _ in 0..3 {
        for after in [write(store, 1_000_000), store.sync(), store.health()] {
            let error = after.expect_err("the store came back to life");
            assert!(error.is(failure.state()), "{error:?}");
        }
    }
    assert!(store.sorted_load(Space::Data).is_err());
    // What is readable stays so.
    assert!(get(store, Space::Data, &0u64.to_be_bytes()).is_some());
    std::fs::write(directory.with_extension("synced"), synced.to_string()).unwrap();
}

/// Runs the test `child` of this very binary (it must call
/// [`write_to_the_limit`] when [`child_directory`] is set) and looks at what it leaves.
pub fn a_failed_write_is_the_last(
    child: &str,
    directory: &Path,
    open: &dyn Fn() -> Arc<dyn Store>,
) {
    let status = Command::new(std::env::current_exe().unwrap())
        .args([child, "--exact", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY, directory)
        .status()
        .unwrap();
    assert!(status.success());
    let synced = std::fs::read_to_string(directory.with_extension("synced")).unwrap();
    let synced: u64 = synced.parse().unwrap();
    let store = open();
    let entries = scan(
        &*store,
        Space::Data,
        KeyRange::default(),
        Direction::Forward,
    );
    // The one that failed may be there or not; those refused after it may not.
    let count = entries.len() as u64;
    assert!(
        count == synced + 1 || count == synced + 2,
        "{count} of {synced} synced"
    );
    assert_eq!(entries.last().unwrap().0, (count - 1).to_be_bytes());
    assert_eq!(
        get(&*store, Space::Meta, b"last").unwrap(),
        (count - 1).to_be_bytes()
    );
    write(&*store, count).unwrap();
    store.sync().unwrap();
}
