//! Functions over the catalog: `format_type`, `pg_get_indexdef`, `current_user`
//! and their like, each a line in a table of name, arguments, result and body.

mod call;
mod configure;
mod definitions;
mod names;
mod privileges;
mod procedures;
mod sequences;
mod server;
mod sizes;
mod statistics;
mod text;
mod updatable;
mod visibility;

use super::cells::Cell;
use super::relations::Kind;
use call::{Body, CatalogFunction};
use datafusion::logical_expr::ScalarUDF;
use std::sync::Arc;

pub use call::Call;

/// What a function takes in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arg {
    Text,
    Int,
    Bool,
    /// An oid, or a name that stands for one.
    Oid,
    Texts,
    /// Whatever it is.
    Any,
}

#[derive(Debug)]
pub struct Function {
    pub name: &'static str,
    pub args: &'static [Arg],
    /// How many of `args` must be given.
    pub least: usize,
    /// The last argument may be repeated.
    pub variadic: bool,
    pub returns: Kind,
    /// NULL for a given NULL, without asking.
    pub strict: bool,
    /// Does something, or answers differently each time: called for every row, never ahead.
    pub volatile: bool,
    pub body: Body,
}

const fn strict(
    name: &'static str,
    args: &'static [Arg],
    least: usize,
    returns: Kind,
    body: Body,
) -> Function {
    Function {
        name,
        args,
        least,
        variadic: false,
        returns,
        strict: true,
        volatile: false,
        body,
    }
}

const fn volatile(
    name: &'static str,
    args: &'static [Arg],
    least: usize,
    returns: Kind,
    body: Body,
) -> Function {
    Function {
        volatile: true,
        ..strict(name, args, least, returns, body)
    }
}

const fn lenient(
    name: &'static str,
    args: &'static [Arg],
    least: usize,
    returns: Kind,
    body: Body,
) -> Function {
    Function {
        strict: false,
        ..strict(name, args, least, returns, body)
    }
}

/// Answers NULL: there is nothing of the kind.
fn null(_call: &Call<'_>) -> orbit_core::Result<Cell> {
    Ok(Cell::Null)
}

/// Every function of this module.
pub fn all() -> impl Iterator<Item = &'static Function> {
    [
        configure::FUNCTIONS,
        definitions::FUNCTIONS,
        names::FUNCTIONS,
        privileges::FUNCTIONS,
        procedures::FUNCTIONS,
        sequences::FUNCTIONS,
        server::FUNCTIONS,
        sizes::FUNCTIONS,
        statistics::FUNCTIONS,
        text::FUNCTIONS,
        updatable::FUNCTIONS,
        visibility::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
}

/// Whether a function does something: it sets or moves what others read.
pub fn acts(name: &str) -> bool {
    let mut acting = [configure::FUNCTIONS, sequences::FUNCTIONS]
        .into_iter()
        .flatten();
    acting.any(|function| function.volatile && function.name == name)
}

pub fn functions() -> Vec<Arc<ScalarUDF>> {
    all()
        .map(|function| Arc::new(ScalarUDF::new_from_impl(CatalogFunction::new(function))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_function_is_defined_twice() {
        let mut names = HashSet::new();
        for function in all() {
            assert!(names.insert(function.name), "{}", function.name);
            assert!(function.least <= function.args.len(), "{}", function.name);
        }
    }
}
