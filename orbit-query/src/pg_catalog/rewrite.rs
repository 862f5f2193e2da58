//! Makes the catalog SQL that clients send plannable.
//!
//! One pass over the syntax tree: `pg_catalog.` is taken off functions and
//! types, casts to `regclass` and its like become look-ups, sub-selects over
//! relations that never have rows become what they would give, and correlated
//! sub-selects get a shape that the optimizer can turn into joins. A statement
//! that names nothing of the kind passes unchanged.

mod casts;
mod correlated;
mod empty;
mod hidden;
mod lateral;
mod listing;
mod names;
mod vectors;

use super::relations::{INFORMATION_SCHEMA, PG_CATALOG, relations};
use crate::statement::visit;
use names::{fold, parts};
use sqlparser::ast::{
    AccessExpr, BinaryOperator, Expr, FunctionArgumentList, FunctionArguments, Ident, ObjectName,
    ObjectNamePart, Query, Select, SetExpr, Statement, TableFactor, Value, VisitorMut,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

/// Rewrites in place. What it doesn't understand it leaves for the planner to judge.
pub fn rewrite(statement: &mut Statement) {
    let mut rewriter = Rewriter {
        vectors: vectors::passed_on(statement),
        look_ups: casts::passed_on(statement),
        ..Rewriter::default()
    };
    if let Statement::Query(query) = statement {
        vectors::show_items(query);
    }
    // The visitor never breaks off.
    let _ = visit::visit_mut(statement, &mut rewriter);
}

#[derive(Default)]
struct Rewriter {
    /// Names that WITH introduces hide system relations of the same name.
    local: HashSet<String>,
    /// `information_schema._pg_expandarray` was met: its results have fields `x` and `n`.
    expands: bool,
    /// What queries inside call the vectors they pass on.
    vectors: HashSet<String>,
    /// What queries inside call the look-ups they pass on.
    look_ups: HashMap<String, &'static str>,
    /// The last SELECT seen was over nothing and is one row without FROM now.
    cut_to_row: bool,
}

impl VisitorMut for Rewriter {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.local.insert(fold(&cte.alias.name));
        }
        if let SetExpr::SetOperation { left, right, .. } = query.body.as_mut() {
            casts::compare_as_oids(left);
            casts::compare_as_oids(right);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        names::keep_column_names(select);
        hidden::replace(select);
        lateral::dissolve(select);
        self.cut_to_row = empty::cut_select(select, &self.local);
        correlated::count_exists(select);
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<()> {
        if let [ObjectNamePart::Identifier(name)] = relation.0.as_slice() {
            let folded = fold(name);
            let known = relations().named(PG_CATALOG, &folded).is_some();
            if known && !self.local.contains(&folded) {
                relation
                    .0
                    .insert(0, ObjectNamePart::Identifier(Ident::new(PG_CATALOG)));
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        listing::replace(factor);
        match factor {
            TableFactor::Table {
                name,
                args: Some(given),
                ..
            } => {
                let called = parts(name).pop().unwrap_or_default();
                vectors::tell_first(&called, &mut given.args, &self.vectors);
            }
            TableFactor::Function { name, args, .. } => {
                let called = parts(name).pop().unwrap_or_default();
                vectors::tell_first(&called, args, &self.vectors);
            }
            _ => {}
        }
        match factor {
            TableFactor::Table {
                name,
                args: Some(_),
                ..
            }
            | TableFactor::Function { name, .. } => {
                names::strip_prefix(name);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        // Such a row has nothing of its surroundings in it.
        if let TableFactor::Derived {
            lateral, subquery, ..
        } = factor
            && std::mem::take(&mut self.cut_to_row)
            && names::plain_select(subquery).is_some_and(|select| select.from.is_empty())
        {
            *lateral = false;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        empty::cut_expression(expr, &self.local);
        self.expand_array(expr);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::CompoundFieldAccess { .. } => vectors::subscript(expr, &self.vectors),
            Expr::Function(function) => {
                if let FunctionArguments::List(list) = &mut function.args {
                    let name = parts(&function.name).pop().unwrap_or_default();
                    vectors::tell_first(&name, &mut list.args, &self.vectors);
                }
                rewrite_expression(expr);
            }
            other => {
                if let Expr::BinaryOp { op, .. } = other {
                    plain_operator(op);
                }
                casts::passed_as_oid(other, &self.look_ups);
                rewrite_expression(other);
            }
        }
        ControlFlow::Continue(())
    }
}

impl Rewriter {
    /// `_pg_expandarray(list)` gives pairs of an element, `x`, and its place, `n`. It becomes
    /// `unnest(list)`; `.x` of it is itself, `.n` a set of places beside it.
    fn expand_array(&mut self, expr: &mut Expr) {
        let expanded = |expr: &Expr| match expr {
            Expr::Function(function)
                if parts(&function.name) == [INFORMATION_SCHEMA, "_pg_expandarray"] =>
            {
                match &function.args {
                    FunctionArguments::List(list) => Some(list.to_string()),
                    _ => None,
                }
            }
            _ => None,
        };
        let better = match &*expr {
            Expr::CompoundFieldAccess { root, access_chain } => {
                let (Expr::Nested(inner), [AccessExpr::Dot(Expr::Identifier(field))]) =
                    (&**root, access_chain.as_slice())
                else {
                    return;
                };
                match (fold(field).as_str(), expanded(inner)) {
                    ("n", Some(list)) => {
                        parse(&format!("generate_subscripts({list}, 1, false, 1)"))
                    }
                    ("x", Some(list)) => parse(&format!("unnest({list})")),
                    ("x", None) if self.expands => Some((**inner).clone()),
                    _ => None,
                }
            }
            other => expanded(other).and_then(|list| parse(&format!("unnest({list})"))),
        };
        if let Some(better) = better {
            self.expands = true;
            *expr = better;
        }
    }
}

/// One expression whose children are rewritten already.
fn rewrite_expression(expr: &mut Expr) {
    match expr {
        Expr::BinaryOp { left, op, right } => {
            plain_operator(op);
            casts::compared(left, right, op);
        }
        Expr::Case {
            operand: Some(tested),
            conditions,
            ..
        } => {
            for when in conditions {
                casts::as_oid_beside(&mut when.condition, tested);
                casts::as_oid_beside(tested, &when.condition);
            }
        }
        Expr::InList {
            expr: tested, list, ..
        } => {
            for item in list {
                casts::as_oid_beside(item, tested);
                casts::as_oid_beside(tested, item);
            }
        }
        Expr::AnyOp {
            left,
            compare_op,
            right,
            ..
        }
        | Expr::AllOp {
            left,
            compare_op,
            right,
        } => {
            plain_operator(compare_op);
            literal_list(right);
            casts::as_oid(left);
            if let Expr::Array(list) = &mut **right {
                for item in &mut list.elem {
                    casts::as_oid_beside(item, left);
                }
            }
        }
        // The parser takes this one word for a column's name.
        Expr::Identifier(name) if name.quote_style.is_none() && fold(name) == "current_schema" => {
            if let Some(call) = parse("current_schema()") {
                *expr = call;
            }
        }
        Expr::Function(function) => {
            names::strip_prefix(&mut function.name);
            if matches!(function.args, FunctionArguments::None)
                && names::is_session_word(&function.name)
            {
                function.args = FunctionArguments::List(FunctionArgumentList {
                    duplicate_treatment: None,
                    args: Vec::new(),
                    clauses: Vec::new(),
                });
            }
            if let FunctionArguments::Subquery(query) = &function.args
                && parts(&function.name) == ["array"]
                && let Some(better) = correlated::array(query)
            {
                *expr = better;
            }
        }
        Expr::Subquery(query) => {
            if let Some(better) = correlated::scalar(query) {
                *expr = better;
            }
        }
        Expr::Cast { .. } => casts::cast(expr),
        _ => {}
    }
}

/// `OPERATOR(pg_catalog.~)` is `~`.
fn plain_operator(op: &mut BinaryOperator) {
    let BinaryOperator::PGCustomBinaryOperator(path) = op else {
        return;
    };
    let plain = match path.last().map(String::as_str) {
        Some("=") => BinaryOperator::Eq,
        Some("<>" | "!=") => BinaryOperator::NotEq,
        Some("<") => BinaryOperator::Lt,
        Some(">") => BinaryOperator::Gt,
        Some("<=") => BinaryOperator::LtEq,
        Some(">=") => BinaryOperator::GtEq,
        Some("+") => BinaryOperator::Plus,
        Some("-") => BinaryOperator::Minus,
        Some("*") => BinaryOperator::Multiply,
        Some("/") => BinaryOperator::Divide,
        Some("%") => BinaryOperator::Modulo,
        Some("||") => BinaryOperator::StringConcat,
        Some("~") => BinaryOperator::PGRegexMatch,
        Some("~*") => BinaryOperator::PGRegexIMatch,
        Some("!~") => BinaryOperator::PGRegexNotMatch,
        Some("!~*") => BinaryOperator::PGRegexNotIMatch,
        Some("~~") => BinaryOperator::PGLikeMatch,
        Some("~~*") => BinaryOperator::PGILikeMatch,
        Some("!~~") => BinaryOperator::PGNotLikeMatch,
        Some("!~~*") => BinaryOperator::PGNotILikeMatch,
        _ => return,
    };
    *op = plain;
}

/// `= ANY ('{r,p}')` and `= ANY ('{r,p}'::text[])` name their elements.
fn literal_list(expr: &mut Expr) {
    let mut inner = &*expr;
    loop {
        inner = match inner {
            Expr::Nested(nested) => nested,
            Expr::Cast { expr: cast, .. } => cast,
            _ => break,
        };
    }
    let Expr::Value(value) = inner else {
        return;
    };
    let Value::SingleQuotedString(text) = &value.value else {
        return;
    };
    let Some(items) = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'))
    else {
        return;
    };
    if items.is_empty() || items.contains(['{', '\\']) {
        return;
    }
    let items: Vec<String> = items
        .split(',')
        .map(|item| {
            let item = item.trim().trim_matches('"');
            match item.parse::<i64>() {
                Ok(_) => item.to_owned(),
                Err(_) => format!("'{}'", item.replace('\'', "''")),
            }
        })
        .collect();
    if let Some(list) = parse(&format!("ARRAY[{}]", items.join(", "))) {
        *expr = list;
    }
}

/// An expression from text of our own making.
fn parse(sql: &str) -> Option<Expr> {
    let parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(sql);
    let mut expr = parser.and_then(|mut parser| parser.parse_expr()).ok()?;
    let _ = visit::expressions_mut(&mut expr, |inner| {
        vectors::flatten(inner);
        ControlFlow::<()>::Continue(())
    });
    Some(expr)
}
