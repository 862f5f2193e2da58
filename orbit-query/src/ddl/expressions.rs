//! The columns that stored SQL text names: CHECK, DEFAULT, GENERATED.

use crate::statement::names::fold;
use crate::statement::visit;
use crate::write::stored_expression;
use orbit_core::Result;
use orbit_core::catalog::TableDef;
use sqlparser::ast::{Expr, Ident, Visitor, VisitorMut};
use std::ops::ControlFlow;

/// Whether an expression over a table's row uses a column.
pub fn uses(sql: &str, column: &str) -> Result<bool> {
    struct Uses<'a>(&'a str);
    impl Visitor for Uses<'_> {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            let found = match expr {
                Expr::Identifier(ident) => fold(ident) == self.0,
                Expr::CompoundIdentifier(path) => {
                    path.last().is_some_and(|ident| fold(ident) == self.0)
                }
                _ => false,
            };
            if found {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }
    }
    let expr = stored_expression(sql)?;
    Ok(visit::visit(&expr, &mut Uses(column)).is_break())
}

/// Positions of the columns that an expression uses.
pub fn columns(sql: &str, table: &TableDef) -> Result<Vec<usize>> {
    let mut found = Vec::new();
    for (place, column) in table.columns.iter().enumerate() {
        if uses(sql, &column.name)? {
            found.push(place);
        }
    }
    Ok(found)
}

/// The expression with a column by another name.
pub fn rename_column(sql: &str, from: &str, to: &str) -> Result<String> {
    struct Rename<'a>(&'a str, &'a str);
    impl VisitorMut for Rename<'_> {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            let ident = match expr {
                Expr::Identifier(ident) => ident,
                Expr::CompoundIdentifier(path) => match path.last_mut() {
                    Some(ident) => ident,
                    None => return ControlFlow::Continue(()),
                },
                _ => return ControlFlow::Continue(()),
            };
            if fold(ident) == self.0 {
                *ident = named(self.1);
            }
            ControlFlow::Continue(())
        }
    }
    let mut expr = stored_expression(sql)?;
    let _ = visit::visit_mut(&mut expr, &mut Rename(from, to));
    Ok(expr.to_string())
}

/// The expression with its table by another name, where it names it.
pub fn rename_table(sql: &str, from: &str, to: &str) -> Result<String> {
    struct Rename<'a>(&'a str, &'a str);
    impl VisitorMut for Rename<'_> {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if let Expr::CompoundIdentifier(path) = expr
                && let [.., table, _] = path.as_mut_slice()
                && fold(table) == self.0
            {
                *table = named(self.1);
            }
            ControlFlow::Continue(())
        }
    }
    let mut expr = stored_expression(sql)?;
    let _ = visit::visit_mut(&mut expr, &mut Rename(from, to));
    Ok(expr.to_string())
}

/// A name as SQL text must have it.
pub fn named(name: &str) -> Ident {
    let plain = name
        .bytes()
        .enumerate()
        .all(|(at, b)| b.is_ascii_lowercase() || b == b'_' || (at > 0 && b.is_ascii_digit()));
    if plain && !name.is_empty() && !is_keyword(name) {
        Ident::new(name)
    } else {
        Ident::with_quote('"', name)
    }
}

fn is_keyword(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    sqlparser::keywords::ALL_KEYWORDS
        .binary_search(&upper.as_str())
        .is_ok()
}
