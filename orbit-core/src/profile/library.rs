//! All profiles a node knows: those that come with Orbit, and those the
//! operator's own files add or replace.

use super::{Profile, suggest};
use crate::error::{Error, Result, state};
use std::collections::BTreeMap;

const BUILT_IN: [&str; 5] = [
    include_str!("../../../deploy/profiles/micro_device.toml"),
    include_str!("../../../deploy/profiles/iot_gateway.toml"),
    include_str!("../../../deploy/profiles/mobile_device.toml"),
    include_str!("../../../deploy/profiles/edge_datacenter.toml"),
    include_str!("../../../deploy/profiles/small_stores.toml"),
];

/// Longer chains of `extends` are a mistake, and so are rings.
const MAX_EXTENDS: usize = 8;

#[derive(Clone, Debug, Default)]
pub struct Library {
    tables: BTreeMap<String, toml::Table>,
}

impl Library {
    pub fn built_in() -> Result<Library> {
        let mut library = Library::default();
        for text in BUILT_IN {
            let file: toml::Table = toml::from_str(text)
                .map_err(|error| Error::internal(format!("built-in profile: {error}")))?;
            for (_, profiles) in file {
                library.add(profiles)?;
            }
        }
        Ok(library)
    }

    /// Adds what stands under `edge_profile` in a file.
    pub fn add(&mut self, profiles: toml::Value) -> Result<()> {
        let toml::Value::Table(profiles) = profiles else {
            return Err(Error::new(
                state::INVALID_PARAMETER_VALUE,
                "edge_profile must be a table of profiles",
            )
            .with_hint("Write a profile as [edge_profile.NAME]."));
        };
        for (name, profile) in profiles {
            let toml::Value::Table(table) = profile else {
                return Err(Error::new(
                    state::INVALID_PARAMETER_VALUE,
                    format!("edge_profile.{name} must be a table"),
                )
                .with_hint("Write a profile as [edge_profile.NAME]."));
            };
            self.tables.insert(name, table);
        }
        Ok(())
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }

    /// The profile of that name with all it extends, validated.
    pub fn get(&self, name: &str) -> Result<Profile> {
        let mut merged = self.table(name)?.clone();
        let mut chain = vec![name.to_owned()];
        while let Some(parent) = merged.remove("extends") {
            let toml::Value::String(parent) = parent else {
                return Err(Error::new(
                    state::INVALID_PARAMETER_VALUE,
                    format!("edge_profile.{name}.extends must be the name of a profile"),
                ));
            };
            // A profile of the operator's may extend the built-in it replaces.
            if chain.contains(&parent) || chain.len() > MAX_EXTENDS {
                return Err(Error::new(
                    state::INVALID_PARAMETER_VALUE,
                    format!("edge_profile.{name} extends itself"),
                )
                .with_detail(format!("{} -> {parent}", chain.join(" -> "))));
            }
            let mut base = self.table(&parent)?.clone();
            // A size in the other unit replaces the inherited one.
            if merged.contains_key("target_memory_mb") {
                base.remove("target_memory_gb");
            }
            if merged.contains_key("target_memory_gb") {
                base.remove("target_memory_mb");
            }
            overlay(&mut base, merged);
            chain.push(parent);
            merged = base;
            // `overlay` took the child's `extends`; what is left is the parent's.
        }
        Profile::read(name, merged)
    }

    fn table(&self, name: &str) -> Result<&toml::Table> {
        self.tables.get(name).ok_or_else(|| {
            let error = Error::new(
                state::INVALID_PARAMETER_VALUE,
                format!("there is no profile \"{name}\""),
            );
            match suggest(name, self.names()) {
                Some(meant) => error.with_hint(format!("Did you mean \"{meant}\"?")),
                None => error.with_hint(format!(
                    "Profiles are {}.",
                    self.names().collect::<Vec<_>>().join(", ")
                )),
            }
        })
    }
}

/// Puts `over` onto `base`; tables merge key by key.
fn overlay(base: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => overlay(below, above),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}
