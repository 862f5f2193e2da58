//! Which names mean what at one place of a statement.

use super::outer::outer_bound;
use super::{Binder, Bound};
use crate::planned::types::fold;
use orbit_core::{Error, Result, state};
use sqlparser::ast::Ident;

#[derive(Clone, Debug)]
pub struct ScopeColumn {
    pub name: String,
    pub bound: Bound,
}

/// A relation of FROM.
#[derive(Clone, Debug)]
pub struct ScopeRelation {
    pub alias: String,
    pub schema: Option<String>,
    pub columns: Vec<ScopeColumn>,
    /// Positions of the primary key, for "functionally dependent" columns.
    pub primary_key: Vec<usize>,
}

#[derive(Clone, Debug, Default)]
pub struct Scope {
    pub relations: Vec<ScopeRelation>,
    /// What `*` gives and unqualified names see: columns merged by USING once.
    pub visible: Vec<ScopeColumn>,
    /// Relations of one value that go for the value by their own name.
    pub values: Vec<ScopeColumn>,
    /// Aliases of relations that an outer join may have no row of.
    pub nulled: Vec<String>,
}

enum Found {
    Nothing,
    One(Bound),
}

impl Scope {
    pub fn of(relation: ScopeRelation) -> Scope {
        Scope {
            visible: relation.columns.clone(),
            relations: vec![relation],
            values: Vec::new(),
            nulled: Vec::new(),
        }
    }

    /// The same relations on the side of an outer join that may have no row.
    pub fn nulled(mut self) -> Scope {
        let aliases = self.relations.iter().map(|relation| relation.alias.clone());
        self.nulled = aliases.collect();
        self
    }

    /// Both sides of a join without USING.
    pub fn beside(mut self, other: Scope) -> Result<Scope> {
        for relation in &other.relations {
            if self.relations.iter().any(|mine| {
                !mine.alias.is_empty()
                    && mine.alias == relation.alias
                    && mine.schema == relation.schema
            }) {
                return Err(Error::new(
                    state::DUPLICATE_ALIAS,
                    format!("table name \"{}\" specified more than once", relation.alias),
                ));
            }
        }
        self.relations.extend(other.relations);
        self.visible.extend(other.visible);
        self.values.extend(other.values);
        self.nulled.extend(other.nulled);
        Ok(self)
    }

    fn unqualified(&self, name: &str) -> Result<Found> {
        let mut hits = self.visible.iter().filter(|column| column.name == name);
        match (hits.next(), hits.next()) {
            (None, _) => {
                let value = self.values.iter().find(|value| value.name == name);
                Ok(value.map_or(Found::Nothing, |value| Found::One(value.bound.clone())))
            }
            (Some(hit), None) => Ok(Found::One(hit.bound.clone())),
            _ => Err(Error::new(
                state::AMBIGUOUS_COLUMN,
                format!("column reference \"{name}\" is ambiguous"),
            )),
        }
    }

    pub fn relation(&self, schema: Option<&str>, alias: &str) -> Option<&ScopeRelation> {
        self.relations.iter().find(|relation| {
            relation.alias == alias
                && schema.is_none_or(|schema| relation.schema.as_deref() == Some(schema))
        })
    }
}

impl Binder<'_> {
    /// A name of one to four parts. `None`: no such column anywhere.
    pub(super) fn resolve(&mut self, scope: &Scope, path: &[Ident]) -> Result<Option<Bound>> {
        let found = self.look_up(scope, path)?;
        if let Some(bound) = &found {
            self.note_read(bound);
            if let Some(name) = path.last() {
                self.note_name(name, bound);
            }
        }
        Ok(found)
    }

    fn look_up(&self, scope: &Scope, path: &[Ident]) -> Result<Option<Bound>> {
        let parts: Vec<String> = path.iter().map(fold).collect();
        match parts.as_slice() {
            [name] => {
                if let Found::One(bound) = scope.unqualified(name)? {
                    return Ok(Some(bound));
                }
                for outer in self.outer.iter().rev() {
                    if let Found::One(bound) = outer.scope.unqualified(name)? {
                        return outer_bound(&bound).map(Some);
                    }
                }
                Ok(None)
            }
            [.., qualifier, name] => {
                let schema = (parts.len() > 2).then(|| parts[parts.len() - 3].as_str());
                let find = |scope: &Scope| -> Option<Result<Bound>> {
                    let relation = scope.relation(schema, qualifier)?;
                    let mut hits = relation
                        .columns
                        .iter()
                        .filter(|column| column.name == *name);
                    Some(match (hits.next(), hits.next()) {
                        (Some(hit), None) => Ok(hit.bound.clone()),
                        (Some(_), Some(_)) => Err(Error::new(
                            state::AMBIGUOUS_COLUMN,
                            format!("column reference \"{name}\" is ambiguous"),
                        )),
                        (None, _) => Err(self.no_such_column(scope, Some(qualifier), name)),
                    })
                };
                if let Some(found) = find(scope) {
                    return found.map(Some);
                }
                for outer in self.outer.iter().rev() {
                    if let Some(found) = find(&outer.scope) {
                        return outer_bound(&found?).map(Some);
                    }
                }
                Err(self.no_such_relation(scope, qualifier))
            }
            [] => Ok(None),
        }
    }
}
