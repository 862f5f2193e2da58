//! Names that aren't there, and what PostgreSQL suggests in their place.

use super::Binder;
use super::scope::{Scope, ScopeRelation};
use orbit_core::{Error, state};

/// A name that differs by more is no suggestion.
const FARTHEST: usize = 3;

/// The closest column so far, and another that is as close.
struct Nearest<'s> {
    distance: usize,
    first: Option<(&'s str, &'s str)>,
    second: Option<(&'s str, &'s str)>,
    /// It is so called, but can't be seen from here.
    exact: Option<&'s str>,
}

impl<'s> Nearest<'s> {
    /// PostgreSQL's rules, with its order of looking: of three that are as close none
    /// is near.
    fn look(&mut self, relation: &'s ScopeRelation, penalty: usize, wanted: &str) {
        for column in &relation.columns {
            if penalty > self.distance || column.name.is_empty() {
                continue;
            }
            let distance = levenshtein(&column.name, wanted);
            if distance > wanted.len() / 2 {
                continue;
            }
            let distance = distance + penalty;
            let this = (relation.alias.as_str(), column.name.as_str());
            if distance < self.distance {
                self.distance = distance;
                self.first = Some(this);
                self.second = None;
            } else if distance == self.distance {
                if self.second.is_some() {
                    self.first = None;
                    self.second = None;
                    self.distance = distance.saturating_sub(1);
                } else if self.first.is_some() {
                    self.second = Some(this);
                } else if distance <= FARTHEST {
                    self.first = Some(this);
                }
            }
        }
    }
}

impl Binder<'_> {
    /// `column "x" does not exist`, with a suggestion.
    pub(super) fn no_such_column(
        &self,
        scope: &Scope,
        qualifier: Option<&str>,
        name: &str,
    ) -> Error {
        let error = Error::new(
            state::UNDEFINED_COLUMN,
            match qualifier {
                Some(qualifier) => format!("column {qualifier}.{name} does not exist"),
                None => format!("column \"{name}\" does not exist"),
            },
        );
        let mut nearest = Nearest {
            distance: FARTHEST + 1,
            first: None,
            second: None,
            exact: None,
        };
        let around = self.outer.iter().rev().map(|outer| &outer.scope);
        let hidden = self.hidden.iter().rev();
        for scope in std::iter::once(scope).chain(around).chain(hidden) {
            for relation in &scope.relations {
                let penalty = qualifier.map_or(0, |qualifier| {
                    levenshtein(&relation.alias, qualifier).min(FARTHEST + 1)
                });
                let is_it = |relation: &ScopeRelation| {
                    relation.columns.iter().any(|column| column.name == name)
                };
                if qualifier.is_none() && nearest.exact.is_none() && is_it(relation) {
                    nearest.exact = Some(&relation.alias);
                }
                nearest.look(relation, penalty, name);
            }
        }
        match (nearest.exact, nearest.first, nearest.second) {
            (Some(alias), _, _) => error.with_hint(format!(
                "There is a column named \"{name}\" in table \"{alias}\", but it cannot be referenced from this part of the query."
            )),
            (None, Some((alias, column)), None) => error.with_hint(format!(
                "Perhaps you meant to reference the column \"{alias}.{column}\"."
            )),
            (None, Some((alias, column)), Some((other, also))) => error.with_hint(format!(
                "Perhaps you meant to reference the column \"{alias}.{column}\" or the column \"{other}.{also}\"."
            )),
            _ => error,
        }
    }

    /// A table that goes by another name here, or can't be seen from here, gets a hint.
    pub(super) fn no_such_relation(&self, scope: &Scope, name: &str) -> Error {
        let scopes = || {
            let around = self.outer.iter().rev().map(|outer| &outer.scope);
            std::iter::once(scope).chain(around)
        };
        let hidden = self.hidden.iter().flat_map(|scope| &scope.relations);
        let of_name = self.tables.iter().filter(|table| table.name == name);
        let alias = of_name.clone().find_map(|table| {
            let is_of = |relation: &&ScopeRelation| {
                let mut origins = relation.columns.iter().map(|column| column.bound.origin);
                !relation.alias.is_empty()
                    && origins.len() > 0
                    && origins.all(|origin| origin.is_some_and(|(of, _)| of == table.oid))
            };
            let mut relations = scopes().flat_map(|scope| &scope.relations);
            relations.find(is_of).map(|relation| &relation.alias)
        });
        let invalid = || {
            Error::new(
                state::UNDEFINED_TABLE,
                format!("invalid reference to FROM-clause entry for table \"{name}\""),
            )
        };
        if let Some(alias) = alias.filter(|alias| *alias != name) {
            return invalid().with_hint(format!(
                "Perhaps you meant to reference the table alias \"{alias}\"."
            ));
        }
        if hidden.into_iter().any(|relation| relation.alias == name) {
            return invalid().with_hint(format!(
                "There is an entry for table \"{name}\", but it cannot be referenced from this part of the query."
            ));
        }
        Error::new(
            state::UNDEFINED_TABLE,
            format!("missing FROM-clause entry for table \"{name}\""),
        )
    }
}

/// Letters to put in, take out or change.
fn levenshtein(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, letter) in from.chars().enumerate() {
        let mut before = i;
        let mut left = i + 1;
        for (cell, other) in row.iter_mut().skip(1).zip(&to) {
            let here = (before + usize::from(letter != *other))
                .min(left + 1)
                .min(*cell + 1);
            before = *cell;
            *cell = here;
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::levenshtein;

    #[test]
    fn distances_are_those_of_single_letters() {
        assert_eq!(levenshtein("carrier", "carier"), 1);
        assert_eq!(levenshtein("", "abc"), 3);
        assert_eq!(levenshtein("kitten", "sitting"), 3);
        assert_eq!(levenshtein("same", "same"), 0);
    }
}
