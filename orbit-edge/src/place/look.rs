//! Asking the system for the facts. Whatever can't be asked is left out.

use super::Facts;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The facts of an open file's place.
pub fn look(file: &File) -> std::io::Result<Facts> {
    let metadata = file.metadata()?;
    let kind = file_system_kind(file);
    // File systems that number files as they come: in user space, over a network
    // share, and layered ones whose parts lie apart.
    const FUSE: u64 = 0x6573_5546;
    const NINE_P: u64 = 0x0102_1997;
    const CIFS: u64 = 0xff53_4d42;
    const SMB2: u64 = 0xfe53_4d42;
    const OVERLAY: u64 = 0x794c_7630;
    let numbered_anew = [FUSE, NINE_P, CIFS, SMB2, OVERLAY].contains(&kind);
    let born_anew = numbered_anew && kind != OVERLAY;
    let born = metadata.created().ok().and_then(|born| {
        let since = born.duration_since(UNIX_EPOCH).ok()?;
        Some(format!("{}.{:09}", since.as_secs(), since.subsec_nanos()))
    });
    let device = metadata.dev();
    let block = block_device(device);
    Ok(Facts {
        inode: (!numbered_anew).then(|| metadata.ino().to_string()),
        born: born.filter(|_| !born_anew),
        filesystem: file_system_uuid(file).or_else(|| uuid_by_link(device)),
        disk: block.as_deref().and_then(disk_serials),
        volume: block
            .as_deref()
            .and_then(|block| first_line(&block.join("dm/uuid"))),
        machine: first_line(Path::new("/etc/machine-id")).map(|id| digest(&id)),
        hardware: hardware(),
        system_disk: fs::metadata("/").is_ok_and(|root| root.dev() == device),
        container: in_container(),
    })
}

fn first_line(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text
        .lines()
        .next()?
        .trim_matches(|c: char| c.is_whitespace() || c == '\0');
    // What makers write who write nothing.
    let nothing = ["", "None", "Not Specified", "To Be Filled By O.E.M.", "0"];
    (!nothing.contains(&line)).then(|| line.to_owned())
}

/// The machine id is nobody else's business: FNV-1a of it tells two apart as well.
fn digest(text: &str) -> String {
    let hash = text
        .bytes()
        .chain(*b"orbit")
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
    format!("{hash:016x}")
}

fn hardware() -> Option<String> {
    [
        "/sys/class/dmi/id/product_uuid",
        "/sys/class/dmi/id/product_serial",
        "/sys/class/dmi/id/board_serial",
        "/proc/device-tree/serial-number",
        "/sys/firmware/devicetree/base/serial-number",
    ]
    .into_iter()
    .find_map(|path| first_line(Path::new(path)).map(|serial| format!("{path}={serial}")))
}

fn in_container() -> bool {
    Path::new("/.dockerenv").exists()
        || Path::new("/run/.containerenv").exists()
        || std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
        || std::env::var_os("container").is_some()
}

fn file_system_kind(file: &File) -> u64 {
    // SAFETY: all zeros are a valid statfs, which the call fills in.
    let mut stat: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: the descriptor is open as long as `file` lives.
    match unsafe { libc::fstatfs(file.as_raw_fd(), &mut stat) } {
        0 => (stat.f_type as u64) & 0xffff_ffff,
        _ => 0,
    }
}

/// What the file system itself says (Linux 6.9 and later).
fn file_system_uuid(file: &File) -> Option<String> {
    #[repr(C)]
    struct Answer {
        length: u8,
        uuid: [u8; 16],
    }
    const FS_IOC_GETFSUUID: u64 = 0x8011_1500;
    let mut answer = Answer {
        length: 0,
        uuid: [0; 16],
    };
    // SAFETY: the kernel writes at most the 17 bytes that the request's number says.
    let done = unsafe { libc::ioctl(file.as_raw_fd(), FS_IOC_GETFSUUID as _, &mut answer) };
    let uuid = answer.uuid.get(..usize::from(answer.length))?;
    (done == 0 && uuid.iter().any(|byte| *byte != 0))
        .then(|| uuid.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What udev made of it, in the same form.
fn uuid_by_link(device: u64) -> Option<String> {
    let links = fs::read_dir("/dev/disk/by-uuid").ok()?;
    links.flatten().find_map(|link| {
        let target = fs::metadata(link.path()).ok()?;
        let name = link.file_name().to_string_lossy().replace('-', "");
        (target.rdev() == device).then(|| name.to_ascii_lowercase())
    })
}

/// The device in /sys; a partition's is its disk.
fn block_device(device: u64) -> Option<PathBuf> {
    let (major, minor) = (libc::major(device), libc::minor(device));
    let path = fs::canonicalize(format!("/sys/dev/block/{major}:{minor}")).ok()?;
    match path.join("partition").exists() {
        true => path.parent().map(Path::to_path_buf),
        false => Some(path),
    }
}

/// The serials of all disks a device lies on; `None` if one of them has none.
fn disk_serials(block: &Path) -> Option<String> {
    let mut serials = BTreeSet::new();
    let mut open = vec![block.to_path_buf()];
    let mut seen = 0;
    while let Some(device) = open.pop() {
        seen += 1;
        let below: Vec<PathBuf> = fs::read_dir(device.join("slaves"))
            .map(|slaves| slaves.flatten().map(|slave| slave.path()).collect())
            .unwrap_or_default();
        // Devices of devices of devices; more than this is a loop.
        if seen > 64 {
            return None;
        }
        if below.is_empty() {
            serials.insert(serial(&device)?);
        }
        for slave in below {
            let slave = fs::canonicalize(slave).ok()?;
            let disk = match slave.join("partition").exists() {
                true => slave.parent()?.to_path_buf(),
                false => slave,
            };
            open.push(disk);
        }
    }
    Some(serials.into_iter().collect::<Vec<_>>().join(" "))
}

fn serial(disk: &Path) -> Option<String> {
    [
        "device/cid",
        "wwid",
        "device/wwid",
        "device/serial",
        "serial",
    ]
    .into_iter()
    .filter_map(|name| first_line(&disk.join(name)))
    .find(|serial| is_one_disks_own(serial))
}

/// Virtual disks are often given one name for all: `QM00001`, `persistent-disk-0`.
/// Makers' numbers, card registers and volume ids have digits enough to be somebody's.
fn is_one_disks_own(serial: &str) -> bool {
    let digits = serial.bytes().filter(u8::is_ascii_digit).count();
    digits >= 8 && !serial.contains("QEMU")
}

#[cfg(test)]
mod tests {
    use super::is_one_disks_own;

    #[test]
    fn names_that_all_virtual_disks_have_are_no_serials() {
        for shared in [
            "QM00001",
            "persistent-disk-0",
            "overlayblk",
            "t10.ATA     QEMU HARDDISK                           QM00001",
            "",
        ] {
            assert!(!is_one_disks_own(shared), "{shared}");
        }
        for own in [
            "vol0a1b2c3d4e5f60718",
            "1b534d4543314d54301b2c3d4e016a00",
            "eui.0025385b71b0a5c2",
            "S4EVNX0M801234567",
        ] {
            assert!(is_one_disks_own(own), "{own}");
        }
    }
}
