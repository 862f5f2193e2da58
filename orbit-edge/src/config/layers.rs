//! Laying the sources over each other, remembering where each value came from.

use super::keys::{self, KEYS, Key, Kind};
use super::wrong;
use orbit_core::profile::{Library, MemoryPlan, Profile, parse_bytes, parse_duration, suggest};
use orbit_core::{Error, Result};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    Profile(String),
    File(PathBuf),
    Environment(String),
    Flag(String),
}

impl Origin {
    pub fn is_profile(&self) -> bool {
        matches!(self, Origin::Profile(_))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::Profile(name) => write!(f, "profile {name}"),
            Origin::File(path) => write!(f, "{}", path.display()),
            Origin::Environment(name) => f.write_str(name),
            Origin::Flag(name) => f.write_str(name),
        }
    }
}

/// One key as it stands. `value` is TOML; `None`: unset.
#[derive(Clone, Debug)]
pub struct Setting {
    pub path: &'static str,
    pub value: Option<String>,
    pub origin: Origin,
    pub letter: &'static str,
}

/// Where to read from, least important first.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A file and whether it must be there.
    pub files: Vec<(PathBuf, bool)>,
    pub environment: Vec<(String, String)>,
    /// Key, the flag's name, its value.
    pub flags: Vec<(&'static str, &'static str, String)>,
}

impl Sources {
    /// The places an operator expects; `named` stands in for `./orbit.toml`.
    pub fn standard(named: Option<&Path>) -> Sources {
        let user = std::env::var_os("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")));
        let mut files = vec![(PathBuf::from("/etc/orbit/orbit.toml"), false)];
        files.extend(user.map(|user| (user.join("orbit/orbit.toml"), false)));
        files.push(match named {
            Some(file) => (file.to_path_buf(), true),
            None => (PathBuf::from("orbit.toml"), false),
        });
        Sources {
            files,
            environment: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .filter(|(name, _)| name.starts_with("ORBIT__"))
                .collect(),
            flags: Vec::new(),
        }
    }

    #[must_use]
    pub fn flag(mut self, key: &'static str, flag: &'static str, value: Option<String>) -> Sources {
        self.flags.extend(value.map(|value| (key, flag, value)));
        self
    }
}

/// A value after its key's kind has accepted it.
#[derive(Clone, Debug, PartialEq)]
enum Accepted {
    Text(String),
    Flag(bool),
    /// Counts, bytes and durations (in milliseconds).
    Number(u64),
    List(Vec<String>),
}

pub(super) struct Layers {
    pub profile: Profile,
    values: BTreeMap<&'static str, (Accepted, String, Origin)>,
}

impl Layers {
    pub fn read(sources: &Sources, default_profile: &str) -> Result<Layers> {
        let mut library = Library::built_in()?;
        let mut upper = BTreeMap::new();
        for (file, required) in &sources.files {
            read_file(file, *required, &mut library, &mut upper)?;
        }
        for (variable, text) in &sources.environment {
            let path = variable
                .trim_start_matches("ORBIT__")
                .split("__")
                .map(str::to_ascii_lowercase)
                .collect::<Vec<_>>()
                .join(".");
            let origin = Origin::Environment(variable.clone());
            let key = keys::find(&path).ok_or_else(|| unknown(&path, &origin))?;
            upper.insert(key.path, accept_text(key, text, origin)?);
        }
        for (path, flag, text) in &sources.flags {
            let origin = Origin::Flag((*flag).to_owned());
            let key = keys::find(path).ok_or_else(|| unknown(path, &origin))?;
            upper.insert(key.path, accept_text(key, text, origin)?);
        }

        let name = match upper.get("node.profile") {
            Some((Accepted::Text(name), _, _)) => name.clone(),
            _ => default_profile.to_owned(),
        };
        let profile = library.get(&name)?;
        let mut layers = Layers {
            values: BTreeMap::new(),
            profile,
        };
        layers.take_defaults(&name)?;
        layers.values.append(&mut upper);
        Ok(layers)
    }

    fn take_defaults(&mut self, profile_name: &str) -> Result<()> {
        for key in KEYS {
            if let Some(text) = key.default {
                self.values
                    .insert(key.path, accept_text(key, text, Origin::Default)?);
            }
        }
        let plan = MemoryPlan::of(&self.profile);
        let memory = orbit_core::profile::format_bytes(self.profile.target_memory_bytes);
        for (path, text, origin) in [
            ("node.profile", profile_name.to_owned(), Origin::Default),
            (
                "node.tier",
                self.profile.tier.word().to_owned(),
                self.from_profile(),
            ),
            ("edge.resources.memory_limit", memory, self.from_profile()),
            (
                "edge.resources.max_connections",
                plan.max_connections.to_string(),
                self.from_profile(),
            ),
            (
                "edge.resources.max_queries",
                plan.max_queries.to_string(),
                self.from_profile(),
            ),
            (
                "edge.resources.max_waiting_queries",
                plan.max_waiting_queries.to_string(),
                self.from_profile(),
            ),
        ] {
            if let Some(key) = keys::find(path) {
                self.values
                    .insert(key.path, accept_text(key, &text, origin)?);
            }
        }
        Ok(())
    }

    fn from_profile(&self) -> Origin {
        Origin::Profile(self.profile.name.clone())
    }

    pub fn text(&self, path: &str) -> Option<String> {
        match self.values.get(path) {
            Some((Accepted::Text(text), _, _)) => Some(text.clone()),
            _ => None,
        }
    }

    /// A key that always has a value.
    pub fn word(&self, path: &str) -> String {
        self.text(path).unwrap_or_default()
    }

    pub fn optional_count(&self, path: &str) -> Option<u64> {
        match self.values.get(path) {
            Some((Accepted::Number(n), _, _)) => Some(*n),
            _ => None,
        }
    }

    pub fn count(&self, path: &str) -> u64 {
        self.optional_count(path).unwrap_or_default()
    }

    pub fn duration(&self, path: &str) -> Duration {
        Duration::from_millis(self.count(path))
    }

    pub fn flag(&self, path: &str) -> bool {
        matches!(self.values.get(path), Some((Accepted::Flag(true), _, _)))
    }

    pub fn list(&self, path: &str) -> Vec<String> {
        match self.values.get(path) {
            Some((Accepted::List(list), _, _)) => list.clone(),
            _ => Vec::new(),
        }
    }

    pub fn port(&self, path: &str) -> u16 {
        u16::try_from(self.count(path)).unwrap_or_default()
    }

    pub fn address(&self, path: &str) -> Result<IpAddr> {
        let text = self.word(path);
        match text.as_str() {
            "localhost" => Ok(IpAddr::from([127, 0, 0, 1])),
            text => text
                .parse()
                .map_err(|_| wrong(format!("{path} must be an IP address, not \"{text}\""))),
        }
    }

    pub fn into_settings(self) -> Vec<Setting> {
        let mut values = self.values;
        KEYS.iter()
            .map(|key| {
                let (value, origin) = match values.remove(key.path) {
                    Some((_, shown, origin)) => (Some(shown), origin),
                    None => (None, Origin::Default),
                };
                Setting {
                    path: key.path,
                    value,
                    origin,
                    letter: key.letter,
                }
            })
            .collect()
    }
}

type Upper = BTreeMap<&'static str, (Accepted, String, Origin)>;

fn read_file(file: &Path, required: bool, library: &mut Library, upper: &mut Upper) -> Result<()> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => return Ok(()),
        Err(error) => {
            return Err(wrong(format!("cannot read {}: {error}", file.display())));
        }
    };
    let table: toml::Table = toml::from_str(&text).map_err(|error| {
        wrong(format!(
            "{}: {}",
            file.display(),
            error.to_string().trim_end()
        ))
    })?;
    for (section, value) in table {
        if section == "edge_profile" {
            library
                .add(value)
                .map_err(|error| error.in_context(file.display().to_string()))?;
            continue;
        }
        walk(&section, value, &Origin::File(file.to_path_buf()), upper)?;
    }
    Ok(())
}

fn walk(path: &str, value: toml::Value, origin: &Origin, upper: &mut Upper) -> Result<()> {
    if let Some(key) = keys::find(path) {
        upper.insert(key.path, accept(key, &value, origin.clone())?);
        return Ok(());
    }
    let prefix = format!("{path}.");
    match value {
        toml::Value::Table(table) if KEYS.iter().any(|key| key.path.starts_with(&prefix)) => table
            .into_iter()
            .try_for_each(|(name, value)| walk(&format!("{prefix}{name}"), value, origin, upper)),
        _ => Err(unknown(path, origin)),
    }
}

fn unknown(path: &str, origin: &Origin) -> Error {
    let error = wrong(format!("unknown key \"{path}\" in {origin}"));
    // A section is as easily mistyped as a key, and a key put under the wrong one.
    let last = path.rsplit('.').next().unwrap_or(path);
    let elsewhere = || {
        KEYS.iter()
            .find(|key| key.path.rsplit('.').next() == Some(last))
            .map(|key| key.path)
    };
    let sections = [
        "node",
        "edge",
        "edge.resources",
        "edge.mesh",
        "sync",
        "listen",
        "tls",
        "access",
    ];
    let meant =
        elsewhere().or_else(|| suggest(path, KEYS.iter().map(|key| key.path).chain(sections)));
    match meant {
        Some(meant) => error.with_hint(format!("Did you mean \"{meant}\"?")),
        None => error.with_hint("`orbit config show` lists every key."),
    }
}

/// A value given as plain text, by a variable or a flag.
fn accept_text(key: &Key, text: &str, origin: Origin) -> Result<(Accepted, String, Origin)> {
    let value = match key.kind {
        Kind::Text | Kind::Word(_) | Kind::Bytes | Kind::Duration => {
            toml::Value::String(text.to_owned())
        }
        Kind::Flag => match text {
            "true" | "on" | "yes" | "1" => toml::Value::Boolean(true),
            "false" | "off" | "no" | "0" => toml::Value::Boolean(false),
            other => toml::Value::String(other.to_owned()),
        },
        Kind::Count(..) => match text.parse() {
            Ok(n) => toml::Value::Integer(n),
            Err(_) => toml::Value::String(text.to_owned()),
        },
        Kind::List => toml::Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| toml::Value::String(item.to_owned()))
                .collect(),
        ),
    };
    accept(key, &value, origin)
}

fn accept(key: &Key, value: &toml::Value, origin: Origin) -> Result<(Accepted, String, Origin)> {
    let refuse = |wanted: String| {
        wrong(format!(
            "{} must be {wanted}, not {value} (in {origin})",
            key.path
        ))
    };
    let accepted = match (key.kind, value) {
        (Kind::Text, toml::Value::String(text)) => Accepted::Text(text.clone()),
        (Kind::Text, _) => return Err(refuse("a text in quotes".into())),
        (Kind::Flag, toml::Value::Boolean(flag)) => Accepted::Flag(*flag),
        (Kind::Flag, _) => return Err(refuse("true or false".into())),
        (Kind::Count(least, most), value) => match value.as_integer().map(u64::try_from) {
            Some(Ok(n)) if (least..=most).contains(&n) => Accepted::Number(n),
            _ if most == u64::MAX => {
                return Err(refuse(format!("a whole number from {least} up")));
            }
            _ => return Err(refuse(format!("a whole number from {least} to {most}"))),
        },
        (Kind::Bytes, toml::Value::Integer(n)) if *n >= 0 => Accepted::Number(n.cast_unsigned()),
        (Kind::Bytes, value) => match value.as_str().and_then(parse_bytes) {
            Some(bytes) => Accepted::Number(bytes),
            None => return Err(refuse("a size such as \"128mb\"".into())),
        },
        (Kind::Duration, value) => match value.as_str().and_then(parse_duration) {
            Some(time) => Accepted::Number(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            None => return Err(refuse("a time such as \"30s\"".into())),
        },
        (Kind::Word(words), value) => match value.as_str() {
            Some(word) if words.contains(&word) => Accepted::Text(word.to_owned()),
            word => {
                let error = refuse(format!("one of {}", words.join(", ")));
                let meant = word.and_then(|word| suggest(word, words.iter().copied()));
                return Err(match meant {
                    Some(meant) => error.with_hint(format!("Did you mean \"{meant}\"?")),
                    None => error,
                });
            }
        },
        (Kind::List, value) => {
            let items = value.as_array().map(|items| {
                items
                    .iter()
                    .map(|item| item.as_str().map(str::to_owned))
                    .collect::<Option<Vec<_>>>()
            });
            match items.flatten() {
                Some(items) => Accepted::List(items),
                None => return Err(refuse("a list of texts".into())),
            }
        }
    };
    Ok((accepted, value.to_string(), origin))
}
