//! Zones of a build without their tables, which would be a fifth of the micro node.
//! Offsets in timestamps (`+02:00`, `CET`) don't need them.

/// Whether there are other zones than UTC.
pub const ZONES_BUILT_IN: bool = false;

/// A zone with a name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum NamedZone {
    UTC,
}

impl NamedZone {
    pub fn name(self) -> &'static str {
        "UTC"
    }
}

/// Seconds east of UTC at this moment (microseconds since 1970).
pub fn offset_at(zone: NamedZone, _utc_micros: i64) -> i32 {
    match zone {
        NamedZone::UTC => 0,
    }
}

/// The moment that a local time names.
pub fn local_to_utc(zone: NamedZone, local_micros: i64) -> i64 {
    match zone {
        NamedZone::UTC => local_micros,
    }
}

/// The zone of this name, in any case.
pub fn find(name: &str) -> Option<NamedZone> {
    const NAMES: [&str; 7] = [
        "UTC",
        "Etc/UTC",
        "GMT",
        "Etc/GMT",
        "UCT",
        "Universal",
        "Zulu",
    ];
    let known = NAMES.iter().any(|known| known.eq_ignore_ascii_case(name));
    known.then_some(NamedZone::UTC)
}
