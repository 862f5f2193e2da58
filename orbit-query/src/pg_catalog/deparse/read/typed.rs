//! A tree with its type, and what PostgreSQL shows where it becomes one of another type.

use super::super::Tree;
use crate::pg_catalog::types;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::value::text::{self, FormatSettings};

/// A tree and its type, as far as that is known.
pub(super) struct Typed {
    pub(super) tree: Tree,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Known(SqlType),
    /// A string literal, which takes the type that is wanted of it.
    Literal(String),
    /// NULL, which does so too.
    Null,
    Unknown,
}

pub(super) fn known(tree: Tree, sql_type: SqlType) -> Typed {
    let kind = Kind::Known(sql_type);
    Typed { tree, kind }
}

pub(super) fn type_name(sql_type: &SqlType) -> String {
    types::format(sql_type.oid(), Some(sql_type.modifier()))
}

/// The type's name without length or precision.
pub(super) fn bare_name(sql_type: &SqlType) -> String {
    match sql_type {
        SqlType::Char(_) => "bpchar".to_owned(),
        other => types::format(other.oid(), None),
    }
}

pub(super) fn string(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A literal as its type writes it: `12:00` of a time is `12:00:00`.
pub(super) fn canonical(text: &str, sql_type: &SqlType) -> String {
    let one_form = matches!(
        sql_type,
        SqlType::Date
            | SqlType::Time
            | SqlType::Timestamp
            | SqlType::Interval
            | SqlType::Uuid
            | SqlType::Inet
            | SqlType::Cidr
            | SqlType::Bytea
            | SqlType::Jsonb
            | SqlType::Array(_)
    );
    let settings = FormatSettings::default();
    let moment = ["now", "today", "tomorrow", "yesterday"];
    if !one_form || moment.contains(&text.trim().to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    let mut written = Vec::new();
    let shown = text::parse(text, sql_type, &settings)
        .and_then(|value| text::format(&value.as_ref(), sql_type, &settings, &mut written));
    match (shown, String::from_utf8(written)) {
        (Ok(()), Ok(written)) => written,
        _ => text.to_owned(),
    }
}

/// What a boolean's text means: `on` is true.
pub(super) fn known_bool(text: &str) -> Option<Tree> {
    match text::parse(text, &SqlType::Bool, &FormatSettings::default()) {
        Ok(Value::Bool(value)) => Some(Tree::Plain(value.to_string())),
        _ => None,
    }
}

pub(super) fn constant(text: &str, name: &str) -> Tree {
    Tree::Plain(format!("{}::{name}", string(text)))
}

impl Typed {
    /// As the given type where a conversion goes without saying; what PostgreSQL then shows.
    pub(super) fn into(self, wanted: &SqlType) -> Tree {
        match self.kind {
            Kind::Literal(text) if *wanted == SqlType::Bool => {
                known_bool(&text).unwrap_or_else(|| constant(&text, "boolean"))
            }
            Kind::Literal(text) => constant(&canonical(&text, wanted), &bare_name(wanted)),
            Kind::Null => Tree::Plain(format!("NULL::{}", bare_name(wanted))),
            Kind::Known(own) if own.oid() != wanted.oid() => {
                Tree::Cast(Box::new(self.tree), bare_name(wanted))
            }
            Kind::Known(_) | Kind::Unknown => self.tree,
        }
    }

    /// As it stands, a literal as text.
    pub(super) fn alone(self) -> Tree {
        match self.kind {
            Kind::Literal(text) => constant(&text, "text"),
            _ => self.tree,
        }
    }

    pub(super) fn sql_type(&self) -> Option<&SqlType> {
        match &self.kind {
            Kind::Known(sql_type) => Some(sql_type),
            _ => None,
        }
    }
}

pub(super) fn number_rank(sql_type: &SqlType) -> Option<u8> {
    Some(match sql_type {
        SqlType::Int2 => 1,
        SqlType::Int4 => 2,
        SqlType::Int8 => 3,
        SqlType::Numeric(_) => 4,
        SqlType::Float4 => 5,
        SqlType::Float8 => 6,
        _ => return None,
    })
}

pub(super) fn is_string(sql_type: &SqlType) -> bool {
    matches!(sql_type, SqlType::Text | SqlType::Varchar(_))
}

/// There are no operators of cidr's own.
pub(super) fn is_network(sql_type: &SqlType) -> bool {
    matches!(sql_type, SqlType::Inet | SqlType::Cidr)
}

pub(super) fn is_moment(sql_type: &SqlType) -> bool {
    matches!(
        sql_type,
        SqlType::Date | SqlType::Timestamp | SqlType::TimestampTz
    )
}

/// What both sides of an operator become; `None` where each stays what it is.
pub(super) fn common(left: &SqlType, right: &SqlType) -> Option<SqlType> {
    if let (Some(a), Some(b)) = (number_rank(left), number_rank(right)) {
        // There are operators between integers of any size, and between floats.
        let alike = (a <= 3 && b <= 3) || (a >= 5 && b >= 5);
        return (!alike).then(|| match a.max(b) {
            4 => SqlType::Numeric(None),
            _ => SqlType::Float8,
        });
    }
    if is_string(left) && is_string(right) {
        return Some(SqlType::Text);
    }
    if is_network(left) && is_network(right) {
        return Some(SqlType::Inet);
    }
    match (left, right) {
        (SqlType::Char(_), other) | (other, SqlType::Char(_)) if is_string(other) => {
            Some(SqlType::Text)
        }
        (a, b) if is_moment(a) && is_moment(b) => None,
        _ => None,
    }
}

/// The pair as an operator takes it.
pub(super) fn pair(left: Typed, right: Typed) -> (Tree, Tree, Option<SqlType>) {
    let wanted = match (left.sql_type(), right.sql_type()) {
        (Some(a), Some(b)) => common(a, b),
        // There are no operators of varchar's own.
        (Some(SqlType::Varchar(_)), None) | (None, Some(SqlType::Varchar(_))) => {
            Some(SqlType::Text)
        }
        (Some(SqlType::Cidr), None) | (None, Some(SqlType::Cidr)) => Some(SqlType::Inet),
        (Some(one), None) | (None, Some(one)) => Some(one.clone()),
        (None, None) => Some(SqlType::Text),
    };
    let both = match (&left.kind, &right.kind) {
        (Kind::Unknown, Kind::Literal(_) | Kind::Null)
        | (Kind::Literal(_) | Kind::Null, Kind::Unknown) => None,
        _ => wanted.clone(),
    };
    let result = both.clone().or_else(|| left.sql_type().cloned());
    match both {
        Some(wanted) => (left.into(&wanted), right.into(&wanted), result),
        None => (left.alone(), right.alone(), result),
    }
}
