//! `set_config()` within a query, and `current_setting()`. A plain `SELECT set_config(...)`
//! of constants is the session's own affair and never comes here.

use super::Arg::{Bool, Text};
use super::{Call, Function, strict, volatile};
use crate::backend::configured::Change;
use crate::pg_catalog::cells::Cell;
use crate::pg_catalog::relations::Kind;
use crate::pg_catalog::settings;
use crate::settings::registry;
use orbit_core::error::SqlState;
use orbit_core::{Error, Result, state};

#[rustfmt::skip]
pub const FUNCTIONS: &[Function] = &[
    strict("current_setting", &[Text, Bool], 1, Kind::Text, current_setting),
    Function { strict: false, ..volatile("set_config", &[Text, Text, Bool], 3, Kind::Text, set_config) },
];

fn current_setting(call: &Call<'_>) -> Result<Cell> {
    let Some(name) = call.text(0) else {
        return Ok(Cell::Null);
    };
    match settings::show(call.context, name) {
        Some(value) => Ok(value.into()),
        None if call.bool(1) == Some(true) => Ok(Cell::Null),
        None => Err(unknown(name)),
    }
}

fn unknown(name: &str) -> Error {
    Error::new(
        state::UNDEFINED_OBJECT,
        format!("unrecognized configuration parameter \"{name}\""),
    )
}

fn set_config(call: &Call<'_>) -> Result<Cell> {
    let Some(name) = call.text(0) else {
        return Err(Error::new(
            SqlState(*b"22004"),
            "SET requires parameter name",
        ));
    };
    let (Some(now), Some(backend)) = (call.context.settings(), &call.context.facts().backend)
    else {
        return Err(Error::unsupported("set_config() outside of any session"));
    };
    let name = name.to_ascii_lowercase();
    let setting = registry::find(&name);
    let value = call.text(1);
    let shown = match (name.as_str(), value) {
        // Whether the session may become that role is seen when it does.
        ("role" | "session_authorization", Some(role)) => {
            let catalog = call.context.catalog();
            if role != "none" && catalog.role_named(role).is_none() {
                return Err(Error::new(
                    state::INVALID_PARAMETER_VALUE,
                    format!("role \"{role}\" does not exist"),
                ));
            }
            role.to_owned()
        }
        (_, Some(value)) => {
            if setting.is_some_and(|setting| setting.by_superusers)
                && !call.context.facts().rights.superuser
            {
                return Err(crate::access::forbidden(format!(
                    "permission denied to set parameter \"{name}\""
                )));
            }
            let mut trial = (**now).clone();
            trial.set(&name, value)?;
            trial.show(&name)?.to_owned()
        }
        (_, None) => match setting {
            Some(setting) => setting.default.to_owned(),
            None if name.contains('.') => String::new(),
            None => return Err(unknown(&name)),
        },
    };
    backend.configured.add(Change {
        name,
        value: value.map(str::to_owned),
        local: call.bool(2) == Some(true),
        shown: shown.clone(),
    })?;
    Ok(shown.into())
}
