//! A disk whose power can be cut: ext4 on a loop device, with the shutdown
//! ioctl, which drops everything that was not flushed.
//!
//! While the ioctl is at work ext4 reports success for a flush that it drops: a bare
//! loop of write and fdatasync lost its last success in 4 of 60 cuts, each of them
//! returned after the ioctl had begun, none before. A process doesn't outlive the
//! power of its disk, so only what was acknowledged before the cut counts.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `EXT4_IOC_SHUTDOWN`, and its "without flushing the journal".
const SHUTDOWN: libc::c_ulong = 0x8004_587d;
const NO_LOG_FLUSH: u32 = 2;

pub struct LoopDisk {
    directory: tempfile::TempDir,
    mounted: bool,
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program}: {}", said.trim()))
}

impl LoopDisk {
    /// `Err` where this machine doesn't allow it.
    pub fn create(megabytes: u64) -> Result<LoopDisk, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut disk = LoopDisk {
            directory,
            mounted: false,
        };
        let file = File::create(disk.image()).map_err(|error| error.to_string())?;
        file.set_len(megabytes << 20)
            .map_err(|error| error.to_string())?;
        run(
            "mkfs.ext4",
            &["-q", "-F", &disk.image().display().to_string()],
        )?;
        std::fs::create_dir(disk.mount_point()).map_err(|error| error.to_string())?;
        disk.mount()?;
        Ok(disk)
    }

    fn image(&self) -> PathBuf {
        self.directory.path().join("image")
    }

    pub fn mount_point(&self) -> PathBuf {
        self.directory.path().join("mounted")
    }

    fn mount(&mut self) -> Result<(), String> {
        let (image, point) = (self.image(), self.mount_point());
        let (image, point) = (image.display().to_string(), point.display().to_string());
        run("mount", &["-o", "loop", &image, &point])?;
        self.mounted = true;
        Ok(())
    }

    fn unmount(&mut self) -> Result<(), String> {
        run("umount", &[&self.mount_point().display().to_string()])?;
        self.mounted = false;
        Ok(())
    }

    pub fn cut_power(&self) -> Result<(), String> {
        let root = File::open(self.mount_point()).map_err(|error| error.to_string())?;
        let flags = NO_LOG_FLUSH;
        // SAFETY: the descriptor is open and the argument is the u32 the call reads.
        let result = unsafe { libc::ioctl(root.as_raw_fd(), SHUTDOWN, &raw const flags) };
        match result {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error().to_string()),
        }
    }

    pub fn remount(&mut self) -> Result<(), String> {
        self.unmount()?;
        self.mount()
    }

    /// How much of a file is read where a part of it is missed.
    pub fn read_ahead(&self, kilobytes: u32) -> Result<(), String> {
        let device = std::fs::metadata(self.mount_point()).map_err(|error| error.to_string())?;
        let (major, minor) = (libc::major(device.dev()), libc::minor(device.dev()));
        let setting = format!("/sys/dev/block/{major}:{minor}/queue/read_ahead_kb");
        std::fs::write(&setting, kilobytes.to_string())
            .map_err(|error| format!("{setting}: {error}"))
    }

    pub fn root(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        if self.mounted {
            // What can't be unmounted now goes when its last user does.
            let _ = run("umount", &["-l", &self.mount_point().display().to_string()]);
        }
    }
}
