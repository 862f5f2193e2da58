//! Which profile fits a machine, and why. Pure.

use super::{DeviceClass, Library, Profile, format_bytes};
use crate::error::Result;

/// What is known of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// What a process may have, control groups and all.
    pub memory_bytes: u64,
    pub processors: usize,
    pub has_battery: bool,
}

/// A profile for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub profile: String,
    pub why: String,
}

/// Of what a node may use, so many times as much is there: the rest is for the system and
/// for the programs that use it.
const SHARE: u64 = 2;

/// From the largest to the smallest. A mobile device is one with a battery.
const ORDER: [&str; 4] = [
    "edge_datacenter",
    "mobile_device",
    "iot_gateway",
    "micro_device",
];

/// The largest of the profiles that come with Orbit that leaves half of the memory to others.
pub fn propose(machine: &Machine) -> Result<Proposal> {
    let library = Library::built_in()?;
    let mut passed = None;
    for name in ORDER {
        let profile = library.get(name)?;
        match unfit(&profile, machine) {
            Some(why) => passed = Some(format!("{name} {why}")),
            None => return Ok(proposal(&profile, machine, passed)),
        }
    }
    let smallest = library.get("micro_device")?;
    let why = "the smallest there is".to_owned();
    Ok(proposal(&smallest, machine, Some(why)))
}

fn proposal(profile: &Profile, machine: &Machine, passed: Option<String>) -> Proposal {
    let battery = match machine.has_battery {
        true => "a battery",
        false => "no battery",
    };
    let passed = passed.map_or(String::new(), |passed| format!("; {passed}"));
    Proposal {
        profile: profile.name.clone(),
        why: format!(
            "{} of memory, {} processors, {battery}: {} uses {}{passed}",
            format_bytes(machine.memory_bytes),
            machine.processors,
            profile.name,
            format_bytes(profile.target_memory_bytes),
        ),
    }
}

fn unfit(profile: &Profile, machine: &Machine) -> Option<String> {
    let needed = profile.target_memory_bytes.saturating_mul(SHARE);
    let is_mobile = profile.device_class == DeviceClass::Mobile;
    match () {
        () if machine.has_battery && profile.device_class == DeviceClass::DataCenter => {
            Some("is for machines without a battery".to_owned())
        }
        () if is_mobile && !machine.has_battery => {
            Some("is for machines with a battery".to_owned())
        }
        () if machine.memory_bytes < needed => Some(format!("needs {}", format_bytes(needed))),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_machine_has_its_profile() {
        const MB: u64 = 1 << 20;
        for (memory, has_battery, profile, part) in [
            (32 * MB, false, "micro_device", "the smallest"),
            (128 * MB, false, "micro_device", "needs 200MB"),
            (199 * MB, true, "micro_device", "needs 200MB"),
            (200 * MB, false, "iot_gateway", "with a battery"),
            (512 * MB, true, "iot_gateway", "needs 1000MB"),
            (1024 * MB, true, "mobile_device", "without a battery"),
            (64 << 30, true, "mobile_device", "without a battery"),
            (1024 * MB, false, "iot_gateway", "with a battery"),
            (16_000 * MB, false, "iot_gateway", "with a battery"),
            (16 << 30, false, "edge_datacenter", "uses 8GB"),
        ] {
            let machine = Machine {
                memory_bytes: memory,
                processors: 2,
                has_battery,
            };
            let proposal = propose(&machine).unwrap();
            assert_eq!(proposal.profile, profile, "{machine:?}");
            assert!(proposal.why.contains(part), "{}", proposal.why);
        }
    }
}
