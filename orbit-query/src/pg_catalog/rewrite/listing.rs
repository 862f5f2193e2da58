//! Functions in FROM that list what the server knows: the words of its grammar, and
//! what PostgreSQL's own views are made of.

use super::names::parts;
use sqlparser::ast::{
    Ident, ObjectName, ObjectNamePart, Query, SetExpr, Statement, TableAlias, TableFactor,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

/// A call by the name of a view that gives the same rows.
const VIEWS: &[(&str, &str)] = &[
    (
        "pg_available_extension_versions",
        "pg_available_extension_versions",
    ),
    ("pg_available_extensions", "pg_available_extensions"),
    ("pg_lock_status", "pg_locks"),
    ("pg_show_all_settings", "pg_settings"),
];

/// Puts the rows in the call's place.
pub fn replace(factor: &mut TableFactor) {
    let TableFactor::Table {
        name,
        args: Some(args),
        alias,
        with_ordinality: false,
        ..
    } = &*factor
    else {
        return;
    };
    let Some(called) = parts(name).pop().filter(|_| args.args.is_empty()) else {
        return;
    };
    let alias = alias.clone().or_else(|| named(&called));
    let view = VIEWS.iter().find(|(function, _)| *function == called);
    if let Some((_, view)) = view {
        if let TableFactor::Table {
            name,
            args,
            alias: of,
            ..
        } = factor
        {
            *name = ObjectName(vec![ObjectNamePart::Identifier(Ident::new(*view))]);
            *args = None;
            *of = alias;
        }
    } else if called == "pg_get_keywords"
        && let Some(subquery) = keywords()
    {
        *factor = TableFactor::Derived {
            lateral: false,
            subquery,
            alias,
            sample: None,
        };
    }
}

/// The name by which the rest of the statement knows the call.
fn named(name: &str) -> Option<TableAlias> {
    let sql = format!("SELECT * FROM x AS {name}");
    match from_of(&sql)? {
        TableFactor::Table { alias, .. } => alias,
        _ => None,
    }
}

fn keywords() -> Option<Box<Query>> {
    let lines = include_str!("../system/pg_get_keywords.tsv").lines();
    let rows: Vec<String> = lines
        .map(|line| {
            let fields: Vec<String> = line.split('\t').map(|field| format!("'{field}'")).collect();
            format!("({})", fields.join(", "))
        })
        .collect();
    let sql = format!(
        "SELECT * FROM (SELECT word, CAST(catcode AS \"char\") AS catcode, barelabel = 't' AS barelabel, catdesc, baredesc \
         FROM (VALUES {}) AS k(word, catcode, barelabel, catdesc, baredesc)) AS k",
        rows.join(", ")
    );
    match from_of(&sql)? {
        TableFactor::Derived { subquery, .. } => Some(subquery),
        _ => None,
    }
}

/// The first of FROM of a text of our own making.
fn from_of(sql: &str) -> Option<TableFactor> {
    let mut statements = Parser::parse_sql(&PostgreSqlDialect {}, sql).ok()?;
    let Statement::Query(query) = statements.pop()? else {
        return None;
    };
    match *query.body {
        SetExpr::Select(select) => Some(select.from.into_iter().next()?.relation),
        _ => None,
    }
}
