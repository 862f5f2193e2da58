//! Which names mean what at one place of a statement.

use super::outer::outer_bound;
use super::{Binder, Bound};
use crate::planned::types::fold;
use orbit_core::types::Oid;
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
        }
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
                    if let Found::One(bound) = outer.unqualified(name)? {
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
                        (None, _) => {
                            let error = Error::new(
                                state::UNDEFINED_COLUMN,
                                format!("column {qualifier}.{name} does not exist"),
                            );
                            let mut names = relation.columns.iter().map(|column| &column.name);
                            Err(match names.find(|near| is_near(near, name)) {
                                Some(near) => error.with_hint(format!(
                                    "Perhaps you meant to reference the column \"{qualifier}.{near}\"."
                                )),
                                None => error,
                            })
                        }
                    })
                };
                if let Some(found) = find(scope) {
                    return found.map(Some);
                }
                for outer in self.outer.iter().rev() {
                    if let Some(found) = find(outer) {
                        return outer_bound(&found?).map(Some);
                    }
                }
                Err(self.no_such_relation(scope, qualifier))
            }
            [] => Ok(None),
        }
    }

    /// A table that goes by another name here gets a hint.
    pub(super) fn no_such_relation(&self, scope: &Scope, name: &str) -> Error {
        let is_of = |relation: &&ScopeRelation, oid: Oid| {
            let mut origins = relation.columns.iter().map(|column| column.bound.origin);
            !relation.alias.is_empty()
                && origins.len() > 0
                && origins.all(|origin| origin.is_some_and(|(table, _)| table == oid))
        };
        let scopes = || std::iter::once(scope).chain(self.outer.iter().rev());
        let alias = self
            .tables
            .iter()
            .filter(|table| table.name == name)
            .find_map(|table| {
                scopes()
                    .flat_map(|scope| &scope.relations)
                    .find(|relation| is_of(relation, table.oid))
            })
            .map(|relation| &relation.alias);
        match alias {
            Some(alias) => Error::new(
                state::UNDEFINED_TABLE,
                format!("invalid reference to FROM-clause entry for table \"{name}\""),
            )
            .with_hint(format!(
                "Perhaps you meant to reference the table alias \"{alias}\"."
            )),
            None => Error::new(
                state::UNDEFINED_TABLE,
                format!("missing FROM-clause entry for table \"{name}\""),
            ),
        }
    }

    pub(super) fn no_such_column(&self, scope: &Scope, name: &str) -> Error {
        let error = Error::new(
            state::UNDEFINED_COLUMN,
            format!("column \"{name}\" does not exist"),
        );
        let near = scope
            .relations
            .iter()
            .flat_map(|relation| {
                relation
                    .columns
                    .iter()
                    .map(move |column| (relation, column))
            })
            .filter(|(_, column)| is_near(&column.name, name))
            .map(|(relation, column)| format!("{}.{}", relation.alias, column.name))
            .next();
        match near {
            Some(near) => error.with_hint(format!(
                "Perhaps you meant to reference the column \"{near}\"."
            )),
            None => error,
        }
    }
}

/// One letter more, less or other, or two letters swapped.
fn is_near(a: &str, b: &str) -> bool {
    if a == b || a.len().abs_diff(b.len()) > 1 || a.len() < 3 {
        return false;
    }
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let front = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let back = a[front.min(a.len())..]
        .iter()
        .rev()
        .zip(b[front.min(b.len())..].iter().rev())
        .take_while(|(x, y)| x == y)
        .count();
    let rest = |letters: &[char]| letters.len() - front - back;
    rest(&a) <= 1 && rest(&b) <= 1
        || rest(&a) == 2 && rest(&b) == 2 && a[front] == b[front + 1] && a[front + 1] == b[front]
}
