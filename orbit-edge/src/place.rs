//! Where a data directory lies, in facts by which a copy of it is told from the
//! original, and the judgement over them.
//!
//! What stays the same while a directory is one and the same: the file IDENTITY
//! itself (inode and time of birth) in its file system (by UUID). What a copied
//! file can't have is these; what a copied *disk* has all the same is told by the
//! disk's own serial number, and where a disk has none, by the machine. A volume
//! that a cluster attaches to another machine keeps file, file system and serial:
//! it is the same place.
//!
//! A fact that isn't known on both sides says nothing.

mod look;

pub use look::look;

/// Facts about the place of a file; `None` where the system doesn't tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub inode: Option<String>,
    /// When the file was made. A copy is made later, whatever times are set on it.
    pub born: Option<String>,
    /// The file system's UUID.
    pub filesystem: Option<String>,
    /// Serial numbers of the disks below it.
    pub disk: Option<String>,
    /// A volume made of disks: equal on a cloned disk, different on a snapshot.
    pub volume: Option<String>,
    /// A digest of the system's machine id.
    pub machine: Option<String>,
    /// The hardware's (or virtual hardware's) own number.
    pub hardware: Option<String>,
    /// Whether the directory lies on the system's own disk.
    pub system_disk: bool,
    /// In a container the machine's facts are those of an image, or of any host.
    pub container: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The recorded place.
    Same,
    /// Another place: what gives it away, in words.
    Copied(Vec<String>),
}

fn differ(recorded: &Option<String>, present: &Option<String>) -> bool {
    matches!((recorded, present), (Some(before), Some(now)) if before != now)
}

fn equal(recorded: &Option<String>, present: &Option<String>) -> bool {
    matches!((recorded, present), (Some(before), Some(now)) if before == now)
}

/// Whether the directory is still where its facts were recorded.
pub fn judge(recorded: &Facts, present: &Facts) -> Verdict {
    let copied = |what: &str, before: &Option<String>, now: &Option<String>| {
        format!(
            "{what} was {} and is {}",
            before.as_deref().unwrap_or("unknown"),
            now.as_deref().unwrap_or("unknown")
        )
    };
    let certain = [
        ("the file system", &recorded.filesystem, &present.filesystem),
        ("the inode of IDENTITY", &recorded.inode, &present.inode),
        ("the birth of IDENTITY", &recorded.born, &present.born),
        ("the volume", &recorded.volume, &present.volume),
        ("the disk", &recorded.disk, &present.disk),
    ];
    let evidence: Vec<String> = certain
        .into_iter()
        .filter(|(_, before, now)| differ(before, now))
        .map(|(what, before, now)| copied(what, before, now))
        .collect();
    if !evidence.is_empty() {
        return Verdict::Copied(evidence);
    }
    if equal(&recorded.disk, &present.disk) || recorded.container || present.container {
        return Verdict::Same;
    }
    // The disk doesn't say who it is. Hardware that changed under one system, or under
    // the system's own disk, is what the image of a machine looks like on another one.
    let whole_machine =
        equal(&recorded.machine, &present.machine) || (recorded.system_disk && present.system_disk);
    if whole_machine && differ(&recorded.hardware, &present.hardware) {
        let what = copied("the hardware", &recorded.hardware, &present.hardware);
        return Verdict::Copied(vec![what]);
    }
    Verdict::Same
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let text = |text: &str| Some(text.to_owned());
        Facts {
            inode: text("11"),
            born: text("1700000000.5"),
            filesystem: text("f"),
            disk: text("serial"),
            volume: None,
            machine: text("m"),
            hardware: text("h"),
            system_disk: true,
            container: false,
        }
    }

    fn changed(change: impl Fn(&mut Facts)) -> Facts {
        let mut facts = facts();
        change(&mut facts);
        facts
    }

    fn is_copy(recorded: &Facts, present: &Facts) -> bool {
        matches!(judge(recorded, present), Verdict::Copied(_))
    }

    fn set(fact: &mut Option<String>) {
        *fact = Some("other".to_owned());
    }

    #[test]
    fn a_restart_and_a_reboot_are_the_same_place() {
        assert_eq!(judge(&facts(), &facts()), Verdict::Same);
    }

    #[test]
    fn copied_files_are_told_by_inode_birth_and_file_system() {
        for change in [
            (|f: &mut Facts| set(&mut f.inode)) as fn(&mut Facts),
            |f| set(&mut f.born),
            |f| set(&mut f.filesystem),
        ] {
            assert!(is_copy(&facts(), &changed(change)));
        }
    }

    #[test]
    fn a_cloned_disk_is_told_by_its_serial_and_a_snapshot_by_its_volume() {
        assert!(is_copy(&facts(), &changed(|f| set(&mut f.disk))));
        let volume = changed(|f| f.volume = Some("v".to_owned()));
        let mut snapshot = volume.clone();
        set(&mut snapshot.volume);
        assert!(is_copy(&volume, &snapshot));
    }

    #[test]
    fn a_volume_attached_to_another_machine_is_the_same_place() {
        let moved = |f: &mut Facts| {
            set(&mut f.machine);
            set(&mut f.hardware);
        };
        assert_eq!(judge(&facts(), &changed(moved)), Verdict::Same);
        // A network volume has no serial, and its pod no machine of its own.
        let volume = changed(|f| {
            f.disk = None;
            f.system_disk = false;
        });
        let mut elsewhere = volume.clone();
        moved(&mut elsewhere);
        assert_eq!(judge(&volume, &elsewhere), Verdict::Same);
        let pod = changed(|f| {
            f.disk = None;
            f.container = true;
        });
        let mut other_host = pod.clone();
        set(&mut other_host.hardware);
        assert_eq!(judge(&pod, &other_host), Verdict::Same);
    }

    #[test]
    fn the_image_of_a_machine_is_told_by_its_hardware() {
        let image = changed(|f| f.disk = None);
        let mut clone = image.clone();
        set(&mut clone.hardware);
        assert!(is_copy(&image, &clone));
        // Its first start gave it a machine id of its own.
        set(&mut clone.machine);
        assert!(is_copy(&image, &clone));
    }

    #[test]
    fn what_is_not_known_says_nothing() {
        assert_eq!(judge(&Facts::default(), &facts()), Verdict::Same);
        assert_eq!(judge(&facts(), &Facts::default()), Verdict::Same);
    }
}
