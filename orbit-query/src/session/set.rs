//! SET, RESET, SHOW, DISCARD.

use super::{Block, Session, identity};
use crate::rows::{ColumnDesc, Outcome, Rows, Tag};
use crate::settings::{Settings, registry, values};
use crate::statement::utility::{IsolationLevel, Modes};
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use std::sync::Arc;

impl Session {
    /// Changes a setting for the session, or (`local`) for the transaction. Undone by ROLLBACK.
    pub(crate) fn set(&mut self, name: &str, value: &str, local: bool) -> Result<()> {
        match name {
            "transaction_isolation" => {
                let isolation = IsolationLevel::named(value).ok_or_else(|| {
                    Error::new(
                        state::INVALID_PARAMETER_VALUE,
                        format!("invalid value for parameter \"{name}\": \"{value}\""),
                    )
                })?;
                return self.change_modes(Modes {
                    isolation: Some(isolation),
                    read_only: None,
                });
            }
            "transaction_read_only" => {
                let read_only = values::parse_bool(value).ok_or_else(|| {
                    Error::new(
                        state::INVALID_PARAMETER_VALUE,
                        format!("parameter \"{name}\" requires a Boolean value"),
                    )
                })?;
                return self.change_modes(Modes {
                    isolation: None,
                    read_only: Some(read_only),
                });
            }
            _ => {}
        }
        self.check_settable(name)?;
        if identity::is_role(name) {
            let mut settings = (*self.settings).clone();
            self.change_role(&mut settings, name, value)?;
            return self.change_settings(local, |other| {
                other.take_identity(&settings);
                Ok(())
            });
        }
        self.change_settings(local, |settings| settings.set(name, value))
    }

    /// Does what set_config() asked for from within queries.
    #[inline]
    pub(super) fn configure(&mut self) -> Result<()> {
        match self.backend.configured.any() {
            true => self.configure_now(),
            false => Ok(()),
        }
    }

    #[cold]
    fn configure_now(&mut self) -> Result<()> {
        for change in self.backend.configured.take() {
            match &change.value {
                Some(value) => self.set(&change.name, value, change.local)?,
                None => self.reset(&change.name, change.local)?,
            }
        }
        Ok(())
    }

    /// 42501 for what only superusers set.
    pub(super) fn check_settable(&mut self, name: &str) -> Result<()> {
        if !registry::find(name).is_some_and(|setting| setting.by_superusers) {
            return Ok(());
        }
        // SET ROLE may have been the statement before.
        let view = self.planning_view();
        self.identify(view.catalog());
        if self.rights().superuser {
            return Ok(());
        }
        Err(crate::access::forbidden(format!(
            "permission denied to set parameter \"{name}\""
        )))
    }

    pub(super) fn change_settings(
        &mut self,
        local: bool,
        change: impl Fn(&mut Settings) -> Result<()>,
    ) -> Result<()> {
        let mut settings = (*self.settings).clone();
        change(&mut settings)?;
        let kept = if local {
            None
        } else {
            let mut kept = (*self.kept).clone();
            change(&mut kept)?;
            Some(kept)
        };
        self.save_settings();
        self.settings = Arc::new(settings);
        if let Some(kept) = kept {
            self.kept = Arc::new(kept);
        }
        self.renew_limits();
        Ok(())
    }

    pub(super) fn run_set(
        &mut self,
        name: &str,
        value: Option<&str>,
        local: bool,
    ) -> Result<Outcome> {
        if local && self.check_inside_block("SET LOCAL").is_err() && self.blocks.is_idle() {
            self.notice(Error::new(
                state::NO_ACTIVE_SQL_TRANSACTION,
                "SET LOCAL can only be used in transaction blocks",
            ));
        }
        match value {
            Some(value) => self.set(name, value, local)?,
            None => self.reset(name, local)?,
        }
        Ok(Outcome::Done(Tag::Other("SET")))
    }

    fn reset(&mut self, name: &str, local: bool) -> Result<()> {
        let initial = self.initial.clone();
        if identity::is_role(name) {
            let only_role = name.eq_ignore_ascii_case("role");
            return self.change_settings(local, |settings| {
                match only_role {
                    true => settings.take_role(&initial),
                    false => settings.take_identity(&initial),
                }
                Ok(())
            });
        }
        self.change_settings(local, |settings| settings.reset(name, &initial))
    }

    pub(super) fn run_reset(&mut self, name: Option<&str>) -> Result<Outcome> {
        match name {
            Some(name) => self.reset(name, false)?,
            // Who the session is stays, as in PostgreSQL.
            None => {
                let now = self.settings.clone();
                self.reset_all();
                for settings in [&mut self.settings, &mut self.kept] {
                    let mut same = (**settings).clone();
                    same.take_identity(&now);
                    *settings = Arc::new(same);
                }
            }
        }
        Ok(Outcome::Done(Tag::Other("RESET")))
    }

    fn reset_all(&mut self) {
        self.save_settings();
        self.settings = self.initial.clone();
        self.kept = self.initial.clone();
        self.renew_limits();
    }

    pub(super) async fn run_discard(&mut self, all: bool, tag: &'static str) -> Result<Outcome> {
        if all {
            self.check_outside_block("DISCARD ALL")?;
            self.reset_all();
            self.named.clear();
            self.protocol_named.clear();
            self.backend.prepared.lock().clear();
            self.close_cursors();
            self.backend
                .listen(crate::backend::notify::Listen::ToNothing);
            self.backend.advisory.release_session(&self.backend);
        }
        if all || tag == "DISCARD SEQUENCES" {
            self.facts.sequences.discard();
        }
        if (all || tag == "DISCARD TEMP")
            && let Some(schema) = self.settings.temporary_schema().map(str::to_owned)
        {
            crate::ddl::temporary::clear(self.transaction()?, &schema).await?;
        }
        Ok(Outcome::Done(Tag::Other(tag)))
    }

    pub(super) fn run_show(&self, name: Option<&str>) -> Result<Outcome> {
        let columns = show_columns(name);
        let text = |text: &str| Value::Text(text.to_owned());
        let rows = match name {
            Some(name) => {
                // Outside of a block, SHOW is a transaction of its own, in the session's modes.
                let idle = matches!(self.blocks.block(), Block::Idle);
                let name = match name {
                    "transaction_isolation" if idle => "default_transaction_isolation",
                    "transaction_read_only" if idle => "default_transaction_read_only",
                    other => other,
                };
                vec![vec![text(self.settings.show(name)?)]]
            }
            None => self
                .settings
                .all()
                .map(|(name, value, about)| vec![text(name), text(value), text(about)])
                .collect(),
        };
        Ok(Outcome::Rows(
            Rows::values(columns, rows).tagged(Tag::Other("SHOW")),
        ))
    }
}

pub(super) fn show_columns(name: Option<&str>) -> Arc<[ColumnDesc]> {
    let names = match name {
        Some(name) => vec![registry::find(name).map_or(name, |setting| setting.name)],
        None => vec!["name", "setting", "description"],
    };
    names
        .into_iter()
        .map(|name| ColumnDesc::new(name, SqlType::Text))
        .collect()
}
