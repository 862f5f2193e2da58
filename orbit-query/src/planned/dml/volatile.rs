//! WITH items that give other rows every time they are read: a statement that names one of
//! them several times has its rows once.

use super::chain::verb_of;
use crate::planned::{functions, types};
use crate::statement::visit;
use ahash::AHashSet;
use sqlparser::ast;
use std::ops::ControlFlow;

/// The names of such items.
pub(super) fn shared(query: &ast::Query, with: &ast::With) -> AHashSet<String> {
    let mut loose: AHashSet<String> = AHashSet::new();
    let mut shared = AHashSet::new();
    for item in &with.cte_tables {
        let name = types::fold(&item.alias.name);
        let named_within = mentions(&item.query, |known| known == name);
        let reads_itself = with.recursive && named_within > 0;
        if verb_of(item).is_some() || reads_itself {
            continue;
        }
        if !calls_volatile(&item.query) && mentions(&item.query, |known| loose.contains(known)) == 0
        {
            continue;
        }
        if mentions(query, |known| known == name) - named_within > 1 {
            shared.insert(name.clone());
        }
        loose.insert(name);
    }
    shared
}

/// How often relations of certain names are named.
fn mentions(query: &ast::Query, is: impl Fn(&str) -> bool) -> usize {
    let mut count = 0;
    let _ = visit::relations(query, |relation| {
        let unqualified = relation.0.len() == 1;
        count += usize::from(unqualified && is(&types::last_name(relation)));
        ControlFlow::<()>::Continue(())
    });
    count
}

fn calls_volatile(query: &ast::Query) -> bool {
    let found = visit::expressions(query, |expr| match expr {
        ast::Expr::Function(call) if is_volatile(call) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

fn is_volatile(call: &ast::Function) -> bool {
    let known = functions::named(&types::last_name(&call.name));
    crate::ddl::functions::is_volatile(call) || known.iter().any(|function| function.volatile)
}
