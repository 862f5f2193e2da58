//! ALTER COLUMN: defaults, NOT NULL, generation.

use super::{put, retype};
use crate::ddl::rebuild;
use crate::ddl::skipping;
use crate::session::Session;
use crate::statement::alter_grammar::ColumnAction;
use crate::statement::names::find_column;
use orbit_core::catalog::{Column, Identity, Table};
use orbit_core::row::RowRef;
use orbit_core::{Error, Result, state};
use std::sync::Arc;

pub(super) async fn run(
    session: &mut Session,
    table: &Arc<Table>,
    name: &str,
    action: &ColumnAction,
) -> Result<()> {
    let place = find_column(table, name)?;
    let Some(column) = table.columns.get(place) else {
        return Err(Error::internal("a column that is not there"));
    };
    let mut target = table.def.clone();
    let Some(changed) = target.columns.get_mut(place) else {
        return Err(Error::internal("a column that is not there"));
    };
    match action {
        ColumnAction::Type { data_type, using } => {
            return retype::run(session, table, place, data_type, using.as_ref()).await;
        }
        ColumnAction::SetDefault(value) => {
            refuse_own(table, column, false)?;
            crate::ddl::constraints::check_default(value)?;
            let text = super::add::default_text(session, value, column).await?;
            text.put(changed);
        }
        ColumnAction::DropDefault => {
            refuse_own(table, column, true)?;
            super::add::no_default(changed);
        }
        ColumnAction::SetNotNull => {
            if column.not_null {
                return Ok(());
            }
            rebuild::each_row(session, table, |_, row| {
                rebuild::check_not_null(table, &RowRef::new(row)?, &[place])
            })
            .await?;
            changed.not_null = true;
        }
        ColumnAction::DropNotNull => {
            if table.primary_key_columns().contains(&place) {
                return Err(Error::new(
                    state::INVALID_TABLE_DEFINITION,
                    format!("column \"{name}\" is in a primary key"),
                ));
            }
            if column.identity.is_some() {
                return Err(Error::new(
                    state::SYNTAX_ERROR,
                    format!(
                        "column \"{name}\" of relation \"{}\" is an identity column",
                        table.name
                    ),
                ));
            }
            changed.not_null = false;
        }
        ColumnAction::DropExpression { if_exists } => {
            if column.generated.is_none() {
                let what = format!(
                    "column \"{name}\" of relation \"{}\" is not a stored generated column",
                    table.name
                );
                if *if_exists {
                    session.notice(skipping(state::SUCCESSFUL_COMPLETION, what));
                    return Ok(());
                }
                return Err(Error::new(state::OBJECT_NOT_IN_PREREQUISITE_STATE, what));
            }
            changed.generated = None;
        }
        ColumnAction::DropIdentity { if_exists } => {
            if column.identity.is_none() {
                let what = not_identity(table, name);
                if *if_exists {
                    session.notice(skipping(state::SUCCESSFUL_COMPLETION, what));
                    return Ok(());
                }
                return Err(Error::new(state::OBJECT_NOT_IN_PREREQUISITE_STATE, what));
            }
            changed.identity = None;
            super::add::no_default(changed);
            crate::ddl::drop::forget_sequences(session, table, column)?;
        }
        ColumnAction::ChangeIdentity { always, options } => {
            if column.identity.is_none() {
                let what = not_identity(table, name);
                return Err(Error::new(state::OBJECT_NOT_IN_PREREQUISITE_STATE, what));
            }
            match always {
                Some(true) => changed.identity = Some(Identity::Always),
                Some(false) => changed.identity = Some(Identity::ByDefault),
                None => {}
            }
            let catalog = session.transaction()?.catalog();
            for sequence in catalog.sequences_of(table.id, column.created) {
                crate::ddl::sequence::change(session, sequence, options)?;
            }
        }
        ColumnAction::AddIdentity(what) => {
            return super::add::identity(session, table, place, what).await;
        }
        ColumnAction::Nothing => return Ok(()),
    }
    put(session, target)
}

fn not_identity(table: &Table, name: &str) -> String {
    format!(
        "column \"{name}\" of relation \"{}\" is not an identity column",
        table.name
    )
}

/// A column that makes its own values has no DEFAULT to change. `drops`: there is
/// another way to what is meant.
fn refuse_own(table: &Table, column: &Column, drops: bool) -> Result<()> {
    let kind = if column.identity.is_some() {
        "an identity column"
    } else if column.generated.is_some() {
        "a generated column"
    } else {
        return Ok(());
    };
    let error = Error::new(
        state::SYNTAX_ERROR,
        format!(
            "column \"{}\" of relation \"{}\" is {kind}",
            column.name, table.name
        ),
    );
    if !drops {
        return Err(error);
    }
    Err(if column.identity.is_some() {
        error.with_hint("Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead.")
    } else {
        error.with_hint("Use ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION instead.")
    })
}
