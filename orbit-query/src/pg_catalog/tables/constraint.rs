//! Keys, unique constraints, foreign keys, checks.

use super::relation::{namespace, numbers};
use crate::pg_catalog::cells::{Cell, Rows};
use crate::pg_catalog::context::CatalogContext;
use crate::pg_catalog::definitions::check_condition;
use crate::pg_catalog::objects::{check_oid, key_columns};
use crate::statement::visit;
use orbit_core::catalog::{Catalog, ForeignKey, ReferentialAction, Table};
use orbit_core::types::Oid;
use sqlparser::ast::{Expr, Visitor};
use std::ops::ControlFlow;

/// What `pg_constraint` says of every kind of constraint.
struct Common<'a> {
    table: &'a Table,
    schema: Oid,
    oid: Oid,
    name: &'a str,
    kind: &'static str,
    index: Oid,
    columns: Vec<i64>,
}

fn add(
    rows: &mut Rows,
    one: Common<'_>,
    condition: Option<(Cell, bool)>,
    key: Option<(&Catalog, &ForeignKey)>,
) {
    let places = |table: &Table, columns: &[usize]| -> Vec<i64> {
        let numbers = columns.iter();
        numbers
            .map(|place| i64::try_from(table.attnum(*place)).unwrap_or(0))
            .collect()
    };
    let referenced = key.and_then(|(catalog, key)| catalog.table_by_id(key.referenced));
    let set_columns = key.and_then(|(_, key)| match &key.on_delete {
        ReferentialAction::SetNull(columns) | ReferentialAction::SetDefault(columns) => {
            (!columns.is_empty()).then(|| places(one.table, columns))
        }
        _ => None,
    });
    let letter = |action: Option<&ReferentialAction>| match action {
        None => " ",
        Some(ReferentialAction::NoAction) => "a",
        Some(ReferentialAction::Restrict) => "r",
        Some(ReferentialAction::Cascade) => "c",
        Some(ReferentialAction::SetNull(_)) => "n",
        Some(ReferentialAction::SetDefault(_)) => "d",
    };
    let key = key.map(|(_, key)| key);
    let mut indexes = one.table.indexes.iter();
    let unique = indexes
        .find(|index| index.oid == one.oid)
        .map_or((false, false), |index| {
            (index.deferrable, index.initially_deferred)
        });
    let validated = key.is_none_or(|key| key.validated)
        && condition.as_ref().is_none_or(|(_, validated)| *validated);
    rows.add([
        ("oid", one.oid.into()),
        ("conname", one.name.into()),
        ("connamespace", one.schema.into()),
        ("contype", one.kind.into()),
        (
            "condeferrable",
            key.map_or(unique.0, |key| key.deferrable).into(),
        ),
        (
            "condeferred",
            key.map_or(unique.1, |key| key.initially_deferred).into(),
        ),
        ("convalidated", validated.into()),
        ("conrelid", one.table.oid.into()),
        ("conindid", one.index.into()),
        ("confrelid", referenced.map_or(0, |table| table.oid).into()),
        ("confupdtype", letter(key.map(|key| &key.on_update)).into()),
        ("confdeltype", letter(key.map(|key| &key.on_delete)).into()),
        (
            "confmatchtype",
            match key {
                None => " ",
                Some(key) if key.match_full => "f",
                Some(_) => "s",
            }
            .into(),
        ),
        ("conislocal", true.into()),
        ("connoinherit", (one.kind != "c").into()),
        ("conkey", one.columns.into()),
        (
            "confkey",
            key.zip(referenced)
                .map(|(key, table)| places(table, &key.referenced_columns))
                .into(),
        ),
        ("confdelsetcols", set_columns.into()),
        ("conbin", condition.map_or(Cell::Null, |(text, _)| text)),
    ]);
}

pub fn pg_constraint(context: &CatalogContext, rows: &mut Rows) {
    let catalog = context.catalog();
    for table in catalog.tables() {
        let schema = namespace(context, &table.schema);
        let common = |oid, name, kind, index, columns| Common {
            table,
            schema,
            oid,
            name,
            kind,
            index,
            columns,
        };
        if let Some(key) = &table.primary_key {
            let columns = numbers(table, &key_columns(key));
            let one = common(key.oid, &key.constraint, "p", key.oid, columns);
            add(rows, one, None, None);
        }
        for index in table.indexes.iter().filter(|index| index.constraint) {
            let columns = numbers(table, &index.columns);
            let one = common(index.oid, &index.name, "u", index.oid, columns);
            add(rows, one, None, None);
        }
        for (place, check) in table.checks.iter().enumerate() {
            let columns = columns_of(table, &check.expression);
            let one = common(check_oid(table, place), &check.name, "c", 0, columns);
            let condition = check_condition(context, table, place, false);
            let condition = Some((condition.into(), check.validated));
            add(rows, one, condition, None);
        }
        for key in &table.foreign_keys {
            let columns = key.columns.iter();
            let columns = columns.map(|place| i64::try_from(table.attnum(*place)).unwrap_or(0));
            let index = referenced_index(catalog, key);
            let one = common(key.oid, &key.name, "f", index, columns.collect());
            add(rows, one, None, Some((catalog, key)));
        }
    }
}

/// The index that says that what a foreign key refers to is there once.
pub fn referenced_index(catalog: &Catalog, key: &ForeignKey) -> Oid {
    let Some(table) = catalog.table_by_id(key.referenced) else {
        return 0;
    };
    match key.referenced_index {
        Some(id) => {
            let mut indexes = table.indexes.iter();
            let found = indexes.find(|index| index.id == id);
            found.map_or(0, |index| index.oid)
        }
        None => table.primary_key.as_ref().map_or(0, |key| key.oid),
    }
}

/// The columns that a condition names, by number and each once.
pub fn columns_of(table: &Table, condition: &str) -> Vec<i64> {
    struct Names<'a>(&'a Table, Vec<i64>);
    impl Visitor for Names<'_> {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            let ident = match expr {
                Expr::Identifier(ident) => Some(ident),
                Expr::CompoundIdentifier(path) => path.last(),
                _ => None,
            };
            let name = ident.map(crate::statement::names::fold);
            let place = name.and_then(|name| self.0.column_position(&name));
            if let Some(number) = place.and_then(|place| i64::try_from(self.0.attnum(place)).ok())
                && !self.1.contains(&number)
            {
                self.1.push(number);
            }
            ControlFlow::Continue(())
        }
    }
    let mut names = Names(table, Vec::new());
    if let Ok(expr) = crate::statement::parse::expression(condition) {
        let _ = visit::visit(&expr, &mut names);
    }
    names.1
}
