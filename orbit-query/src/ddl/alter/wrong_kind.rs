//! ALTER TABLE of what is no table: which action it is that can't be done to it.

use crate::ddl::wrong_kind::{is_not, not_for, refuse};
use crate::session::Session;
use crate::statement::alter_grammar::{Action, Alter, ColumnAction};
use orbit_core::catalog::Relation;
use orbit_core::{Error, Result, state};
use sqlparser::ast::AlterTableOperation;

/// The first action's own refusal.
pub(super) fn check(session: &mut Session, alter: &Alter) -> Result<()> {
    let name = &alter.name.name;
    let Some(action) = alter.actions.first() else {
        return Ok(());
    };
    refuse(session, &alter.name, |relation| {
        match (action, relation) {
            (
                Action::RenameColumn { .. } | Action::RenameConstraint { .. },
                Relation::Sequence(_),
            ) => {
                return not_for(
                    format!("cannot rename columns of relation \"{name}\""),
                    relation,
                );
            }
            (Action::RenameConstraint { from, .. }, _) => {
                return Error::new(
                    state::UNDEFINED_OBJECT,
                    format!("constraint \"{from}\" for table \"{name}\" does not exist"),
                );
            }
            (Action::RenameColumn { .. }, _) => {
                return Error::unsupported("renaming a column of an index");
            }
            (
                Action::Column(_, ColumnAction::SetDefault(_) | ColumnAction::DropDefault),
                Relation::View(_),
            ) => {
                return Error::unsupported("a default of a view's column");
            }
            _ => {}
        }
        match word(action) {
            Some(word) => not_for(
                format!("ALTER action {word} cannot be performed on relation \"{name}\""),
                relation,
            ),
            None => is_not(name, "a table"),
        }
    })
}

fn word(action: &Action) -> Option<&'static str> {
    Some(match action {
        Action::Add { what, .. } => match **what {
            AlterTableOperation::AddColumn { .. } => "ADD COLUMN",
            _ => "ADD CONSTRAINT",
        },
        Action::DropColumn { .. } => "DROP COLUMN",
        Action::DropConstraint { .. } => "DROP CONSTRAINT",
        Action::AlterConstraint { .. } => "ALTER CONSTRAINT",
        Action::ValidateConstraint(_) => "VALIDATE CONSTRAINT",
        Action::Column(_, action) => match action {
            ColumnAction::Type { .. } => "ALTER COLUMN ... SET DATA TYPE",
            ColumnAction::SetDefault(_) | ColumnAction::DropDefault => {
                "ALTER COLUMN ... SET DEFAULT"
            }
            ColumnAction::SetNotNull => "ALTER COLUMN ... SET NOT NULL",
            ColumnAction::DropNotNull => "ALTER COLUMN ... DROP NOT NULL",
            ColumnAction::DropExpression { .. } => "ALTER COLUMN ... DROP EXPRESSION",
            ColumnAction::DropIdentity { .. } => "ALTER COLUMN ... DROP IDENTITY",
            ColumnAction::AddIdentity(_) => "ALTER COLUMN ... ADD IDENTITY",
            ColumnAction::ChangeIdentity { .. } => "ALTER COLUMN ... SET",
            ColumnAction::Nothing => return None,
        },
        Action::Options(options) => match options.iter().any(|(_, value)| value.is_some()) {
            true => "SET",
            false => "RESET",
        },
        _ => return None,
    })
}
