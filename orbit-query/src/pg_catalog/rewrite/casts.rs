//! Casts to types that only catalogs have.

use super::names::{fold, parts};
use super::parse;
use crate::pg_catalog::relations::{Column, INFORMATION_SCHEMA, Kind, PG_CATALOG, relations};
use crate::statement::visit;
use sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, DataType, Expr, FunctionArg, FunctionArgExpr,
    FunctionArguments, Ident, ObjectName, ObjectNamePart, Query, Select, SelectItem, SetExpr,
    Statement, TableAlias, TableFactor, Value, Visitor,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Types whose values are oids that are shown as names.
fn look_up(type_name: &str) -> Option<&'static str> {
    Some(match type_name {
        "regclass" => "regclass",
        "regnamespace" => "regnamespace",
        "regoper" | "regoperator" => "regoperator",
        "regproc" | "regprocedure" => "regproc",
        "regrole" => "regrole",
        "regtype" => "regtype",
        _ => return None,
    })
}

fn call(name: &str, argument: &Expr) -> Option<Expr> {
    parse(&format!("{name}({argument})"))
}

/// Rewrites one CAST whose operand is rewritten already.
pub fn cast(expr: &mut Expr) {
    let Expr::Cast {
        expr: inner,
        data_type,
        ..
    } = expr
    else {
        return;
    };
    plain_type(data_type);
    if let Some(list) = look_ups(inner, data_type).or_else(|| vector_of_items(inner, data_type)) {
        *expr = list;
        return;
    }
    let name = match &*data_type {
        DataType::Regclass => "regclass".to_owned(),
        DataType::Custom(name, _) => parts(name).pop().unwrap_or_default(),
        other => {
            if matches!(other, DataType::Text | DataType::Varchar(_)) {
                super::vectors::show_operand(inner);
            }
            if is_integer(other) {
                as_oid(inner);
            }
            return;
        }
    };
    let better = match look_up(&name) {
        Some(kind) => {
            // 'x'::regclass::oid::regclass: the oid is what counts.
            as_oid(inner);
            call(&format!("orbit_{kind}_name"), inner)
        }
        // A parameter is one of that type: drivers send numbers for it.
        None if name == "oid" && is_parameter(inner) => None,
        None if name == "oid" || name == "xid" => {
            as_oid(inner);
            match is_oid_call(inner) {
                true => Some((**inner).clone()),
                // Not every function that an operator has is one that is listed.
                false if column_holds(inner) == Some(Holds::Procedures) => parse(&format!(
                    "coalesce(orbit_to_regproc_oid({inner}), orbit_oid(0))"
                )),
                false => call("orbit_oid", inner),
            }
        }
        None => None,
    };
    if let Some(better) = better {
        *expr = better;
    }
}

fn is_parameter(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_parameter(inner),
        Expr::Value(value) => matches!(value.value, Value::Placeholder(_)),
        _ => false,
    }
}

/// `'{int,text}'::regtype[]` and `ARRAY['int', 'text']::regtype[]`: each of them looked up.
fn look_ups(list: &mut Expr, data_type: &DataType) -> Option<Expr> {
    let DataType::Array(ArrayElemTypeDef::SquareBracket(element, _)) = data_type else {
        return None;
    };
    let kind = kind_of(element)?;
    super::literal_list(list);
    let Expr::Array(array) = list else {
        return None;
    };
    for item in &mut array.elem {
        as_oid(item);
        *item = call(&format!("orbit_{kind}_name"), item)?;
    }
    Some(list.clone())
}

/// `ARRAY['text'::regtype]::oidvector`: a list, as columns of that type are ones here.
fn vector_of_items(list: &mut Expr, data_type: &DataType) -> Option<Expr> {
    let Expr::Array(array) = list else {
        return None;
    };
    if !is_vector(data_type) {
        return None;
    }
    array.elem.iter_mut().for_each(as_oid);
    Some(list.clone())
}

fn is_vector(data_type: &DataType) -> bool {
    let DataType::Custom(name, _) = data_type else {
        return false;
    };
    parts(name)
        .last()
        .is_some_and(|name| name == "oidvector" || name == "int2vector")
}

/// `'25 26'` beside such a list, with or without its type.
fn vector_beside(expr: &mut Expr, other: &Expr) {
    let items = match other {
        Expr::Array(_) => Some("oid"),
        column => match column_type(column) {
            Some("oidvector") => Some("oid"),
            Some("int2vector") => Some("int2"),
            _ => None,
        },
    };
    let literal = match &*expr {
        Expr::Cast {
            expr, data_type, ..
        } if is_vector(data_type) => expr,
        Expr::Value(_) if !matches!(other, Expr::Array(_)) => &*expr,
        _ => return,
    };
    if let (Some(items), Expr::Value(value)) = (items, literal)
        && let Value::SingleQuotedString(text) = &value.value
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b' ')
    {
        let list: Vec<&str> = text.split_whitespace().collect();
        if let Some(list) = parse(&format!("'{{{}}}'::{items}[]", list.join(","))) {
            *expr = list;
        }
    }
}

/// What a cast to this type looks up.
fn kind_of(data_type: &DataType) -> Option<&'static str> {
    match data_type {
        DataType::Regclass => Some("regclass"),
        DataType::Custom(name, _) => look_up(&parts(name).pop()?),
        _ => None,
    }
}

/// Names under which queries inside the statement pass look-ups on, and what they look up.
pub fn passed_on(statement: &Statement) -> HashMap<String, &'static str> {
    #[derive(Default)]
    struct Aliases(HashMap<String, &'static str>);

    impl Aliases {
        fn note(&mut self, name: &Ident, expr: &Expr) {
            if let Expr::Cast { data_type, .. } = expr
                && let Some(kind) = kind_of(data_type)
            {
                self.0.insert(fold(name), kind);
            }
        }

        fn note_values(&mut self, query: &Query, alias: &TableAlias) {
            if let SetExpr::Values(values) = &*query.body
                && let Some(row) = values.rows.first()
            {
                for (name, expr) in alias.columns.iter().zip(&row.content) {
                    self.note(&name.name, expr);
                }
            }
        }
    }

    impl Visitor for Aliases {
        type Break = ();

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
                self.note_values(&cte.query, &cte.alias);
            }
            ControlFlow::Continue(())
        }

        fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
            for item in &select.projection {
                if let SelectItem::ExprWithAlias { expr, alias } = item {
                    self.note(alias, expr);
                }
            }
            ControlFlow::Continue(())
        }

        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            if let TableFactor::Derived {
                subquery,
                alias: Some(alias),
                ..
            } = factor
            {
                self.note_values(subquery, alias);
            }
            ControlFlow::Continue(())
        }
    }
    let mut aliases = Aliases::default();
    let _ = visit::visit(statement, &mut aliases);
    aliases.0
}

/// A column that a query inside made by a look-up is the oid again where it stands beside
/// oids or becomes one.
pub fn passed_as_oid(expr: &mut Expr, passed: &HashMap<String, &'static str>) {
    let look_up = |expr: &Expr| match expr {
        Expr::Identifier(name) => passed.get(&fold(name)).copied(),
        Expr::CompoundIdentifier(path) => passed.get(&fold(path.last()?)).copied(),
        _ => None,
    };
    match expr {
        Expr::BinaryOp { left, right, .. } => {
            let kinds = (look_up(left), look_up(right));
            let holds = (column_holds(left), column_holds(right));
            match (kinds, holds) {
                ((Some(kind), None), (_, Some(Holds::Oids))) => as_oid_of(kind, left),
                ((None, Some(kind)), (Some(Holds::Oids), _)) => as_oid_of(kind, right),
                _ => {}
            }
        }
        Expr::Cast {
            expr: inner,
            data_type: DataType::Custom(name, _),
            ..
        } => {
            if parts(name).last().is_some_and(|name| name == "oid")
                && let Some(kind) = look_up(inner)
            {
                as_oid_of(kind, inner);
            }
        }
        _ => {}
    }
}

fn as_oid_of(kind: &str, expr: &mut Expr) {
    if let Some(oid) = call(&format!("orbit_{kind}_oid"), expr) {
        *expr = oid;
    }
}

/// Where results are put together, `'x'::regclass` stands beside oids, and as one of them.
pub fn compare_as_oids(branch: &mut SetExpr) {
    match branch {
        SetExpr::SetOperation { left, right, .. } => {
            compare_as_oids(left);
            compare_as_oids(right);
        }
        SetExpr::Select(select) => {
            for item in &mut select.projection {
                if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item
                {
                    class_as_oid(expr);
                }
            }
        }
        SetExpr::Values(values) => {
            for row in &mut values.rows {
                row.content.iter_mut().for_each(class_as_oid);
            }
        }
        _ => {}
    }
}

fn class_as_oid(expr: &mut Expr) {
    let Expr::Cast { data_type, .. } = expr else {
        return;
    };
    let is_class = match data_type {
        DataType::Regclass => true,
        DataType::Custom(name, _) => parts(name).last().is_some_and(|name| name == "regclass"),
        _ => false,
    };
    if is_class && let Some(oid) = parse(&format!("({expr})::oid")) {
        *expr = oid;
    }
}

fn is_integer(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Int(_)
            | DataType::Integer(_)
            | DataType::Int4(_)
            | DataType::Int8(_)
            | DataType::BigInt(_)
    )
}

/// `pg_catalog.int2[]` is `int2[]`; names of text in disguise are text.
fn plain_type(data_type: &mut DataType) {
    if let DataType::Array(ArrayElemTypeDef::SquareBracket(element, _)) = data_type {
        plain_type(element);
        return;
    }
    let DataType::Custom(name, modifiers) = data_type else {
        return;
    };
    let names = parts(name);
    let plain = match names.as_slice() {
        [schema, name] if schema == PG_CATALOG => name.as_str(),
        [schema, name] if schema == INFORMATION_SCHEMA => match name.as_str() {
            "cardinal_number" => "int4",
            "time_stamp" => "timestamptz",
            _ => "text",
        },
        [name] => name.as_str(),
        _ => return,
    };
    match plain {
        "name" | "char" | "cstring" | "pg_node_tree" | "aclitem" => *data_type = DataType::Text,
        "name[]" | "_name" | "_char" | "_text" | "_aclitem" => {
            *data_type = DataType::Array(ArrayElemTypeDef::SquareBracket(
                Box::new(DataType::Text),
                None,
            ));
        }
        other if names.len() == 2 => {
            let written = match modifiers.is_empty() {
                true => other.to_owned(),
                false => format!("{other}({})", modifiers.join(",")),
            };
            let parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(&written);
            *data_type = match parser.and_then(|mut parser| parser.parse_data_type()) {
                Ok(known) => known,
                Err(_) => {
                    let ident = ObjectNamePart::Identifier(Ident::new(other));
                    DataType::Custom(ObjectName(vec![ident]), modifiers.clone())
                }
            };
        }
        _ => {}
    }
}

/// The function that gives the oid where this one gives the name.
fn oid_twin(name: &ObjectName) -> Option<String> {
    let name = parts(name).pop()?;
    match name.as_str() {
        "to_regclass" | "to_regnamespace" | "to_regproc" | "to_regtype" => {
            Some(format!("orbit_{name}_oid"))
        }
        _ if name.starts_with("orbit_reg") => Some(format!("{}_oid", name.strip_suffix("_name")?)),
        _ => None,
    }
}

fn is_look_up(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_look_up(inner),
        Expr::Function(function) => oid_twin(&function.name).is_some(),
        _ => false,
    }
}

fn is_call_of(expr: &Expr, function: &str) -> bool {
    match expr {
        Expr::Nested(inner) => is_call_of(inner, function),
        Expr::Function(call) => parts(&call.name)
            .last()
            .is_some_and(|name| name == function),
        _ => false,
    }
}

fn is_oid_call(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_oid_call(inner),
        Expr::Function(function) => parts(&function.name)
            .last()
            .is_some_and(|name| name.starts_with("orbit_") && name.ends_with("_oid")),
        _ => false,
    }
}

/// Where a number is wanted, a look-up gives the oid instead of the name.
pub fn as_oid(expr: &mut Expr) {
    match expr {
        Expr::Nested(inner) => as_oid(inner),
        Expr::Function(function) => {
            if let Some(twin) = oid_twin(&function.name) {
                function.name = ObjectName(vec![ObjectNamePart::Identifier(Ident::new(twin))]);
            }
        }
        _ => {}
    }
}

fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

/// Both sides of a comparison.
pub fn compared(left: &mut Expr, right: &mut Expr, op: &BinaryOperator) {
    if is_comparison(op) {
        as_oid_beside(left, right);
        as_oid_beside(right, left);
        vector_beside(left, right);
        vector_beside(right, left);
        number_beside(left, right);
        number_beside(right, left);
    }
}

/// What all system columns of this name are: oids, names of functions, or something else.
#[derive(PartialEq)]
enum Holds {
    Oids,
    Procedures,
    Other,
}

/// The type of system columns of this name.
fn column_type(expr: &Expr) -> Option<&'static str> {
    system_column(expr).map(|column| column.type_name)
}

fn column_holds(expr: &Expr) -> Option<Holds> {
    let column = system_column(expr)?;
    Some(match column.kind {
        Kind::Oid => Holds::Oids,
        Kind::Text if column.type_name == "regproc" => Holds::Procedures,
        _ => Holds::Other,
    })
}

fn system_column(expr: &Expr) -> Option<&'static Column> {
    let name = match expr {
        Expr::Identifier(name) => fold(name),
        Expr::CompoundIdentifier(path) => fold(path.last()?),
        _ => return None,
    };
    let mut columns = relations().iter().flat_map(|relation| &relation.columns);
    columns.find(|column| column.name == name)
}

/// Compared with anything but a column of names, a look-up is an oid.
pub fn as_oid_beside(expr: &mut Expr, other: &Expr) {
    let holds = column_holds(other);
    if holds == Some(Holds::Procedures) {
        without_arguments(expr);
    }
    // The name of a type, as a look-up's.
    if is_call_of(other, "pg_typeof") {
        return;
    }
    if is_look_up(expr) && !matches!(holds, Some(Holds::Procedures | Holds::Other)) {
        as_oid(expr);
    }
}

/// `'array_in(cstring,oid,integer)'::regprocedure` beside names: those say nothing of arguments.
fn without_arguments(expr: &mut Expr) {
    let Expr::Function(function) = expr else {
        return;
    };
    let FunctionArguments::List(list) = &mut function.args else {
        return;
    };
    if let [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))] =
        list.args.as_mut_slice()
        && let Value::SingleQuotedString(text) = &mut value.value
        && let Some((name, _)) = text.split_once('(')
    {
        *text = name.trim_end().to_owned();
    }
}

/// A column of function names beside a column of oids.
fn number_beside(expr: &mut Expr, other: &Expr) {
    if column_holds(expr) == Some(Holds::Procedures) && column_holds(other) == Some(Holds::Oids) {
        if let Some(number) = call("orbit_to_regproc_oid", expr) {
            *expr = number;
        }
    }
}
