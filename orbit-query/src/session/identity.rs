//! Who a session is: SET ROLE, SET SESSION AUTHORIZATION, and what its statements
//! are allowed to do by that.

use super::{Session, SessionFacts};
use crate::access::need::{self, Need};
use crate::access::{Rights, ddl, discretion, forbidden};
use crate::settings::Settings;
use crate::statement::{Plan, Prepared};
use orbit_core::catalog::{Catalog, Role};
use orbit_core::ids::TableId;
use orbit_core::txn::Isolation;
use orbit_core::types::Oid;
use orbit_core::{Error, Result, state};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Stands for a role that isn't there: it owns nothing and nothing was granted to it.
const NOBODY: Oid = u32::MAX;

/// The settings that are roles.
pub(super) fn is_role(name: &str) -> bool {
    name.eq_ignore_ascii_case("role") || name.eq_ignore_ascii_case("session_authorization")
}

/// Whoever drives the session has made sure that it is that user.
pub(super) fn sign_in(settings: &mut Settings, catalog: &Catalog, user: &str) -> Oid {
    match catalog.role_named(user) {
        Some(role) => {
            settings.set_session_role(role);
            role.oid
        }
        None => {
            settings.set_session_role(&Role::new(NOBODY, user));
            NOBODY
        }
    }
}

impl Session {
    /// The rights of the current role, as of the statement's catalog.
    pub(crate) fn rights(&self) -> &Arc<Rights> {
        &self.facts.rights
    }

    /// Notes who asks: called before a statement is held against its needs.
    #[inline]
    pub(crate) fn identify(&mut self, catalog: &Catalog) {
        let (session_role, role) = self.settings.identity();
        if self.facts.rights.internal {
            return;
        }
        if !self.facts.rights.hold(session_role, role, catalog.version) {
            self.identify_anew(catalog, session_role, role);
        }
    }

    #[cold]
    fn identify_anew(&mut self, catalog: &Catalog, session_role: Oid, role: Oid) {
        let rights = Rights::of(catalog, session_role, role);
        let name = |oid: Oid, fallback: &str| match catalog.role(oid) {
            Some(role) => role.name.clone(),
            None => fallback.to_owned(),
        };
        let facts = SessionFacts {
            user: name(role, self.settings.user()),
            session_user: name(session_role, &self.facts.session_user),
            rights: Arc::new(rights),
            ..(*self.facts).clone()
        };
        self.facts = Arc::new(facts);
    }

    /// The error of a statement as its role may see it; `needs` say which columns it gave
    /// values.
    #[cold]
    pub(crate) fn told_of(&mut self, error: Error, needs: &[Need]) -> Error {
        if !error.is_showing() {
            return error;
        }
        let catalog = self.current_catalog();
        self.identify(&catalog);
        discretion::told_of(error, &self.facts.rights, &catalog, needs)
    }

    #[cold]
    pub(crate) fn told(&mut self, error: Error, given: impl Fn(TableId, usize) -> bool) -> Error {
        if !error.is_showing() {
            return error;
        }
        let catalog = self.current_catalog();
        self.identify(&catalog);
        discretion::told(error, &self.facts.rights, &catalog, given)
    }

    /// 42501 if the statement may not run, in this catalog, for the current role.
    #[inline]
    pub(super) fn check_access(&mut self, statement: &Prepared, catalog: &Catalog) -> Result<()> {
        self.identify(catalog);
        let stamp = self.facts.rights.stamp();
        if stamp != 0 && statement.checked.load(Ordering::Relaxed) == stamp {
            return Ok(());
        }
        need::check(statement.needs(), &self.facts.rights, catalog)?;
        statement.checked.store(stamp, Ordering::Relaxed);
        Ok(())
    }

    /// 42501 if the statement names a schema that is closed: asked when it is prepared.
    pub(super) fn check_names(&mut self, statement: &Prepared) -> Result<()> {
        let catalog = self.current_catalog();
        self.identify(&catalog);
        need::check_names(statement.all_needs(), &self.facts.rights, &catalog)
    }

    /// Puts a role into `settings` in place of the current one.
    pub(super) fn change_role(
        &mut self,
        settings: &mut Settings,
        name: &str,
        value: &str,
    ) -> Result<()> {
        let catalog = self.current_catalog();
        let (session_role, _) = settings.identity();
        let by_name = |name: &str| {
            catalog.role_named(name).cloned().ok_or_else(|| {
                Error::new(
                    state::INVALID_PARAMETER_VALUE,
                    format!("role \"{name}\" does not exist"),
                )
            })
        };
        if name.eq_ignore_ascii_case("session_authorization") {
            let role = by_name(value)?;
            if role.oid != self.authenticated && !catalog.is_superuser(self.authenticated) {
                return Err(forbidden("permission denied to set session authorization"));
            }
            settings.set_session_role(&role);
            return Ok(());
        }
        if value == "none" {
            let own = catalog.role(session_role).cloned();
            let own = own.unwrap_or_else(|| Arc::new(Role::new(session_role, settings.user())));
            settings.set_role(&own, true);
            return Ok(());
        }
        let role = by_name(value)?;
        if !catalog.is_member_of(session_role, role.oid) {
            return Err(forbidden(format!(
                "permission denied to set role \"{value}\""
            )));
        }
        settings.set_role(&role, false);
        Ok(())
    }

    /// The catalog as this session has it now, its own DDL included.
    pub(crate) fn current_catalog(&mut self) -> Arc<Catalog> {
        match self.blocks.transaction() {
            Some(transaction) => {
                // REPEATABLE READ's moment is its first query's, which may come after a LOCK.
                if transaction.isolation() == Isolation::ReadCommitted {
                    transaction.begin_statement();
                }
                transaction.catalog()
            }
            None => self.engine.db().read().catalog().clone(),
        }
    }

    /// Asks again whether the statement under way may go on: it has waited for a lock,
    /// and what it names may be another's now.
    pub(crate) fn check_again(&mut self) -> Result<()> {
        let Some(statement) = self.utility.clone() else {
            return Ok(());
        };
        match &statement.plan {
            Plan::Utility(utility) => ddl::check(self, utility),
            _ => Ok(()),
        }
    }

    /// What the statement creates is the current role's.
    pub(crate) fn note_creator(&mut self) {
        let (_, role) = self.settings.identity();
        if let Some(transaction) = self.blocks.transaction() {
            transaction.set_creator(role);
        }
    }

    /// Does something for the node within the session's transaction.
    pub(crate) async fn as_node<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Session) -> Result<T>,
    ) -> Result<T> {
        let facts = self.facts.clone();
        self.become_node();
        let done = work(self).await;
        self.facts = facts;
        done
    }

    /// Makes this the node's own session.
    pub(crate) fn become_node(&mut self) {
        let catalog = self.current_catalog();
        let facts = SessionFacts {
            rights: Arc::new(Rights::of_node(&catalog)),
            ..(*self.facts).clone()
        };
        self.facts = Arc::new(facts);
    }
}
