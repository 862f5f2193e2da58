//! Device profiles: what a device of some class may spend, and on what.
//!
//! A profile is a TOML table `[edge_profile.NAME]` with the tables `features`
//! and `optimization` under it, and what is known of the device itself (`cpu`,
//! `storage`, `network`, `power`, `location`). `extends` takes everything not
//! said from another profile. Unknown keys are errors: a mistyped limit that is
//! silently ignored is found when the device runs out of memory.

mod library;
mod memory;
mod propose;
mod reading;
#[cfg(test)]
mod tests;

pub use library::Library;
pub use memory::MemoryPlan;
pub use propose::{Machine, Proposal, propose};
pub use reading::{TableReader, format_bytes, parse_bytes, parse_duration, suggest};

use crate::error::{Error, Result, state};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($variant),* }

        impl $name {
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }

            pub fn from_word(word: &str) -> Option<$name> {
                match word { $($word => Some($name::$variant),)* _ => None }
            }
        }
    };
}

words! {
    DeviceClass {
        Micro = "MicroDevice",
        Edge = "EdgeDevice",
        Mobile = "MobileDevice",
        DataCenter = "EdgeDataCenter",
    }
}

words! {
    /// Where a node stands in the tree; rows travel between neighbouring tiers.
    Tier { Device = "device", Gateway = "gateway", Region = "region", Cloud = "cloud" }
}

words! {
    /// `embedded_kv` is one small file; the others are a log-structured tree.
    PersistenceBackend {
        EmbeddedKv = "embedded_kv",
        LsmTree = "lsm_tree",
        Hybrid = "hybrid",
        Distributed = "distributed",
    }
}

words! {
    SyncMode {
        BatchOnly = "batch_only",
        Adaptive = "adaptive",
        Intelligent = "intelligent",
        RealTime = "real_time",
    }
}

words! {
    Compression {
        Aggressive = "aggressive",
        Balanced = "balanced",
        Adaptive = "adaptive",
        Minimal = "minimal",
    }
}

words! {
    /// How much of a feature a device gets. `true` in a profile means `full`.
    FeatureLevel {
        Off = "off",
        Limited = "limited",
        Basic = "basic",
        Advanced = "advanced",
        Full = "full",
    }
}

impl DeviceClass {
    /// The memory of devices of the class, from and up to, in bytes.
    pub fn memory_bytes(self) -> (u64, u64) {
        const MB: u64 = 1 << 20;
        match self {
            DeviceClass::Micro => (10 * MB, 50 * MB),
            DeviceClass::Edge => (50 * MB, 200 * MB),
            DeviceClass::Mobile => (200 * MB, 2048 * MB),
            DeviceClass::DataCenter => (2048 * MB, u64::MAX),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    pub time_series: bool,
    pub basic_analytics: bool,
    pub vector_similarity: bool,
    pub graph_processing: FeatureLevel,
    pub ml_inference: FeatureLevel,
    pub advanced_analytics: bool,
    /// Stands for every kind of analytics a single node has.
    pub full_analytics: bool,
    pub distributed_queries: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Optimization {
    pub query_cache_bytes: u64,
    pub actor_cache_size: u64,
    pub background_processing: bool,
    pub real_time_sync: bool,
    pub local_aggregation: bool,
    /// Less under battery or heat.
    pub adaptive_quality: bool,
    pub multi_tenancy: bool,
}

/// What is known of the device itself. Everything is optional.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Device {
    pub cpu_cores: Option<u64>,
    pub cpu_mhz: Option<u64>,
    pub storage_bytes: Option<u64>,
    pub storage_kind: Option<String>,
    pub network_kind: Option<String>,
    pub network_bits_per_second: Option<u64>,
    pub power_source: Option<String>,
    pub battery_watt_hours: Option<f64>,
    pub location: Option<Location>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Location {
    pub lat: f64,
    pub lon: f64,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    pub name: String,
    pub device_class: DeviceClass,
    pub tier: Tier,
    pub target_memory_bytes: u64,
    pub max_actors: u64,
    pub persistence_backend: PersistenceBackend,
    pub sync_mode: SyncMode,
    pub compression: Compression,
    /// Holds the store to less than its share of the target.
    pub store_memory_bytes: Option<u64>,
    pub max_keys: Option<u64>,
    pub features: Features,
    pub optimization: Optimization,
    pub device: Device,
}

impl Profile {
    /// One of the profiles that come with Orbit.
    pub fn built_in(name: &str) -> Result<Profile> {
        Library::built_in()?.get(name)
    }

    /// Reads a profile whose `extends` has been resolved.
    fn read(name: &str, table: toml::Table) -> Result<Profile> {
        let mut top = TableReader::new(format!("edge_profile.{name}"), table);
        let device_class = top.word("device_class", DeviceClass::WORDS, DeviceClass::from_word)?;
        let device_class = top.required("device_class", device_class)?;
        let tier = top.word("tier", Tier::WORDS, Tier::from_word)?;
        let megabytes = top.count("target_memory_mb")?;
        let gigabytes = top.count("target_memory_gb")?;
        let target_memory_bytes = match (megabytes, gigabytes) {
            (Some(_), Some(_)) => {
                return Err(top.wrong(
                    "target_memory_mb",
                    "stands beside target_memory_gb: give one of the two",
                ));
            }
            (Some(n), None) => n.checked_mul(1 << 20),
            (None, Some(n)) => n.checked_mul(1 << 30),
            (None, None) => return Err(top.missing("target_memory_mb")),
        }
        .ok_or_else(|| top.wrong("target_memory_mb", "is larger than any machine"))?;
        let max_actors = top.count("max_actors")?;
        let max_actors = top.required("max_actors", max_actors)?;
        let backend = top.word(
            "persistence_backend",
            PersistenceBackend::WORDS,
            PersistenceBackend::from_word,
        )?;
        let persistence_backend = top.required("persistence_backend", backend)?;
        let sync_mode = top.word("sync_mode", SyncMode::WORDS, SyncMode::from_word)?;
        let compression = top.word("compression", Compression::WORDS, Compression::from_word)?;
        let store_memory_bytes = top.bytes("store_memory")?;
        let max_keys = top.count("max_keys")?;
        let features = Features::read(top.table("features")?)?;
        let optimization = Optimization::read(top.table("optimization")?)?;
        let device = Device::read(&mut top)?;
        top.finish()?;
        let profile = Profile {
            name: name.to_owned(),
            device_class,
            tier: tier.unwrap_or(match device_class {
                DeviceClass::Micro | DeviceClass::Mobile => Tier::Device,
                DeviceClass::Edge => Tier::Gateway,
                DeviceClass::DataCenter => Tier::Region,
            }),
            target_memory_bytes,
            max_actors,
            persistence_backend,
            sync_mode: sync_mode.unwrap_or(SyncMode::Adaptive),
            compression: compression.unwrap_or(Compression::Balanced),
            store_memory_bytes,
            max_keys,
            features,
            optimization,
            device,
        };
        profile.validate()?;
        Ok(profile)
    }

    fn validate(&self) -> Result<()> {
        let wrong = |key: &str, why: String| {
            Error::new(
                state::INVALID_PARAMETER_VALUE,
                format!("edge_profile.{}.{key} {why}", self.name),
            )
        };
        let (least, most) = self.device_class.memory_bytes();
        if self.target_memory_bytes < least || self.target_memory_bytes > most {
            let most = match most {
                u64::MAX => "any size".to_owned(),
                most => format_bytes(most),
            };
            return Err(wrong(
                "target_memory_mb",
                format!(
                    "is {}, but devices of class {} have {} to {most}",
                    format_bytes(self.target_memory_bytes),
                    self.device_class.word(),
                    format_bytes(least),
                ),
            )
            .with_hint("Choose the profile of another device class, or change device_class."));
        }
        if self.max_actors == 0 {
            return Err(wrong("max_actors", "must be at least 1".into()));
        }
        if self.max_keys == Some(0) {
            return Err(wrong("max_keys", "must be at least 1".into()));
        }
        if let Some(store) = self.store_memory_bytes
            && (store < 1 << 20 || store > self.target_memory_bytes)
        {
            return Err(wrong(
                "store_memory",
                format!(
                    "is {}: it must lie between 1MB and the target of {}",
                    format_bytes(store),
                    format_bytes(self.target_memory_bytes)
                ),
            ));
        }
        if let Some(place) = &self.device.location
            && (place.lat.abs() > 90.0 || place.lon.abs() > 180.0)
        {
            return Err(wrong(
                "location",
                format!("({}, {}) is not on Earth", place.lat, place.lon),
            )
            .with_hint("lat runs from -90 to 90, lon from -180 to 180."));
        }
        Ok(())
    }
}

impl Features {
    fn read(mut table: TableReader) -> Result<Features> {
        let features = Features {
            time_series: table.flag("time_series")?.unwrap_or(false),
            basic_analytics: table.flag("basic_analytics")?.unwrap_or(false),
            vector_similarity: table.flag("vector_similarity")?.unwrap_or(false),
            graph_processing: table.level("graph_processing")?,
            ml_inference: table.level("ml_inference")?,
            advanced_analytics: table.flag("advanced_analytics")?.unwrap_or(false),
            full_analytics: table.flag("full_analytics")?.unwrap_or(false),
            distributed_queries: table.flag("distributed_queries")?.unwrap_or(false),
        };
        table.finish()?;
        Ok(features)
    }
}

impl Optimization {
    fn read(mut table: TableReader) -> Result<Optimization> {
        let query_cache = table.bytes("query_cache_size")?;
        let optimization = Optimization {
            query_cache_bytes: table.required("query_cache_size", query_cache)?,
            actor_cache_size: table.count("actor_cache_size")?.unwrap_or(10),
            background_processing: table.flag("background_processing")?.unwrap_or(false),
            real_time_sync: table.flag("real_time_sync")?.unwrap_or(false),
            local_aggregation: table.flag("local_aggregation")?.unwrap_or(false),
            adaptive_quality: table.flag("adaptive_quality")?.unwrap_or(false),
            multi_tenancy: table.flag("multi_tenancy")?.unwrap_or(false),
        };
        table.finish()?;
        Ok(optimization)
    }
}

impl Device {
    fn read(top: &mut TableReader) -> Result<Device> {
        let mut cpu = top.table("cpu")?;
        let mut storage = top.table("storage")?;
        let mut network = top.table("network")?;
        let mut power = top.table("power")?;
        let mut place = top.table("location")?;
        let device = Device {
            cpu_cores: cpu.count("cores")?,
            cpu_mhz: cpu.count("mhz")?,
            storage_bytes: storage.bytes("capacity")?,
            storage_kind: storage.text("kind")?,
            network_kind: network.text("kind")?,
            network_bits_per_second: network.count("bits_per_second")?,
            power_source: power.text("source")?,
            battery_watt_hours: power.number("battery_wh")?,
            location: match (place.number("lat")?, place.number("lon")?) {
                (Some(lat), Some(lon)) => Some(Location {
                    lat,
                    lon,
                    name: place.text("name")?.unwrap_or_default(),
                }),
                (None, None) => {
                    let _name = place.text("name")?;
                    None
                }
                (None, Some(_)) => return Err(place.missing("lat")),
                (Some(_), None) => return Err(place.missing("lon")),
            },
        };
        for part in [cpu, storage, network, power, place] {
            part.finish()?;
        }
        Ok(device)
    }
}
