//! What SET and SHOW speak of.
//!
//! [`Settings`] is one consistent set of values; sessions share it with the
//! statements they run and replace it on change, so ROLLBACK puts an older one back.

pub mod registry;
pub mod values;

use crate::statement::utility::IsolationLevel;
use orbit_core::catalog::{BOOTSTRAP_ROLE, Role, is_temporary_schema};
use orbit_core::error::SqlState;
use orbit_core::types::Oid;
use orbit_core::value::datetime::{self, DateOrder, IntervalStyle, NamedZone, find_zone};
use orbit_core::value::text::FormatSettings;
use orbit_core::{Error, Result, state};
use registry::{Kind, Setting};
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use values::{invalid, normalise};

/// What a session may ask for; `None`: whatever the server allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub statement_bytes: Option<usize>,
    /// Words and signs of one statement.
    pub statement_terms: Option<usize>,
    pub expression_depth: Option<usize>,
    pub parameters: Option<usize>,
    pub result_memory_bytes: Option<usize>,
}

impl Limits {
    /// Whether a statement's text is bounded by more than the server's own limits.
    pub fn bound_text(&self) -> bool {
        self.statement_bytes.is_some()
            || self.statement_terms.is_some()
            || self.expression_depth.is_some()
    }
}

/// What an application's own settings may take: they are copied with the others.
const MOST_CUSTOM_BYTES: usize = 1 << 20;

/// The settings a statement runs under. Cheap to share; changed by replacing.
#[derive(Clone, Debug)]
pub struct Settings {
    pub format: FormatSettings,
    pub statement_timeout: Option<Duration>,
    pub lock_timeout: Option<Duration>,
    pub deadlock_timeout: Duration,
    pub idle_in_transaction_session_timeout: Option<Duration>,
    pub idle_session_timeout: Option<Duration>,
    pub transaction_timeout: Option<Duration>,
    pub limits: Limits,
    pub default_isolation: IsolationLevel,
    pub default_read_only: bool,
    /// The current transaction's.
    pub isolation: IsolationLevel,
    pub read_only: bool,
    user: Arc<str>,
    /// Who the session is; the bootstrap superuser until it is told.
    session_role: Oid,
    /// SET ROLE; `None`: the session's own.
    role: Option<Oid>,
    /// What unqualified names are looked up in, in order.
    search_path: Arc<[String]>,
    /// The session's own schema, and how many relations it has got so far: each
    /// may hide another one.
    temporary: Option<(Arc<str>, u64)>,
    plan_scope: u64,
    /// Settings that differ from their default, as SHOW prints them.
    changed: BTreeMap<&'static str, String>,
    /// Settings of extensions and applications: any name with a dot.
    custom: BTreeMap<String, String>,
}

impl Settings {
    pub fn new(user: &str) -> Settings {
        let mut settings = Settings {
            format: FormatSettings::default(),
            statement_timeout: None,
            lock_timeout: None,
            deadlock_timeout: Duration::from_secs(1),
            idle_in_transaction_session_timeout: None,
            idle_session_timeout: None,
            transaction_timeout: None,
            limits: Limits::default(),
            default_isolation: IsolationLevel::ReadCommitted,
            default_read_only: false,
            isolation: IsolationLevel::ReadCommitted,
            read_only: false,
            user: user.into(),
            session_role: BOOTSTRAP_ROLE,
            role: None,
            search_path: Arc::new([]),
            temporary: None,
            plan_scope: 0,
            changed: BTreeMap::new(),
            custom: BTreeMap::new(),
        };
        settings
            .changed
            .insert("session_authorization", user.to_owned());
        settings.search_path = settings.resolve_path("\"$user\", public").into();
        settings.update_plan_scope();
        settings
    }

    /// The current role by name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The session's role and the current one.
    #[inline]
    pub fn identity(&self) -> (Oid, Oid) {
        (self.session_role, self.role.unwrap_or(self.session_role))
    }

    /// SET SESSION AUTHORIZATION, and the start of a session. Ends SET ROLE.
    pub fn set_session_role(&mut self, role: &Role) {
        self.session_role = role.oid;
        self.role = None;
        self.changed.remove("role");
        let name = role.name.clone();
        self.changed.insert("session_authorization", name);
        self.become_user(role);
    }

    /// SET ROLE; `session`: the session's own again.
    pub fn set_role(&mut self, role: &Role, session: bool) {
        self.role = (!session).then_some(role.oid);
        match session {
            true => self.changed.remove("role"),
            false => self.changed.insert("role", role.name.clone()),
        };
        self.become_user(role);
    }

    /// Becomes whom `other` is.
    pub fn take_identity(&mut self, other: &Settings) {
        self.session_role = other.session_role;
        self.take("session_authorization", other);
        self.take_current(other);
    }

    /// RESET ROLE. The session may have become another since `initial`.
    pub fn take_role(&mut self, initial: &Settings) {
        if initial.session_role == self.session_role {
            return self.take_current(initial);
        }
        self.role = None;
        self.changed.remove("role");
        let name = self.changed.get("session_authorization");
        if let Some(name) = name.cloned() {
            self.user = name.as_str().into();
        }
        self.follow_user();
    }

    fn take_current(&mut self, other: &Settings) {
        self.role = other.role;
        self.user = other.user.clone();
        self.take("role", other);
        self.take("is_superuser", other);
        self.follow_user();
    }

    fn take(&mut self, name: &'static str, other: &Settings) {
        match other.changed.get(name) {
            Some(value) => self.changed.insert(name, value.clone()),
            None => self.changed.remove(name),
        };
    }

    fn become_user(&mut self, role: &Role) {
        self.user = role.name.as_str().into();
        match role.superuser {
            true => self.changed.remove("is_superuser"),
            false => self.changed.insert("is_superuser", "off".to_owned()),
        };
        self.follow_user();
    }

    /// What names mean depends on who asks.
    fn follow_user(&mut self) {
        let path = self.changed.get("search_path").cloned();
        let path = path.unwrap_or_else(|| "\"$user\", public".to_owned());
        self.search_path = self.resolve_path(&path).into();
        self.update_plan_scope();
    }

    /// The settings by their names that differ from their defaults.
    pub fn changed(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.changed
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
    }

    /// Stands for the settings a plan may depend on: plans are shared between
    /// sessions only where it is equal.
    pub fn plan_scope(&self) -> u64 {
        self.plan_scope
    }

    fn update_plan_scope(&mut self) {
        let mut hasher = std::hash::DefaultHasher::new();
        self.user.hash(&mut hasher);
        self.search_path.hash(&mut hasher);
        self.temporary_generation().hash(&mut hasher);
        self.format.time_zone.name().hash(&mut hasher);
        for name in [
            "DateStyle",
            "IntervalStyle",
            "bytea_output",
            "extra_float_digits",
        ] {
            self.changed.get(name).hash(&mut hasher);
        }
        self.plan_scope = hasher.finish();
    }

    /// The schemas unqualified names are looked up in.
    pub fn search_path(&self) -> &[String] {
        &self.search_path
    }

    pub fn temporary_schema(&self) -> Option<&str> {
        self.temporary.as_ref().map(|(name, _)| &**name)
    }

    pub fn temporary_generation(&self) -> Option<u64> {
        self.temporary.as_ref().map(|(_, generation)| *generation)
    }

    pub(crate) fn set_temporary_schema(&mut self, name: &str, generation: u64) -> Result<()> {
        self.temporary = Some((name.into(), generation));
        let path = self.show("search_path")?.to_owned();
        self.search_path = self.resolve_path(&path).into();
        self.update_plan_scope();
        Ok(())
    }

    /// What a schema's name means here: `pg_temp` is the session's own, others'
    /// temporary schemas are nobody's business.
    pub fn schema<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        if name == "pg_temp" {
            return self.temporary_schema();
        }
        let foreign = is_temporary_schema(name) && self.temporary_schema() != Some(name);
        (!foreign).then_some(name)
    }

    /// A setting as SHOW prints it; 42704 if there is none of that name.
    pub fn show(&self, name: &str) -> Result<&str> {
        if let Some(setting) = registry::find(name) {
            return Ok(self
                .changed
                .get(setting.name)
                .map_or(setting.default, String::as_str));
        }
        self.custom
            .get(name)
            .map(String::as_str)
            .ok_or_else(|| unknown(name))
    }

    /// Every setting: name, value, description.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &str, &'static str)> {
        registry::all().map(|setting| {
            let value = self
                .changed
                .get(setting.name)
                .map_or(setting.default, String::as_str);
            (setting.name, value, setting.about)
        })
    }

    /// Sets a setting from its text. Says nothing about transactions: that is the session's part.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let Some(setting) = registry::find(name) else {
            if name.contains('.') {
                let others = self.custom.iter().filter(|(known, _)| *known != name);
                let held: usize = others.map(|(name, value)| name.len() + value.len()).sum();
                if held + name.len() + value.len() > MOST_CUSTOM_BYTES {
                    return Err(Error::new(
                        state::PROGRAM_LIMIT_EXCEEDED,
                        "the settings of applications are too large",
                    )
                    .with_hint(format!(
                        "A session keeps {MOST_CUSTOM_BYTES} bytes of them. RESET what isn't needed."
                    )));
                }
                self.custom.insert(name.to_owned(), value.to_owned());
                return Ok(());
            }
            return Err(unknown(name));
        };
        if setting.kind == Kind::ReadOnly {
            return Err(Error::new(
                SqlState(*b"55P02"),
                format!("parameter \"{}\" cannot be changed", setting.name),
            ));
        }
        if setting.kind == Kind::Limit {
            return Err(Error::new(
                SqlState(*b"55P02"),
                format!(
                    "parameter \"{}\" cannot be set after connection start",
                    setting.name
                ),
            )
            .with_hint("It is given to roles, with ALTER ROLE ... SET."));
        }
        self.put(setting, value)
    }

    /// Whether only roles and the server set it.
    pub fn is_granted(name: &str) -> bool {
        registry::find(name).is_some_and(|setting| setting.kind == Kind::Limit)
    }

    /// As [`Settings::set`], when a session starts and on behalf of its role or of
    /// the server: limits, too.
    pub fn grant(&mut self, name: &str, value: &str) -> Result<()> {
        match registry::find(name) {
            Some(setting) if setting.kind == Kind::Limit => self.put(setting, value),
            _ => self.set(name, value),
        }
    }

    /// Back to the value of `initial`.
    pub fn reset(&mut self, name: &str, initial: &Settings) -> Result<()> {
        match registry::find(name) {
            // Once it has been named, it stays: without a value.
            None if name.contains('.') => {
                if let Some(value) = self.custom.get_mut(name) {
                    value.clear();
                }
                Ok(())
            }
            None => Err(unknown(name)),
            Some(setting) if matches!(setting.kind, Kind::ReadOnly | Kind::Limit) => {
                Err(Error::new(
                    SqlState(*b"55P02"),
                    format!("parameter \"{}\" cannot be changed", setting.name),
                ))
            }
            Some(setting) => {
                let value = initial.show(setting.name)?.to_owned();
                self.put(setting, &value)
            }
        }
    }

    fn put(&mut self, setting: &'static Setting, value: &str) -> Result<()> {
        let shown = normalise(setting, value)?;
        let shown = self.apply(setting, shown)?;
        if shown == setting.default {
            self.changed.remove(setting.name);
        } else {
            self.changed.insert(setting.name, shown);
        }
        self.update_plan_scope();
        Ok(())
    }

    /// Sets what follows from a setting; returns the value as SHOW will print it.
    fn apply(&mut self, setting: &'static Setting, shown: String) -> Result<String> {
        match setting.name {
            "statement_timeout" => self.statement_timeout = timeout(setting, &shown),
            "lock_timeout" => self.lock_timeout = timeout(setting, &shown),
            "idle_in_transaction_session_timeout" => {
                self.idle_in_transaction_session_timeout = timeout(setting, &shown);
            }
            "idle_session_timeout" => self.idle_session_timeout = timeout(setting, &shown),
            "transaction_timeout" => self.transaction_timeout = timeout(setting, &shown),
            "statement_size_limit" => self.limits.statement_bytes = limit(&shown),
            "statement_term_limit" => self.limits.statement_terms = limit(&shown),
            "expression_depth_limit" => self.limits.expression_depth = limit(&shown),
            "parameter_limit" => self.limits.parameters = limit(&shown),
            "result_memory_limit" => self.limits.result_memory_bytes = limit(&shown),
            "deadlock_timeout" => {
                self.deadlock_timeout = timeout(setting, &shown).unwrap_or(Duration::from_secs(1));
            }
            "extra_float_digits" => {
                self.format.extra_float_digits = shown.parse().unwrap_or(1);
            }
            "bytea_output" => self.format.bytea_hex = shown == "hex",
            "TimeZone" => {
                let zone = time_zone(&shown).ok_or_else(|| unknown_zone(setting, &shown))?;
                self.format.time_zone = zone;
                return Ok(zone.name().to_owned());
            }
            "DateStyle" => {
                let order = date_style(setting, &shown, self.format.date_order)?;
                self.format.date_order = order;
                let shown = match order {
                    DateOrder::Mdy => "ISO, MDY",
                    DateOrder::Dmy => "ISO, DMY",
                    DateOrder::Ymd => "ISO, YMD",
                };
                return Ok(shown.to_owned());
            }
            "IntervalStyle" => {
                self.format.interval_style = IntervalStyle::named(&shown).unwrap_or_default();
            }
            "client_encoding" => {
                let plain: String = shown
                    .chars()
                    .filter(char::is_ascii_alphanumeric)
                    .map(|c| c.to_ascii_lowercase())
                    .collect();
                return match plain.as_str() {
                    "utf8" | "unicode" | "auto" => Ok("UTF8".to_owned()),
                    // No conversion either way, as PostgreSQL does it.
                    "sqlascii" => Ok("SQL_ASCII".to_owned()),
                    _ => Err(Error::unsupported(format!("client_encoding \"{shown}\""))),
                };
            }
            "standard_conforming_strings" if shown == "off" => {
                return Err(Error::unsupported("standard_conforming_strings = off"));
            }
            // They would change what statements do, and don't here.
            "session_replication_role" if shown == "replica" => {
                return Err(
                    Error::unsupported("session_replication_role = replica").with_hint(
                        "Load referenced tables first, or make the foreign keys deferrable.",
                    ),
                );
            }
            "transform_null_equals" if shown == "on" => {
                return Err(Error::unsupported("transform_null_equals = on"));
            }
            // The session looks roles up and may refuse them.
            "role" | "session_authorization" => {
                return Err(Error::internal("a role is set by the session"));
            }
            "search_path" => self.search_path = self.resolve_path(&shown).into(),
            "default_transaction_isolation" => {
                self.default_isolation =
                    IsolationLevel::named(&shown).unwrap_or(IsolationLevel::ReadCommitted);
            }
            "transaction_isolation" => {
                self.isolation =
                    IsolationLevel::named(&shown).unwrap_or(IsolationLevel::ReadCommitted);
            }
            "transaction_read_only" => self.read_only = shown == "on",
            "default_transaction_read_only" => self.default_read_only = shown == "on",
            "application_name" => {
                let mut name: String = shown
                    .chars()
                    .map(|c| if (' '..='~').contains(&c) { c } else { '?' })
                    .collect();
                name.truncate(crate::statement::names::MAX_NAME_BYTES);
                return Ok(name);
            }
            _ => {}
        }
        Ok(shown)
    }

    fn resolve_path(&self, text: &str) -> Vec<String> {
        let items = split_list(text);
        // First, unless the path itself says where.
        let named = items.iter().any(|item| item == "pg_temp");
        let own = self.temporary_schema().filter(|_| !named);
        own.map(str::to_owned)
            .into_iter()
            .chain(items.into_iter().map(|item| match item.as_str() {
                "$user" => self.user.to_string(),
                "pg_temp" => self.temporary_schema().unwrap_or_default().to_owned(),
                _ => item,
            }))
            .filter(|item| !item.is_empty())
            .collect()
    }
}

fn timeout(setting: &Setting, shown: &str) -> Option<Duration> {
    let millis = values::steps(setting, shown)?;
    u64::try_from(millis)
        .ok()
        .filter(|millis| *millis > 0)
        .map(Duration::from_millis)
}

fn limit(shown: &str) -> Option<usize> {
    shown.parse().ok().filter(|limit| *limit > 0)
}

fn unknown(name: &str) -> Error {
    Error::new(
        state::UNDEFINED_OBJECT,
        format!("unrecognized configuration parameter \"{name}\""),
    )
}

fn unknown_zone(setting: &Setting, value: &str) -> Error {
    let error = invalid(setting, value);
    match datetime::ZONES_BUILT_IN {
        true => error,
        false => error.with_hint("This build of Orbit knows no time zone but UTC."),
    }
}

/// A zone by its name, whatever the case, or by whole hours east of Greenwich.
fn time_zone(name: &str) -> Option<NamedZone> {
    let name = name.trim();
    if let Some(zone) = find_zone(name) {
        return Some(zone);
    }
    if name.eq_ignore_ascii_case("z") {
        return Some(NamedZone::UTC);
    }
    let hours = name.strip_suffix(":00").unwrap_or(name);
    let east: i32 = hours.parse().ok()?;
    // Names of this form count hours west.
    find_zone(&format!("Etc/GMT{:+}", -east))
}

/// Dates are always written in ISO form; in which order they are read is the session's
/// choice, and stays what it was unless the text names one.
fn date_style(setting: &'static Setting, value: &str, before: DateOrder) -> Result<DateOrder> {
    let mut order = None;
    for item in split_list(value) {
        let named = match item.to_ascii_lowercase().as_str() {
            "iso" => continue,
            "default" => {
                order.get_or_insert(DateOrder::default());
                continue;
            }
            "mdy" | "us" => DateOrder::Mdy,
            "dmy" => DateOrder::Dmy,
            "ymd" => DateOrder::Ymd,
            word if word.starts_with("noneuro") => DateOrder::Mdy,
            word if word.starts_with("euro") => DateOrder::Dmy,
            word if word == "sql" || word.starts_with("postgres") || word.starts_with("german") => {
                return Err(
                    Error::unsupported(format!("DateStyle \"{value}\"")).with_hint(
                        "Dates are written in ISO form; MDY, DMY and YMD choose how they are read.",
                    ),
                );
            }
            _ => {
                return Err(invalid(setting, value)
                    .with_detail(format!("Unrecognized key word: \"{item}\".")));
            }
        };
        if order.is_some_and(|known| known != named) {
            return Err(
                invalid(setting, value).with_detail("Conflicting \"datestyle\" specifications.")
            );
        }
        order = Some(named);
    }
    Ok(order.unwrap_or(before))
}

/// Items of a comma-separated list of identifiers: folded unless in double quotes.
fn split_list(text: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut item = String::new();
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                item.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => items.push(std::mem::take(&mut item)),
            c if c.is_whitespace() && !quoted => {}
            c if quoted => item.push(c),
            c => item.push(c.to_ascii_lowercase()),
        }
    }
    items.push(item);
    items.retain(|item| !item.is_empty());
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_and_shown_as_postgres_shows_them() {
        let mut settings = Settings::new("ada");
        settings.set("statement_timeout", "90s").unwrap();
        assert_eq!(settings.show("statement_timeout").unwrap(), "90s");
        assert_eq!(settings.statement_timeout, Some(Duration::from_secs(90)));
        settings.set("STATEMENT_TIMEOUT", "120000").unwrap();
        assert_eq!(settings.show("statement_timeout").unwrap(), "2min");
        settings.set("row_security", "no").unwrap();
        assert_eq!(settings.show("row_security").unwrap(), "off");
        settings.set("timezone", "europe/berlin").unwrap();
        assert_eq!(settings.show("TimeZone").unwrap(), "Europe/Berlin");
        settings.set("datestyle", "ISO, DMY").unwrap();
        assert_eq!(settings.show("DateStyle").unwrap(), "ISO, DMY");
        assert_eq!(settings.show("session_authorization").unwrap(), "ada");
    }

    #[test]
    fn nonsense_is_refused_with_the_right_code() {
        let mut settings = Settings::new("ada");
        let code = |error: Error| error.state();
        assert_eq!(
            code(settings.set("no_such", "1").unwrap_err()),
            state::UNDEFINED_OBJECT
        );
        assert_eq!(
            code(settings.set("statement_timeout", "soon").unwrap_err()),
            state::INVALID_PARAMETER_VALUE
        );
        assert_eq!(
            code(settings.set("extra_float_digits", "9").unwrap_err()),
            state::INVALID_PARAMETER_VALUE
        );
        assert_eq!(
            code(settings.set("server_version", "9").unwrap_err()),
            SqlState(*b"55P02")
        );
        assert_eq!(
            code(settings.set("TimeZone", "Middle/Earth").unwrap_err()),
            state::INVALID_PARAMETER_VALUE
        );
        settings.set("my.own", "x").unwrap();
        assert_eq!(settings.show("my.own").unwrap(), "x");
    }

    #[test]
    fn the_search_path_knows_its_user_and_quotes() {
        let mut settings = Settings::new("ada");
        assert_eq!(settings.search_path(), ["ada", "public"]);
        settings.set("search_path", "Shop, \"My Schema\"").unwrap();
        assert_eq!(settings.search_path(), ["shop", "My Schema"]);
        settings.set("search_path", "").unwrap();
        assert!(settings.search_path().is_empty());
    }
}
