//! What needs what, and what was said of things.

use super::attribute::has_value;
use super::constraint::referenced_index;
use super::extension;
use super::relation::{indexes, namespace};
use super::view::rule_oid;
use crate::ddl::expressions;
use crate::ddl::settled::constants_in;
use crate::pg_catalog::cells::Rows;
use crate::pg_catalog::context::{CatalogContext, DATABASE};
use crate::pg_catalog::objects::{Object, check_oid, default_oid, key_columns};
use orbit_core::catalog::{Index, IndexColumn, Table, role};
use orbit_core::types::Oid;

/// The catalogs that objects are in, by oid.
const ATTRDEF: Oid = 2604;
const CLASS: Oid = 1259;
const CONSTRAINT: Oid = 2606;
const NAMESPACE: Oid = 2615;
const REWRITE: Oid = 2618;

/// A catalog, an object of it, a column's number or 0.
type Place = (Oid, Oid, usize);

fn add(rows: &mut Rows, what: Place, needs: Place, kind: &str) {
    rows.add([
        ("classid", what.0.into()),
        ("objid", what.1.into()),
        ("objsubid", what.2.into()),
        ("refclassid", needs.0.into()),
        ("refobjid", needs.1.into()),
        ("refobjsubid", needs.2.into()),
        ("deptype", kind.into()),
    ]);
}

pub fn pg_depend(context: &CatalogContext, rows: &mut Rows) {
    let catalog = context.catalog();
    for table in catalog.tables() {
        let schema = namespace(context, &table.schema);
        add(rows, (CLASS, table.oid, 0), (NAMESPACE, schema, 0), "n");
        of_columns(context, table, rows);
        of_constraints(context, table, rows);
    }
    for sequence in catalog.sequences() {
        let own = (CLASS, sequence.oid, 0);
        let schema = namespace(context, &sequence.schema);
        add(rows, own, (NAMESPACE, schema, 0), "n");
        let Some(by) = sequence.owned_by else {
            continue;
        };
        let Some(table) = catalog.table_by_id(by.table) else {
            continue;
        };
        let mut columns = table.columns.iter();
        if let Some(place) = columns.position(|column| column.created == by.column) {
            let kind = if by.identity { "i" } else { "a" };
            add(rows, own, (CLASS, table.oid, table.attnum(place)), kind);
        }
    }
    for view in catalog.views() {
        let (own, rule) = ((CLASS, view.oid, 0), (REWRITE, rule_oid(view), 0));
        let schema = namespace(context, &view.schema);
        add(rows, own, (NAMESPACE, schema, 0), "n");
        add(rows, rule, own, "i");
        add(rows, rule, own, "n");
        for read in &view.reads {
            add(rows, rule, (CLASS, *read, 0), "n");
        }
    }
}

fn of_columns(context: &CatalogContext, table: &Table, rows: &mut Rows) {
    for (place, column) in table.columns.iter().enumerate() {
        if !has_value(column) {
            continue;
        }
        let value = (ATTRDEF, default_oid(table, place), 0);
        add(rows, value, (CLASS, table.oid, table.attnum(place)), "a");
        let sequence = column.sequence;
        if let Some(sequence) = sequence.and_then(|id| context.catalog().sequence_by_id(id)) {
            add(rows, value, (CLASS, sequence.oid, 0), "n");
            continue;
        }
        for named in constants_in(column.default.as_deref().unwrap_or_default()) {
            add(rows, value, (CLASS, named, 0), "n");
        }
    }
}

fn of_constraints(context: &CatalogContext, table: &Table, rows: &mut Rows) {
    let on_columns = |rows: &mut Rows, what: Place, columns: &[IndexColumn]| {
        for key in columns {
            add(
                rows,
                what,
                (CLASS, table.oid, table.attnum(key.column)),
                "a",
            );
        }
    };
    if let Some(key) = &table.primary_key {
        on_columns(rows, (CONSTRAINT, key.oid, 0), &key_columns(key));
    }
    for index in table.indexes.iter().filter(|index| index.constraint) {
        on_columns(rows, (CONSTRAINT, index.oid, 0), &index.columns);
    }
    for (oid, _, columns, _, _) in indexes(table) {
        match context.objects().constraint(oid) {
            Some(_) => add(rows, (CLASS, oid, 0), (CONSTRAINT, oid, 0), "i"),
            None => {
                let width = table.columns.len();
                let plain = columns.into_iter().filter(|part| part.column < width);
                let plain: Vec<IndexColumn> = plain.collect();
                on_columns(rows, (CLASS, oid, 0), &plain);
                let own = table.indexes.iter().find(|index| index.oid == oid);
                for place in own.map_or(Vec::new(), |index| used(table, index)) {
                    let column = (CLASS, table.oid, table.attnum(place));
                    add(rows, (CLASS, oid, 0), column, "a");
                }
            }
        }
    }
    for (place, kept) in table.checks.iter().enumerate() {
        let check = (CONSTRAINT, check_oid(table, place), 0);
        add(rows, check, (CLASS, table.oid, 0), "a");
        for named in constants_in(&kept.expression) {
            add(rows, check, (CLASS, named, 0), "n");
        }
    }
    for key in &table.foreign_keys {
        let own = (CONSTRAINT, key.oid, 0);
        for column in &key.columns {
            add(rows, own, (CLASS, table.oid, table.attnum(*column)), "a");
        }
        let Some(referenced) = context.catalog().table_by_id(key.referenced) else {
            continue;
        };
        for column in &key.referenced_columns {
            add(
                rows,
                own,
                (CLASS, referenced.oid, referenced.attnum(*column)),
                "n",
            );
        }
        let index = referenced_index(context.catalog(), key);
        add(rows, own, (CLASS, index, 0), "n");
    }
}

/// What is said of `public` from the start.
pub const OF_PUBLIC: &str = "standard public schema";

pub fn pg_description(context: &CatalogContext, rows: &mut Rows) {
    rows.add_lines(include_str!("../system/pg_description.tsv"));
    let public = context.catalog().schema("public").map(|schema| schema.oid);
    if let Some(public) = public.filter(|oid| context.catalog().comment(*oid, 0).is_none()) {
        rows.add([
            ("objoid", public.into()),
            ("classoid", NAMESPACE.into()),
            ("description", OF_PUBLIC.into()),
        ]);
    }
    rows.add([
        ("objoid", extension::PLPGSQL.into()),
        ("classoid", extension::CLASS.into()),
        ("description", extension::OF_PLPGSQL.into()),
    ]);
    for (object, column, text) in context.catalog().comments() {
        if object == role::DATABASE || context.catalog().role(object).is_some() {
            continue;
        }
        // A constraint and the index that it made have one oid: what is said is said of the index.
        let class = match context.objects() {
            objects if objects.get(object).is_some() => CLASS,
            objects if objects.constraint(object).is_some() => CONSTRAINT,
            _ => NAMESPACE,
        };
        // Kept by the column's place, shown by its number.
        let column = match (context.objects().get(object), usize::try_from(column)) {
            (Some(Object::Table(table)), Ok(place)) if place > 0 => {
                i32::try_from(table.attnum(place - 1)).unwrap_or(i32::MAX)
            }
            _ => column,
        };
        rows.add([
            ("objoid", object.into()),
            ("classoid", class.into()),
            ("objsubid", column.into()),
            ("description", text.into()),
        ]);
    }
}

pub fn pg_shdescription(context: &CatalogContext, rows: &mut Rows) {
    let database = (role::DATABASE, DATABASE, 1262);
    let roles = context.catalog().roles();
    let roles = roles.map(|role| (role.oid, role.oid, 1260));
    for (object, shown, class) in std::iter::once(database).chain(roles) {
        if let Some(text) = context.catalog().comment(object, 0) {
            rows.add([
                ("objoid", shown.into()),
                ("classoid", class.into()),
                ("description", text.into()),
            ]);
        }
    }
}

/// The columns that an index's expressions use, then those of its condition.
fn used(table: &Table, index: &Index) -> Vec<usize> {
    let columns = |place: usize| {
        let kept = table.computed_at(place);
        kept.and_then(|kept| expressions::columns(&kept.expression, table).ok())
            .unwrap_or_default()
    };
    let parts = index.columns.iter();
    let mut used: Vec<usize> = parts.flat_map(|part| columns(part.column)).collect();
    used.sort_unstable();
    used.dedup();
    used.extend(index.predicate.map(columns).unwrap_or_default());
    used
}
