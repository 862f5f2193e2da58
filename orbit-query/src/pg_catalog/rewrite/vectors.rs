//! `int2vector` and `oidvector`: lists to queries, but shown as `1 2 3` rather than `{1,2,3}`.

use super::names::{Source, fold, sources};
use super::parse;
use crate::pg_catalog::relations::{Relation, relations};
use crate::statement::visit;
use sqlparser::ast::{
    AccessExpr, Expr, FunctionArg, FunctionArgExpr, Ident, Query, Select, SelectItem, SetExpr,
    Statement, Subscript, Value, Visitor,
};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// The type of such a column of the relation.
fn vector_type(relation: &Relation, column: &str) -> Option<&'static str> {
    let mut columns = relation.columns.iter();
    let known = columns.find(|known| known.name == column)?;
    known
        .type_name
        .ends_with("vector")
        .then_some(known.type_name)
}

fn is_vector(relation: &Relation, column: &str) -> bool {
    vector_type(relation, column).is_some()
}

/// The column's name and type, if the expression is a column of such a type.
fn vector_column(expr: &Expr, sources: &[Source]) -> Option<(String, &'static str)> {
    let (alias, column) = match expr {
        Expr::Identifier(column) => (None, fold(column)),
        Expr::CompoundIdentifier(path) => match path.as_slice() {
            [.., alias, column] => (Some(fold(alias)), fold(column)),
            _ => return None,
        },
        _ => return None,
    };
    let mut sources = sources
        .iter()
        .filter(|source| alias.as_ref().is_none_or(|alias| source.alias == *alias));
    let found = sources.find_map(|source| vector_type(source.relation?, &column));
    found.map(|type_name| (column, type_name))
}

fn shown(expr: &Expr, type_name: &str) -> Option<Expr> {
    let list = format!("array_to_string({expr}, ' ')");
    parse(&match type_name {
        "text" => list,
        // Functions whose result has the type that a client is to see.
        vector => format!("orbit_{vector}({list})"),
    })
}

/// Names under which queries inside the statement pass such columns on.
pub fn passed_on(statement: &Statement) -> HashSet<String> {
    struct Aliases(HashSet<String>);
    impl Visitor for Aliases {
        type Break = ();

        fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
            let sources = sources(&select.from);
            for item in &select.projection {
                if let SelectItem::ExprWithAlias { expr, alias } = item
                    && vector_column(expr, &sources).is_some()
                {
                    self.0.insert(fold(alias));
                }
            }
            ControlFlow::Continue(())
        }
    }
    let mut aliases = Aliases(HashSet::new());
    let _ = visit::visit(statement, &mut aliases);
    aliases.0
}

/// What the client will see: items of the outermost SELECT.
pub fn show_items(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_mut() else {
        return;
    };
    let sources = sources(&select.from);
    name_all(&mut select.projection, &sources);
    for item in &mut select.projection {
        let (expr, alias) = match item {
            SelectItem::UnnamedExpr(expr) => (expr, None),
            SelectItem::ExprWithAlias { expr, alias } => (expr, Some(alias.clone())),
            _ => continue,
        };
        if let Some((column, type_name)) = vector_column(expr, &sources)
            && let Some(expr) = shown(expr, type_name)
        {
            let alias = alias.unwrap_or_else(|| Ident::with_quote('"', column));
            *item = SelectItem::ExprWithAlias { expr, alias };
        }
    }
}

/// `*` over one relation that has such columns names them all.
fn name_all(projection: &mut Vec<SelectItem>, sources: &[Source]) {
    let ([SelectItem::Wildcard(_)], [source]) = (projection.as_slice(), sources) else {
        return;
    };
    let Some(relation) = source.relation else {
        return;
    };
    let mut columns = relation.columns.iter();
    if columns.any(|column| column.type_name.ends_with("vector")) {
        let named = relation.columns.iter().map(|column| {
            SelectItem::UnnamedExpr(Expr::Identifier(Ident::with_quote('"', column.name)))
        });
        *projection = named.collect();
    }
}

/// The operand of a cast to text.
pub fn show_operand(expr: &mut Expr) {
    if is_named_vector(expr)
        && let Some(better) = shown(expr, "text")
    {
        *expr = better;
    }
}

/// A column by a name that only vectors have.
pub fn is_named_vector(expr: &Expr) -> bool {
    let column = match expr {
        Expr::Identifier(column) => fold(column),
        Expr::CompoundIdentifier(path) => path.last().map(fold).unwrap_or_default(),
        _ => return false,
    };
    relations()
        .iter()
        .any(|relation| is_vector(relation, &column))
}

/// The parser takes `t.list[1]` for accesses to `t`: a column `t.list` and its element.
pub fn flatten(expr: &mut Expr) {
    let Expr::CompoundFieldAccess { root, access_chain } = expr else {
        return;
    };
    let mut path = match &**root {
        Expr::Identifier(name) => vec![name.clone()],
        Expr::CompoundIdentifier(path) => path.clone(),
        _ => return,
    };
    let names = access_chain.iter().map_while(|access| match access {
        AccessExpr::Dot(Expr::Identifier(name)) => Some(name.clone()),
        _ => None,
    });
    let names: Vec<Ident> = names.collect();
    access_chain.drain(..names.len());
    path.extend(names);
    if path.len() > 1 {
        **root = Expr::CompoundIdentifier(path);
    }
    if access_chain.is_empty() {
        *expr = (**root).clone();
    }
}

/// An element of a column; the vectors count from 0, other lists from 1.
/// `passed_on`: what vectors of queries inside are called.
pub fn subscript(expr: &mut Expr, passed_on: &HashSet<String>) {
    flatten(expr);
    let Expr::CompoundFieldAccess { root, access_chain } = expr else {
        return;
    };
    let mut root = &**root;
    while let Expr::Nested(inner) = root {
        root = inner;
    }
    let column = match root {
        Expr::Identifier(name) => fold(name),
        Expr::CompoundIdentifier(path) => path.last().map(fold).unwrap_or_default(),
        _ => return,
    };
    if let [AccessExpr::Subscript(Subscript::Index { index })] = access_chain.as_mut_slice()
        && (passed_on.contains(&column)
            || relations()
                .iter()
                .any(|relation| is_vector(relation, &column)))
        && let Some(shifted) = shifted(index)
    {
        *index = shifted;
    }
}

/// Functions that count places get to know that a vector's begin at 0.
pub fn tell_first(function: &str, args: &mut Vec<FunctionArg>, passed_on: &HashSet<String>) {
    let (least, most) = match function {
        "array_lower" | "array_upper" => (2, 2),
        "generate_subscripts" => (2, 3),
        _ => return,
    };
    if !(least..=most).contains(&args.len()) {
        return;
    }
    let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(list))) = args.first() else {
        return;
    };
    let column = match list {
        Expr::Identifier(name) => fold(name),
        Expr::CompoundIdentifier(path) => path.last().map(fold).unwrap_or_default(),
        _ => return,
    };
    if !passed_on.contains(&column) && !is_named_vector(list) {
        return;
    }
    let value = |value: Value| FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::value(value)));
    if function == "generate_subscripts" && args.len() == 2 {
        args.push(value(Value::Boolean(false)));
    }
    args.push(value(Value::Number("0".to_owned(), false)));
}

/// The same place counted from 1.
fn shifted(index: &Expr) -> Option<Expr> {
    if let Expr::Value(index) = index
        && let Ok(place) = index.to_string().parse::<i64>()
    {
        return parse(&place.checked_add(1)?.to_string());
    }
    parse(&format!("({index}) + 1"))
}
