//! Objects written as SQL: constraints, defaults, views, privileges.

use super::context::CatalogContext;
use super::deparse::{Reader, Tree};
use super::objects::{Constraint, inclusion, index_column, key_columns, quote};
use crate::statement::{spelling, visit};
use orbit_core::catalog::{
    Column, ForeignKey, Grant, IndexColumn, PUBLIC, Privileges, ReferentialAction, Table, ViewDef,
};
use orbit_core::types::Oid;
use sqlparser::ast::{
    DataType, Expr, GroupByExpr, LimitClause, ObjectName, ObjectNamePart, OrderByKind, Query,
    SetExpr, Statement, TableWithJoins, Value,
};
use std::fmt::Display;
use std::ops::ControlFlow;

fn read<T>(context: &CatalogContext, columns: &[Column], read: impl FnOnce(&Reader<'_>) -> T) -> T {
    let path = context.search_path();
    let relation = |name: &str| {
        let objects = context.objects();
        let oid = objects.find(name, &path)?;
        Some(objects.written(oid, &path))
    };
    read(&Reader {
        columns,
        relation: &relation,
    })
}

fn printed(tree: Option<Tree>, text: &str, pretty: bool) -> String {
    tree.map_or_else(
        || spelling::without_marks(text.trim().to_owned()),
        |tree| tree.print(pretty),
    )
}

/// The condition of a CHECK, in the brackets that are PostgreSQL's.
pub fn check_condition(
    context: &CatalogContext,
    table: &Table,
    place: usize,
    pretty: bool,
) -> Option<String> {
    let text = &table.checks.get(place)?.expression;
    let tree = read(context, &table.columns, |reader| reader.condition(text));
    Some(printed(tree, text, pretty))
}

/// What a column takes where nothing is given, or what it is generated from: `pg_attrdef`'s.
pub fn column_value(
    context: &CatalogContext,
    table: &Table,
    place: usize,
    pretty: bool,
) -> Option<String> {
    let column = table.columns.get(place)?;
    if column.identity.is_some() {
        return None;
    }
    let sequence = column.sequence;
    if let Some(sequence) = sequence.and_then(|id| context.catalog().sequence_by_id(id)) {
        let path = context.search_path();
        let written = context.objects().written(sequence.oid, &path);
        return Some(format!(
            "nextval('{}'::regclass)",
            written.replace('\'', "''")
        ));
    }
    let text = column.generated.as_ref().or(column.default.as_ref())?;
    let tree = read(context, &table.columns, |reader| {
        reader.value(text, &column.sql_type)
    });
    Some(printed(tree, text, pretty))
}

/// A text of `pg_attrdef` or `pg_constraint` once more, pretty or with the search path of now.
pub fn expression_again(
    context: &CatalogContext,
    table: Option<&Table>,
    text: &str,
    pretty: bool,
) -> String {
    let columns = table.map_or(&[][..], |table| table.columns.as_slice());
    let tree = read(context, columns, |reader| reader.expression(text));
    printed(tree, text, pretty)
}

/// An expression over columns of a table, by itself, in one spelling.
pub fn expression_text(columns: &[Column], text: &str) -> String {
    let reader = Reader {
        columns,
        relation: &|_| None,
    };
    printed(reader.expression(text), text, false)
}

/// An index's expression as its definition has it: in brackets, unless it is a call.
pub fn index_part(columns: &[Column], text: &str, pretty: bool) -> String {
    let reader = Reader {
        columns,
        relation: &|_| None,
    };
    let tree = reader.expression(text);
    let call = tree.as_ref().is_some_and(Tree::is_call);
    let written = printed(tree, text, pretty);
    match call {
        true => written,
        false => format!("({written})"),
    }
}

/// The condition of a partial index.
pub fn index_condition(columns: &[Column], text: &str, pretty: bool) -> String {
    let reader = Reader {
        columns,
        relation: &|_| None,
    };
    printed(reader.condition(text), text, pretty)
}

pub fn constraint_definition(
    context: &CatalogContext,
    constraint: &Constraint,
    pretty: bool,
) -> Option<String> {
    let list = |table: &Table, columns: Vec<IndexColumn>| {
        let names: Vec<String> = columns
            .iter()
            .map(|column| index_column(table, column, pretty))
            .collect();
        names.join(", ")
    };
    Some(match constraint {
        Constraint::PrimaryKey(table) => {
            let key = table.primary_key.as_ref()?;
            let included = inclusion(table, key.oid);
            format!("PRIMARY KEY ({}){included}", list(table, key_columns(key)))
        }
        Constraint::Unique(table, place) => {
            let index = table.indexes.get(*place)?;
            let nulls = match index.nulls_not_distinct {
                true => " NULLS NOT DISTINCT",
                false => "",
            };
            let columns = list(table, index.columns.clone());
            let when = deferral(index.deferrable, index.initially_deferred);
            let included = inclusion(table, index.oid);
            format!("UNIQUE{nulls} ({columns}){included}{when}")
        }
        Constraint::Check(table, place) => {
            let not_valid = match table.checks.get(*place)?.validated {
                true => "",
                false => " NOT VALID",
            };
            let condition = check_condition(context, table, *place, pretty)?;
            format!("CHECK ({condition}){not_valid}")
        }
        Constraint::Foreign(table, place) => {
            foreign_key(context, table, table.foreign_keys.get(*place)?)?
        }
    })
}

fn names(table: &Table, columns: &[usize]) -> String {
    let names: Vec<String> = columns
        .iter()
        .filter_map(|place| table.columns.get(*place))
        .map(|column| quote(&column.name))
        .collect();
    names.join(", ")
}

fn deferral(deferrable: bool, initially: bool) -> &'static str {
    match (deferrable, initially) {
        (_, true) => " DEFERRABLE INITIALLY DEFERRED",
        (true, false) => " DEFERRABLE",
        (false, false) => "",
    }
}

fn foreign_key(context: &CatalogContext, table: &Table, key: &ForeignKey) -> Option<String> {
    let referenced = context.catalog().table_by_id(key.referenced)?;
    let path = context.search_path();
    let mut text = format!(
        "FOREIGN KEY ({}) REFERENCES {}({})",
        names(table, &key.columns),
        context.objects().written(referenced.oid, &path),
        names(referenced, &key.referenced_columns),
    );
    if key.match_full {
        text.push_str(" MATCH FULL");
    }
    for (word, action) in [("UPDATE", &key.on_update), ("DELETE", &key.on_delete)] {
        let (action, columns) = match action {
            ReferentialAction::NoAction => continue,
            ReferentialAction::Restrict => ("RESTRICT", None),
            ReferentialAction::Cascade => ("CASCADE", None),
            ReferentialAction::SetNull(columns) => ("SET NULL", Some(columns)),
            ReferentialAction::SetDefault(columns) => ("SET DEFAULT", Some(columns)),
        };
        text.push_str(&format!(" ON {word} {action}"));
        if let Some(columns) = columns.filter(|columns| !columns.is_empty()) {
            text.push_str(&format!(" ({})", names(table, columns)));
        }
    }
    text.push_str(deferral(key.deferrable, key.initially_deferred));
    if !key.validated {
        text.push_str(" NOT VALID");
    }
    Some(text)
}

/// A view's query, its relations named as the search path needs it, laid out as PostgreSQL does.
pub fn view_query(context: &CatalogContext, view: &ViewDef) -> String {
    let parsed = crate::statement::parse::row_statement(&view.query);
    let Ok(Statement::Query(mut query)) = parsed else {
        return spelling::without_marks(format!(" {};", view.query));
    };
    let (objects, path) = (context.objects(), context.search_path());
    let _ = visit::relations_mut(&mut query, |name: &mut ObjectName| {
        if let [
            ObjectNamePart::Identifier(schema),
            ObjectNamePart::Identifier(table),
        ] = name.0.as_slice()
            && let Some(oid) = objects.named(&schema.value, &table.value)
            && objects.is_visible(oid, &path) == Some(true)
        {
            name.0.remove(0);
        }
        name.0.iter_mut().for_each(unquoted);
        ControlFlow::<()>::Continue(())
    });
    let _ = visit::expressions_mut(&mut query, |expr| {
        if let Expr::Cast {
            expr: constant,
            data_type: DataType::Regclass,
            ..
        } = expr
            && let Expr::Value(constant) = &mut **constant
            && let Value::SingleQuotedString(text) = &mut constant.value
            && let Ok(oid) = text.parse::<Oid>()
        {
            *text = objects.written(oid, &path);
        }
        ControlFlow::<()>::Continue(())
    });
    format!(" {};", spelling::as_written(laid_out(&query)))
}

/// A name without quotes where it needs none.
fn unquoted(part: &mut ObjectNamePart) {
    if let ObjectNamePart::Identifier(ident) = part
        && ident.quote_style.is_some()
        && quote(&ident.value) == ident.value
    {
        ident.quote_style = None;
    }
}

fn comma<T: Display>(items: &[T], between: &str) -> String {
    let items: Vec<String> = items.iter().map(T::to_string).collect();
    items.join(between)
}

/// A relation of FROM, each join to it on a line of its own.
fn joined(item: &TableWithJoins) -> String {
    let mut text = item.relation.to_string();
    for join in &item.joins {
        text.push_str("\n     ");
        text.push_str(join.to_string().trim_start());
    }
    text
}

/// One clause a line, for the plain kind of query; others stay on one line.
fn laid_out(query: &Query) -> String {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return query.to_string();
    };
    let plain = query.with.is_none()
        && select.distinct.is_none()
        && select.named_window.is_empty()
        && query.fetch.is_none()
        && query.locks.is_empty();
    if !plain {
        return query.to_string();
    }
    let mut text = format!("SELECT {}", comma(&select.projection, ",\n    "));
    if !select.from.is_empty() {
        let items: Vec<String> = select.from.iter().map(joined).collect();
        text.push_str(&format!("\n   FROM {}", items.join(",\n    ")));
    }
    if let Some(condition) = &select.selection {
        text.push_str(&format!("\n  WHERE {condition}"));
    }
    match &select.group_by {
        GroupByExpr::Expressions(list, modifiers) if modifiers.is_empty() => {
            if !list.is_empty() {
                text.push_str(&format!("\n  GROUP BY {}", comma(list, ", ")));
            }
        }
        _ => return query.to_string(),
    }
    if let Some(having) = &select.having {
        text.push_str(&format!("\n HAVING {having}"));
    }
    if let Some(order) = &query.order_by {
        match &order.kind {
            OrderByKind::Expressions(list) => {
                text.push_str(&format!("\n  ORDER BY {}", comma(list, ", ")));
            }
            OrderByKind::All(_) => return query.to_string(),
        }
    }
    match &query.limit_clause {
        None => {}
        Some(LimitClause::LimitOffset {
            limit,
            offset,
            limit_by,
        }) if limit_by.is_empty() => {
            if let Some(offset) = offset {
                text.push_str(&format!("\n {offset}"));
            }
            if let Some(limit) = limit {
                text.push_str(&format!("\n LIMIT {limit}"));
            }
        }
        Some(_) => return query.to_string(),
    }
    text
}

/// PostgreSQL's letters for privileges, in its order.
const LETTERS: [(Privileges, char); 12] = [
    (Privileges::INSERT, 'a'),
    (Privileges::SELECT, 'r'),
    (Privileges::UPDATE, 'w'),
    (Privileges::DELETE, 'd'),
    (Privileges::TRUNCATE, 'D'),
    (Privileges::REFERENCES, 'x'),
    (Privileges::TRIGGER, 't'),
    (Privileges::EXECUTE, 'X'),
    (Privileges::USAGE, 'U'),
    (Privileges::CREATE, 'C'),
    (Privileges::TEMPORARY, 'T'),
    (Privileges::CONNECT, 'c'),
];

/// `grantee=letters/grantor`, one text a grant, as an `aclitem[]` shows them.
pub fn acl<'a>(context: &CatalogContext, grants: impl Iterator<Item = &'a Grant>) -> Vec<String> {
    let name = |oid: Oid| match oid {
        PUBLIC => String::new(),
        oid => quote(&context.role_name(oid)),
    };
    grants
        .map(|grant| {
            let mut letters = String::new();
            for (privilege, letter) in LETTERS {
                if grant.privileges.contains(privilege) {
                    letters.push(letter);
                    if grant.grantable.contains(privilege) {
                        letters.push('*');
                    }
                }
            }
            format!("{}={letters}/{}", name(grant.grantee), name(grant.grantor))
        })
        .collect()
}

/// The grants on a whole object; `None` where only what goes without saying holds.
pub fn object_acl(context: &CatalogContext, grants: Option<&Vec<Grant>>) -> Option<Vec<String>> {
    let grants = grants?;
    let mut whole = grants.iter().filter(|grant| grant.column.is_none());
    // Rights on columns alone leave the object's own as they go without saying: its owner's.
    if let (Some(first), None) = (whole.next(), whole.next())
        && grants.len() > 1
        && first.grantee == first.grantor
        && is_owners(first)
    {
        return None;
    }
    let whole = grants.iter().filter(|grant| grant.column.is_none());
    Some(acl(context, whole))
}

/// All that an owner of a table has, none of it with words of its own.
fn is_owners(grant: &Grant) -> bool {
    let own = [
        Privileges::INSERT,
        Privileges::SELECT,
        Privileges::UPDATE,
        Privileges::DELETE,
        Privileges::TRUNCATE,
        Privileges::REFERENCES,
        Privileges::TRIGGER,
    ];
    own.iter().all(|one| grant.privileges.contains(*one))
}

/// The grants on one column.
pub fn column_acl(
    context: &CatalogContext,
    grants: Option<&Vec<Grant>>,
    column: &Column,
) -> Option<Vec<String>> {
    let own = grants?.iter();
    let own = own.filter(|grant| grant.column == Some(column.created));
    let list = acl(context, own);
    (!list.is_empty()).then_some(list)
}
