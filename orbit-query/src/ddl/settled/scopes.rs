//! Which names of a query are those of relations, rather than of WITH items or functions.

use crate::statement::names::fold;
use sqlparser::ast::{ObjectName, Query, SetExpr, TableFactor};

/// The queries around a place, and which of their WITH items it sees.
#[derive(Default)]
pub(super) struct Scopes {
    around: Vec<Scope>,
    /// The next relation's name is a function's.
    called: bool,
}

struct Scope {
    items: Vec<String>,
    recursive: bool,
    /// How many of the queries directly in it are done: the items' come first, in their order.
    done: usize,
}

impl Scopes {
    pub(super) fn enter(&mut self, query: &Query) {
        let items = query.with.iter().flat_map(|with| &with.cte_tables);
        self.around.push(Scope {
            items: items.map(|item| fold(&item.alias.name)).collect(),
            recursive: query.with.as_ref().is_some_and(|with| with.recursive),
            done: 0,
        });
    }

    pub(super) fn leave(&mut self) {
        self.around.pop();
        if let Some(outer) = self.around.last_mut() {
            outer.done += 1;
        }
    }

    pub(super) fn factor(&mut self, factor: &TableFactor) {
        self.called = matches!(factor, TableFactor::Table { args: Some(_), .. });
    }

    /// Whether this names a relation, rather than a function or an item of WITH.
    pub(super) fn is_relation(&mut self, name: &ObjectName) -> bool {
        if std::mem::take(&mut self.called) {
            return false;
        }
        let [part] = name.0.as_slice() else {
            return true;
        };
        let Some(ident) = part.as_ident() else {
            return true;
        };
        let name = fold(ident);
        // An item sees those before it, and itself if it may be recursive.
        let sees = |scope: &Scope| {
            let seen = scope.done + usize::from(scope.recursive);
            scope.items.iter().take(seen).any(|item| *item == name)
        };
        !self.around.iter().any(sees)
    }
}

/// Whether a query has `TABLE t` for its body, or a part of that. It is respelled before it
/// is read, and what would be read so all the same shows its name to no visitor.
pub(super) fn has_table(body: &SetExpr) -> bool {
    match body {
        SetExpr::Table(_) => true,
        SetExpr::SetOperation { left, right, .. } => has_table(left) || has_table(right),
        _ => false,
    }
}
