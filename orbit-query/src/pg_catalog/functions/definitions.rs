//! `pg_get_...def`, `format_type`, descriptions: catalog objects written as SQL.

use super::Arg::{Any, Bool, Int, Oid, Text};
use super::{Call, Function, lenient, null, procedures, strict};
use crate::pg_catalog::cells::Cell;
use crate::pg_catalog::context::DATABASE;
use crate::pg_catalog::definitions::{acl, constraint_definition, expression_again, view_query};
use crate::pg_catalog::objects::{Object, index_column, index_definition, quote};
use crate::pg_catalog::relations::Kind;
use crate::pg_catalog::tables::extension;
use crate::pg_catalog::tables::{OF_PUBLIC, all_columns};
use crate::pg_catalog::types;
use orbit_core::Result;
use orbit_core::catalog::{ObjectKind, Securable, role};

#[rustfmt::skip]
pub const FUNCTIONS: &[Function] = &[
    strict("acldefault", &[Text, Oid], 2, Kind::Texts, acldefault),
    strict("col_description", &[Oid, Int], 2, Kind::Text, col_description),
    lenient("format_type", &[Oid, Int], 2, Kind::Text, format_type),
    strict("obj_description", &[Oid, Text], 1, Kind::Text, obj_description),
    lenient("pg_describe_object", &[Any, Any, Any], 3, Kind::Text, null),
    strict("pg_get_constraintdef", &[Oid, Bool], 1, Kind::Text, pg_get_constraintdef),
    strict("pg_get_expr", &[Text, Oid, Bool], 2, Kind::Text, pg_get_expr),
    strict("pg_get_indexdef", &[Oid, Int, Bool], 1, Kind::Text, pg_get_indexdef),
    lenient("pg_get_partition_constraintdef", &[Any], 1, Kind::Text, null),
    lenient("pg_get_partkeydef", &[Any], 1, Kind::Text, null),
    lenient("pg_get_ruledef", &[Any, Any], 1, Kind::Text, null),
    lenient("pg_get_statisticsobjdef", &[Any], 1, Kind::Text, null),
    lenient("pg_get_statisticsobjdef_columns", &[Any], 1, Kind::Text, null),
    lenient("pg_get_triggerdef", &[Any, Any], 1, Kind::Text, null),
    strict("pg_get_viewdef", &[Oid, Any], 1, Kind::Text, pg_get_viewdef),
    strict("pg_index_column_has_property", &[Oid, Int, Text], 3, Kind::Bool, pg_index_column_has_property),
    strict("shobj_description", &[Oid, Text], 2, Kind::Text, obj_description),
];

fn format_type(call: &Call<'_>) -> Result<Cell> {
    let modifier = call.int(1).and_then(|m| i32::try_from(m).ok());
    Ok(call.oid(0).map(|oid| types::format(oid, modifier)).into())
}

fn pg_get_constraintdef(call: &Call<'_>) -> Result<Cell> {
    let objects = call.context.objects();
    let constraint = call.oid(0).and_then(|oid| objects.constraint(oid));
    let pretty = call.bool(1).unwrap_or(false);
    let text = constraint.and_then(|one| constraint_definition(call.context, one, pretty));
    Ok(text.into())
}

/// Expressions are kept as texts; here one is shown pretty, and by the search path of now.
fn pg_get_expr(call: &Call<'_>) -> Result<Cell> {
    let Some(text) = call.text(0) else {
        return Ok(Cell::Null);
    };
    let relation = call.oid(1).and_then(|oid| call.context.objects().get(oid));
    let table = relation.and_then(|object| object.table());
    let pretty = call.bool(2).unwrap_or(false);
    let table = table.map(|table| &**table);
    Ok(expression_again(call.context, table, text, pretty).into())
}

/// What an object's grants are before the first GRANT, by the letter of its kind.
fn acldefault(call: &Call<'_>) -> Result<Cell> {
    let (Some(letter), Some(owner)) = (call.text(0), call.oid(1)) else {
        return Ok(Cell::Null);
    };
    let kind = match letter {
        "r" => ObjectKind::Relation,
        "s" => ObjectKind::Sequence,
        "n" => ObjectKind::Schema,
        "d" => ObjectKind::Database,
        "f" => ObjectKind::Function,
        // Languages and types are everybody's to use.
        "T" | "l" => ObjectKind::Type,
        _ => return Ok(Cell::Texts(Vec::new())),
    };
    let object = Securable {
        oid: 0,
        kind,
        schema: None,
        name: "",
        owner,
        acl: None,
    };
    let grants = object.default_grants();
    Ok(acl(call.context, grants.iter()).into())
}

fn pg_get_viewdef(call: &Call<'_>) -> Result<Cell> {
    let oid = call.relation(0)?;
    Ok(match oid.and_then(|oid| call.context.objects().get(oid)) {
        Some(Object::View(view)) => view_query(call.context, view).into(),
        Some(_) => "Not a view".into(),
        None => Cell::Null,
    })
}

fn col_description(call: &Call<'_>) -> Result<Cell> {
    let column = call.int(1).and_then(|n| i32::try_from(n).ok());
    let (Some(oid), Some(column)) = (call.relation(0)?, column.filter(|column| *column > 0)) else {
        return Ok(Cell::Null);
    };
    // Comments are kept by the column's place.
    let column = match call.context.objects().get(oid) {
        Some(Object::Table(table)) => {
            let mut places = 0..table.columns.len();
            let wanted = usize::try_from(column).unwrap_or(0);
            match places.find(|place| table.attnum(*place) == wanted) {
                Some(place) => i32::try_from(place + 1).unwrap_or(i32::MAX),
                None => return Ok(Cell::Null),
            }
        }
        _ => column,
    };
    Ok(call.context.catalog().comment(oid, column).into())
}

fn obj_description(call: &Call<'_>) -> Result<Cell> {
    // A cast to regnamespace or regclass may come as the name.
    let oid = match (call.text(0), call.text(1)) {
        (Some(name), Some("pg_namespace")) => {
            let schema = call.context.catalog().schema(name);
            schema.map(|schema| schema.oid)
        }
        (Some(_), Some("pg_class") | None) => call.relation(0)?,
        (None, Some("pg_database")) if call.oid(0) == Some(DATABASE) => Some(role::DATABASE),
        _ => call.oid(0),
    };
    let Some(oid) = oid else {
        return Ok(Cell::Null);
    };
    let own = call.context.catalog().comment(oid, 0);
    Ok(match (own, call.text(1)) {
        (Some(text), _) => text.into(),
        (None, Some("pg_namespace"))
            if call
                .context
                .catalog()
                .schema("public")
                .is_some_and(|schema| schema.oid == oid) =>
        {
            OF_PUBLIC.into()
        }
        (None, Some("pg_extension")) if oid == extension::PLPGSQL => extension::OF_PLPGSQL.into(),
        (None, Some("pg_proc") | None) => procedures::description(oid).into(),
        (None, _) => Cell::Null,
    })
}

fn pg_get_indexdef(call: &Call<'_>) -> Result<Cell> {
    let objects = call.context.objects();
    let Some(object) = call.relation(0)?.and_then(|oid| objects.get(oid)) else {
        return Ok(Cell::Null);
    };
    let (Some(table), Some(columns)) = (object.table(), object.index_columns()) else {
        return Ok(Cell::Null);
    };
    let pretty = call.bool(2).unwrap_or(false);
    // With a column's number, that column alone; 0 is the whole.
    if let Some(number) = call.int(1).filter(|number| *number > 0) {
        let place = usize::try_from(number - 1).unwrap_or(usize::MAX);
        let columns = all_columns(table, call.relation(0)?.unwrap_or(0), &columns);
        let column = columns.get(place);
        let column = column.map(|column| index_column(table, column, pretty));
        return Ok(column.unwrap_or_default().into());
    }
    let path = call.context.search_path();
    let name = match pretty {
        true => objects.written(table.oid, &path),
        false => format!("{}.{}", quote(&table.schema), quote(&table.name)),
    };
    Ok(index_definition(object, &name, pretty).into())
}

fn pg_index_column_has_property(call: &Call<'_>) -> Result<Cell> {
    let objects = call.context.objects();
    let object = call.relation(0)?.and_then(|oid| objects.get(oid));
    let Some(columns) = object.and_then(|object| object.index_columns()) else {
        return Ok(Cell::Null);
    };
    let place = call.int(1).and_then(|n| usize::try_from(n - 1).ok());
    let Some(column) = place.and_then(|place| columns.get(place)) else {
        return Ok(Cell::Null);
    };
    Ok(match call.text(2) {
        Some("asc") => (!column.descending).into(),
        Some("desc") => column.descending.into(),
        Some("nulls_last") => (!column.shows_nulls_first()).into(),
        Some("nulls_first") => column.shows_nulls_first().into(),
        Some("orderable" | "returnable" | "search_array" | "search_nulls") => true.into(),
        Some("distance_orderable") => false.into(),
        _ => Cell::Null,
    })
}
