//! Lists, casts and calls of functions.

use super::super::Tree;
use super::Reader;
use super::typed::{Kind, Typed, bare_name, canonical, constant, known, known_bool, type_name};
use crate::ddl::types::sql_type;
use crate::statement::names::fold;
use crate::statement::quoting::quote;
use crate::statement::spelling::VARIADIC;
use orbit_core::types::SqlType;
use sqlparser::ast::{
    ArrayElemTypeDef, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
};

impl Reader<'_> {
    pub(super) fn array(&self, list: &[Expr], wanted: Option<&SqlType>) -> Option<Typed> {
        let mut items = Vec::with_capacity(list.len());
        let mut element = wanted.cloned();
        for expr in list {
            let item = self.typed(expr)?;
            if element.is_none() {
                element = item.sql_type().cloned();
            }
            items.push(match &element {
                Some(element) if integers(element, &item.kind) => item.tree,
                Some(element) => item.into(element),
                None => item.alone(),
            });
        }
        let kind = element.map_or(Kind::Unknown, |element| {
            Kind::Known(SqlType::Array(Box::new(element)))
        });
        let tree = Tree::List {
            open: "ARRAY[",
            items,
            close: "]",
        };
        Some(Typed { tree, kind })
    }

    pub(super) fn cast_literal(&self, text: &str, data_type: &DataType) -> Option<Typed> {
        let name = data_type.to_string().to_lowercase();
        if name == "regclass" {
            let written = (self.relation)(text).unwrap_or_else(|| text.to_owned());
            let tree = constant(&written, "regclass");
            return Some(known(tree, SqlType::Oid));
        }
        let sql_type = sql_type(data_type).ok()?;
        let tree = match &sql_type {
            SqlType::Bool => known_bool(text)?,
            SqlType::Char(_) if name == "bpchar" => constant(text, "bpchar"),
            other => constant(&canonical(text, other), &written_name(data_type, other)),
        };
        Some(known(tree, sql_type))
    }

    pub(super) fn cast(&self, expr: &Expr, data_type: &DataType) -> Option<Typed> {
        // The cast of ARRAY[...] is one of each of its items.
        let mut bare = expr;
        while let Expr::Nested(inner) = bare {
            bare = inner;
        }
        if let (Expr::Array(array), Ok(wanted @ SqlType::Array(_))) = (bare, sql_type(data_type))
            && let DataType::Array(
                ArrayElemTypeDef::SquareBracket(element, _)
                | ArrayElemTypeDef::AngleBracket(element),
            ) = data_type
        {
            if array.elem.is_empty() {
                let tree = Tree::Plain(format!("ARRAY[]::{}", bare_name(&wanted)));
                let tree = match type_name(&wanted) {
                    name if name == bare_name(&wanted) => tree,
                    name => Tree::Cast(Box::new(tree), name),
                };
                return Some(known(tree, wanted));
            }
            let items = array.elem.iter().map(|item| {
                let item = self.cast(item, element)?;
                Some(item.tree)
            });
            let tree = Tree::List {
                open: "ARRAY[",
                items: items.collect::<Option<Vec<_>>>()?,
                close: "]",
            };
            return Some(known(tree, wanted));
        }
        let inner = self.typed(expr)?;
        match inner.kind {
            Kind::Literal(text) => self.cast_literal(&text, data_type),
            _ => {
                let sql_type = sql_type(data_type).ok()?;
                let tree = match (&inner.kind, &inner.tree) {
                    (Kind::Null, _) => Tree::Plain(format!("NULL::{}", type_name(&sql_type))),
                    (Kind::Known(own), _)
                        if *own == sql_type && written_digits(data_type).is_none() =>
                    {
                        inner.tree
                    }
                    _ => Tree::Cast(Box::new(inner.tree), written_name(data_type, &sql_type)),
                };
                Some(known(tree, sql_type))
            }
        }
    }

    pub(super) fn plain_call(&self, name: &str, arguments: &[&Expr]) -> Option<Typed> {
        let mut list = Vec::with_capacity(arguments.len());
        let mut first = None;
        for argument in arguments {
            let typed = self.typed(argument)?;
            first = first.or_else(|| typed.sql_type().cloned());
            // Functions on strings are functions on text.
            list.push(match typed.kind {
                Kind::Known(SqlType::Cidr) | Kind::Literal(_) if of_addresses(name) => {
                    typed.into(&SqlType::Inet)
                }
                Kind::Known(SqlType::Varchar(_)) => typed.into(&SqlType::Text),
                Kind::Known(SqlType::Char(_)) if matches!(name, "lower" | "upper" | "md5") => {
                    typed.into(&SqlType::Text)
                }
                _ => typed.alone(),
            });
        }
        let result = match name {
            "length" | "char_length" | "character_length" | "octet_length" | "cardinality"
            | "array_length" | "strpos" | "position" | "num_nulls" | "num_nonnulls" => {
                Some(SqlType::Int4)
            }
            "lower" | "upper" | "initcap" | "btrim" | "ltrim" | "rtrim" | "concat" | "replace"
            | "md5" | "left" | "right" | "substr" | "repeat" | "to_char" | "format"
            | "concat_ws" => Some(SqlType::Text),
            "now" | "statement_timestamp" | "clock_timestamp" | "transaction_timestamp" => {
                Some(SqlType::TimestampTz)
            }
            "nextval" | "currval" => Some(SqlType::Int8),
            "gen_random_uuid" | "uuid_generate_v4" => Some(SqlType::Uuid),
            "host" => Some(SqlType::Text),
            "masklen" | "family" => Some(SqlType::Int4),
            "inet_same_family" => Some(SqlType::Bool),
            "broadcast" | "hostmask" | "netmask" => Some(SqlType::Inet),
            "inet_merge" | "network" => Some(SqlType::Cidr),
            "abs" | "ceil" | "floor" | "round" | "trunc" => first,
            _ => None,
        };
        Some(Typed {
            tree: Tree::Call(name.to_owned(), list),
            kind: result.map_or(Kind::Unknown, Kind::Known),
        })
    }

    pub(super) fn call(&self, function: &Function) -> Option<Typed> {
        if function.filter.is_some() || function.over.is_some() || !function.within_group.is_empty()
        {
            return None;
        }
        let name = fold(function.name.0.last()?.as_ident()?);
        let arguments = match &function.args {
            FunctionArguments::None => {
                let word = name.to_uppercase();
                let kind = match word.as_str() {
                    "CURRENT_TIMESTAMP" => Kind::Known(SqlType::TimestampTz),
                    "LOCALTIMESTAMP" => Kind::Known(SqlType::Timestamp),
                    "CURRENT_DATE" => Kind::Known(SqlType::Date),
                    "CURRENT_USER" | "SESSION_USER" | "USER" => Kind::Known(SqlType::Name),
                    _ => Kind::Unknown,
                };
                let tree = Tree::Plain(word);
                return Some(Typed { tree, kind });
            }
            FunctionArguments::List(list) if list.clauses.is_empty() => &list.args,
            _ => return None,
        };
        let mut list = Vec::with_capacity(arguments.len());
        let mut variadic = false;
        for argument in arguments {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => list.push(expr),
                FunctionArg::Named {
                    name,
                    arg: FunctionArgExpr::Expr(expr),
                    ..
                }
                | FunctionArg::ExprNamed {
                    name: Expr::Identifier(name),
                    arg: FunctionArgExpr::Expr(expr),
                    ..
                } if name.value == VARIADIC => {
                    list.push(expr);
                    variadic = true;
                }
                _ => return None,
            }
        }
        if variadic {
            let mut call = self.plain_call(&quote(&name), &list)?;
            if let Tree::Call(_, items) = &mut call.tree
                && let Some(last) = items.last_mut()
            {
                *last = Tree::Plain(format!("VARIADIC {}", last.print(false)));
            }
            return Some(call);
        }
        if let ("current_timestamp" | "localtimestamp" | "current_time" | "localtime", [digits]) =
            (name.as_str(), list.as_slice())
        {
            let kind = match name.as_str() {
                "current_timestamp" => Kind::Known(SqlType::TimestampTz),
                "localtimestamp" => Kind::Known(SqlType::Timestamp),
                _ => Kind::Unknown,
            };
            let tree = Tree::Plain(format!("{}({digits})", name.to_uppercase()));
            return Some(Typed { tree, kind });
        }
        let open = match name.as_str() {
            "coalesce" => "COALESCE(",
            "greatest" => "GREATEST(",
            "least" => "LEAST(",
            "nullif" => "NULLIF(",
            _ => return self.plain_call(&quote(&name), &list),
        };
        let list: Vec<Expr> = list.into_iter().cloned().collect();
        let Typed { tree, kind } = self.array(&list, None)?;
        let Tree::List { items, .. } = tree else {
            return None;
        };
        let tree = Tree::List {
            open,
            items,
            close: ")",
        };
        let kind = match kind {
            Kind::Known(SqlType::Array(element)) => Kind::Known(*element),
            other => other,
        };
        Some(Typed { tree, kind })
    }
}

fn integers(element: &SqlType, item: &Kind) -> bool {
    *element == SqlType::Int4 && *item == Kind::Known(SqlType::Int4)
}

/// The precision that a type of times was written with, which is no part of our types.
fn written_digits(data_type: &DataType) -> Option<u64> {
    match data_type {
        DataType::Time(digits, _) | DataType::Timestamp(digits, _) => *digits,
        _ => None,
    }
}

/// The type's name with the precision that it was written with.
fn written_name(data_type: &DataType, sql_type: &SqlType) -> String {
    let name = type_name(sql_type);
    match (written_digits(data_type), name.split_once(' ')) {
        (Some(digits), Some((word, zone))) => format!("{word}({digits}) {zone}"),
        _ => name,
    }
}

/// Functions of inet alone: a cidr, and a literal, becomes one.
fn of_addresses(name: &str) -> bool {
    matches!(
        name,
        "broadcast"
            | "family"
            | "host"
            | "hostmask"
            | "inet_merge"
            | "inet_same_family"
            | "masklen"
            | "netmask"
            | "network"
    )
}
