//! Names: folding, prefixes, what FROM brings into scope.

use crate::pg_catalog::relations::{INFORMATION_SCHEMA, PG_CATALOG, Relation, relations};
use sqlparser::ast::{
    DataType, Expr, Function, FunctionArguments, Ident, JoinOperator, ObjectName, ObjectNamePart,
    Query, Select, SelectItem, SetExpr, TableFactor, TableWithJoins,
};

/// An identifier as the catalog stores it.
pub fn fold(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

pub fn parts(name: &ObjectName) -> Vec<String> {
    let idents = name.0.iter().filter_map(ObjectNamePart::as_ident);
    idents.map(fold).collect()
}

/// `pg_catalog.f` is `f`; user schemas hold no functions or types.
pub fn strip_prefix(name: &mut ObjectName) {
    let parts = parts(name);
    if matches!(parts.as_slice(), [schema, _] if schema == PG_CATALOG) {
        name.0.remove(0);
    }
}

/// Functions that SQL writes without parentheses.
pub fn is_session_word(name: &ObjectName) -> bool {
    const WORDS: [&str; 6] = [
        "current_user",
        "session_user",
        "user",
        "current_role",
        "current_catalog",
        "current_schema",
    ];
    matches!(parts(name).as_slice(), [word] if WORDS.contains(&word.as_str()))
}

/// The system relation a name in FROM means.
pub fn system_relation(name: &ObjectName) -> Option<&'static Relation> {
    match parts(name).as_slice() {
        [name] => relations().named(PG_CATALOG, name),
        [schema, name] if schema == PG_CATALOG || schema == INFORMATION_SCHEMA => {
            relations().named(schema, name)
        }
        _ => None,
    }
}

/// One relation of FROM: what it is called, and its columns if they are known.
pub struct Source {
    pub alias: String,
    pub relation: Option<&'static Relation>,
}

impl Source {
    fn of(factor: &TableFactor) -> Source {
        let (name, alias, relation) = match factor {
            TableFactor::Table {
                name, alias, args, ..
            } => {
                let relation = match args {
                    None => system_relation(name),
                    Some(_) => None,
                };
                (parts(name).pop(), alias.as_ref(), relation)
            }
            TableFactor::Derived { alias, .. }
            | TableFactor::UNNEST { alias, .. }
            | TableFactor::TableFunction { alias, .. } => (None, alias.as_ref(), None),
            TableFactor::Function { name, alias, .. } => (parts(name).pop(), alias.as_ref(), None),
            _ => (None, None, None),
        };
        let alias = alias.map(|alias| fold(&alias.name)).or(name);
        Source {
            alias: alias.unwrap_or_default(),
            relation,
        }
    }
}

/// Every relation of a FROM, joined ones included.
pub fn sources(from: &[TableWithJoins]) -> Vec<Source> {
    let mut sources = Vec::new();
    for item in from {
        sources.push(Source::of(&item.relation));
        sources.extend(item.joins.iter().map(|join| Source::of(&join.relation)));
    }
    sources
}

/// True for joins that give a row only where both sides have one.
pub fn is_inner(operator: &JoinOperator) -> bool {
    matches!(
        operator,
        JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_)
    )
}

/// True for joins that keep the left side's rows and no others.
pub fn keeps_left_only(operator: &JoinOperator) -> bool {
    is_inner(operator) || matches!(operator, JoinOperator::Left(_) | JoinOperator::LeftOuter(_))
}

/// The query's SELECT, if it is one and nothing more.
pub fn plain_select(query: &Query) -> Option<&Select> {
    match query.body.as_ref() {
        SetExpr::Select(select) if query.with.is_none() => Some(select),
        _ => None,
    }
}

pub fn item_expression(item: &SelectItem) -> Option<&Expr> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}

/// Whether FROM has a system relation.
fn is_over_system(query: &Query) -> bool {
    plain_select(query).is_some_and(|select| {
        sources(&select.from)
            .iter()
            .any(|source| source.relation.is_some())
    })
}

/// Gives items that rewriting will change the name PostgreSQL would show for them.
pub fn keep_column_names(select: &mut Select) {
    for item in &mut select.projection {
        let SelectItem::UnnamedExpr(expr) = item else {
            continue;
        };
        let changes = match expr {
            Expr::Cast { .. } => is_rewritten(expr),
            Expr::Subquery(query)
            | Expr::Exists {
                subquery: query, ..
            } => is_over_system(query),
            Expr::Function(function) => match &function.args {
                FunctionArguments::Subquery(query) => is_over_system(query),
                _ => false,
            },
            _ => false,
        };
        if changes {
            let name = shown_name(expr).unwrap_or_else(|| "?column?".to_owned());
            *item = SelectItem::ExprWithAlias {
                expr: expr.clone(),
                alias: Ident::with_quote('"', name),
            };
        }
    }
}

/// Whether the cast, or one inside it, becomes a call.
fn is_rewritten(expr: &Expr) -> bool {
    match expr {
        Expr::Cast {
            expr, data_type, ..
        } => {
            matches!(data_type, DataType::Custom(..) | DataType::Regclass)
                || super::vectors::is_named_vector(expr)
                || is_rewritten(expr)
        }
        _ => false,
    }
}

/// The name a result column without alias has.
pub fn shown_name(expr: &Expr) -> Option<String> {
    Some(match expr {
        Expr::Identifier(name) => fold(name),
        Expr::CompoundIdentifier(path) => fold(path.last()?),
        Expr::Function(Function { name, .. }) => parts(name).pop()?,
        Expr::Cast {
            expr, data_type, ..
        } => match shown_name(expr) {
            Some(name) => name,
            None => type_name(data_type)?,
        },
        Expr::Collate { expr, .. } | Expr::Nested(expr) => shown_name(expr)?,
        Expr::Subquery(query) => match plain_select(query)?.projection.first()? {
            SelectItem::UnnamedExpr(expr) => shown_name(expr)?,
            SelectItem::ExprWithAlias { alias, .. } => fold(alias),
            _ => return None,
        },
        Expr::Exists { .. } => "exists".to_owned(),
        Expr::Case { .. } => "case".to_owned(),
        _ => return None,
    })
}

fn type_name(data_type: &DataType) -> Option<String> {
    match data_type {
        DataType::Custom(name, _) => parts(name).pop(),
        DataType::Regclass => Some("regclass".to_owned()),
        DataType::Text => Some("text".to_owned()),
        DataType::Int(_) | DataType::Integer(_) | DataType::Int4(_) => Some("int4".to_owned()),
        DataType::BigInt(_) | DataType::Int8(_) => Some("int8".to_owned()),
        DataType::Boolean | DataType::Bool => Some("bool".to_owned()),
        _ => None,
    }
}
