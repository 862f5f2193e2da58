//! From a stored text to the tree that PostgreSQL would have made of it.

use super::Tree;
use crate::ddl::types::sql_type;
use crate::pg_catalog::types;
use crate::statement::names::fold;
use crate::statement::quoting::quote;
use orbit_core::catalog::Column;
use orbit_core::types::SqlType;
use orbit_core::value::text::{self, FormatSettings};
use sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, TrimWhereField, UnaryOperator, Value,
};

/// Knows the columns that an expression may name, and how relations are written.
pub struct Reader<'a> {
    pub columns: &'a [Column],
    /// A relation named in `'...'::regclass`, written as the search path has it.
    pub relation: &'a dyn Fn(&str) -> Option<String>,
}

/// A tree and its type, as far as that is known.
struct Typed {
    tree: Tree,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Known(SqlType),
    /// A string literal, which takes the type that is wanted of it.
    Literal(String),
    /// NULL, which does so too.
    Null,
    Unknown,
}

fn known(tree: Tree, sql_type: SqlType) -> Typed {
    let kind = Kind::Known(sql_type);
    Typed { tree, kind }
}

fn type_name(sql_type: &SqlType) -> String {
    types::format(sql_type.oid(), Some(sql_type.modifier()))
}

/// The type's name without length or precision.
fn bare_name(sql_type: &SqlType) -> String {
    match sql_type {
        SqlType::Char(_) => "bpchar".to_owned(),
        other => types::format(other.oid(), None),
    }
}

fn string(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A literal as its type writes it: `12:00` of a time is `12:00:00`.
fn canonical(text: &str, sql_type: &SqlType) -> String {
    let one_form = matches!(
        sql_type,
        SqlType::Date
            | SqlType::Time
            | SqlType::Timestamp
            | SqlType::Interval
            | SqlType::Uuid
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

fn constant(text: &str, name: &str) -> Tree {
    Tree::Plain(format!("{}::{name}", string(text)))
}

impl Typed {
    /// As the given type where a conversion goes without saying; what PostgreSQL then shows.
    fn into(self, wanted: &SqlType) -> Tree {
        match self.kind {
            Kind::Literal(text) if *wanted == SqlType::Bool => match text.as_str() {
                "t" | "true" => Tree::Plain("true".to_owned()),
                "f" | "false" => Tree::Plain("false".to_owned()),
                _ => constant(&text, "boolean"),
            },
            Kind::Literal(text) => constant(&canonical(&text, wanted), &bare_name(wanted)),
            Kind::Null => Tree::Plain(format!("NULL::{}", bare_name(wanted))),
            Kind::Known(own) if own.oid() != wanted.oid() => {
                Tree::Cast(Box::new(self.tree), bare_name(wanted))
            }
            Kind::Known(_) | Kind::Unknown => self.tree,
        }
    }

    /// As it stands, a literal as text.
    fn alone(self) -> Tree {
        match self.kind {
            Kind::Literal(text) => constant(&text, "text"),
            _ => self.tree,
        }
    }

    fn sql_type(&self) -> Option<&SqlType> {
        match &self.kind {
            Kind::Known(sql_type) => Some(sql_type),
            _ => None,
        }
    }
}

fn number_rank(sql_type: &SqlType) -> Option<u8> {
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

fn is_string(sql_type: &SqlType) -> bool {
    matches!(sql_type, SqlType::Text | SqlType::Varchar(_))
}

fn is_moment(sql_type: &SqlType) -> bool {
    matches!(
        sql_type,
        SqlType::Date | SqlType::Timestamp | SqlType::TimestampTz
    )
}

/// What both sides of an operator become; `None` where each stays what it is.
fn common(left: &SqlType, right: &SqlType) -> Option<SqlType> {
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
    match (left, right) {
        (SqlType::Char(_), other) | (other, SqlType::Char(_)) if is_string(other) => {
            Some(SqlType::Text)
        }
        (a, b) if is_moment(a) && is_moment(b) => None,
        _ => None,
    }
}

/// The pair as an operator takes it.
fn pair(left: Typed, right: Typed) -> (Tree, Tree, Option<SqlType>) {
    let wanted = match (left.sql_type(), right.sql_type()) {
        (Some(a), Some(b)) => common(a, b),
        // There are no operators of varchar's own.
        (Some(SqlType::Varchar(_)), None) | (None, Some(SqlType::Varchar(_))) => {
            Some(SqlType::Text)
        }
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

fn comparison(operator: &BinaryOperator) -> Option<&'static str> {
    Some(match operator {
        BinaryOperator::Eq => "=",
        BinaryOperator::NotEq => "<>",
        BinaryOperator::Lt => "<",
        BinaryOperator::LtEq => "<=",
        BinaryOperator::Gt => ">",
        BinaryOperator::GtEq => ">=",
        _ => return None,
    })
}

impl Reader<'_> {
    /// The condition of a CHECK.
    pub fn condition(&self, text: &str) -> Option<Tree> {
        let expr = crate::statement::parse::expression(text).ok()?;
        Some(self.typed(&expr)?.into(&SqlType::Bool))
    }

    /// A value for a column of this type: a default or what generates it. The conversion to
    /// the column's type isn't shown, but a literal carries it.
    pub fn value(&self, text: &str, wanted: &SqlType) -> Option<Tree> {
        let expr = crate::statement::parse::expression(text).ok()?;
        let typed = self.typed(&expr)?;
        Some(match typed.kind {
            Kind::Literal(_) | Kind::Null => typed.into(wanted),
            _ => typed.tree,
        })
    }

    /// Whatever it is, literals as texts.
    pub fn expression(&self, text: &str) -> Option<Tree> {
        let expr = crate::statement::parse::expression(text).ok()?;
        Some(self.typed(&expr)?.alone())
    }

    fn boxed(&self, expr: &Expr) -> Option<Box<Tree>> {
        Some(Box::new(self.typed(expr)?.alone()))
    }

    fn truth(&self, expr: &Expr) -> Option<Tree> {
        Some(self.typed(expr)?.into(&SqlType::Bool))
    }

    fn typed(&self, expr: &Expr) -> Option<Typed> {
        Some(match expr {
            Expr::Nested(inner) => self.typed(inner)?,
            Expr::Identifier(ident) => self.column(&fold(ident)),
            Expr::CompoundIdentifier(path) => self.column(&fold(path.last()?)),
            Expr::Value(value) => literal(&value.value)?,
            Expr::TypedString(typed) => {
                let Value::SingleQuotedString(text) = &typed.value.value else {
                    return None;
                };
                self.cast_literal(text, &typed.data_type)?
            }
            Expr::Interval(interval) => match interval.value.as_ref() {
                Expr::Value(value) => match &value.value {
                    Value::SingleQuotedString(text) if interval.leading_field.is_none() => {
                        let text = canonical(text, &SqlType::Interval);
                        known(constant(&text, "interval"), SqlType::Interval)
                    }
                    _ => return None,
                },
                _ => return None,
            },
            Expr::UnaryOp { op, expr } => self.unary(*op, expr)?,
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right)?,
            Expr::IsNull(inner) => self.test(inner, "IS NULL")?,
            Expr::IsNotNull(inner) => self.test(inner, "IS NOT NULL")?,
            Expr::IsTrue(inner) => self.test(inner, "IS TRUE")?,
            Expr::IsNotTrue(inner) => self.test(inner, "IS NOT TRUE")?,
            Expr::IsFalse(inner) => self.test(inner, "IS FALSE")?,
            Expr::IsNotFalse(inner) => self.test(inner, "IS NOT FALSE")?,
            Expr::IsUnknown(inner) => self.test(inner, "IS UNKNOWN")?,
            Expr::IsNotUnknown(inner) => self.test(inner, "IS NOT UNKNOWN")?,
            Expr::IsDistinctFrom(left, right) => self.compare(left, "IS DISTINCT FROM", right)?,
            Expr::Between {
                expr,
                negated,
                low,
                high,
            } => {
                let (from, to) = if *negated { ("<", ">") } else { (">=", "<=") };
                let both = vec![
                    self.compare(expr, from, low)?.tree,
                    self.compare(expr, to, high)?.tree,
                ];
                let tree = if *negated {
                    Tree::Or(both)
                } else {
                    Tree::And(both)
                };
                known(tree, SqlType::Bool)
            }
            Expr::InList {
                expr,
                list,
                negated,
            } => self.in_list(expr, list, *negated)?,
            Expr::AnyOp {
                left,
                compare_op,
                right,
                ..
            } => self.quantified(left, compare_op, "ANY", right)?,
            Expr::AllOp {
                left,
                compare_op,
                right,
            } => self.quantified(left, compare_op, "ALL", right)?,
            Expr::Like {
                negated,
                expr,
                pattern,
                escape_char: None,
                ..
            } => self.pattern(expr, if *negated { "!~~" } else { "~~" }, pattern)?,
            Expr::ILike {
                negated,
                expr,
                pattern,
                escape_char: None,
                ..
            } => self.pattern(expr, if *negated { "!~~*" } else { "~~*" }, pattern)?,
            Expr::Cast {
                expr, data_type, ..
            } => self.cast(expr, data_type)?,
            Expr::Function(function) => self.call(function)?,
            Expr::Case {
                operand,
                conditions,
                else_result,
                ..
            } => {
                let mut whens = Vec::with_capacity(conditions.len());
                let mut kind = Kind::Unknown;
                for branch in conditions {
                    let when = match operand {
                        Some(_) => self.typed(&branch.condition)?.alone(),
                        None => self.truth(&branch.condition)?,
                    };
                    let then = self.typed(&branch.result)?;
                    if let (Kind::Unknown, Kind::Known(_)) = (&kind, &then.kind) {
                        kind = then.kind.clone();
                    }
                    whens.push((when, then.alone()));
                }
                let tree = Tree::Case {
                    operand: match operand {
                        Some(operand) => Some(self.boxed(operand)?),
                        None => None,
                    },
                    whens,
                    otherwise: match else_result {
                        Some(otherwise) => Some(self.boxed(otherwise)?),
                        None => None,
                    },
                };
                Typed { tree, kind }
            }
            Expr::Trim {
                trim_where,
                trim_what: None,
                expr,
                trim_characters: None,
            } => {
                let open = match trim_where {
                    None | Some(TrimWhereField::Both) => "TRIM(BOTH FROM ",
                    Some(TrimWhereField::Leading) => "TRIM(LEADING FROM ",
                    Some(TrimWhereField::Trailing) => "TRIM(TRAILING FROM ",
                };
                let tree = Tree::List {
                    open,
                    items: vec![self.typed(expr)?.into(&SqlType::Text)],
                    close: ")",
                };
                known(tree, SqlType::Text)
            }
            Expr::Substring {
                expr,
                substring_from: Some(from),
                substring_for: long,
                special,
                shorthand,
            } => {
                if *special || *shorthand {
                    let name = if *shorthand {
                        "substr"
                    } else {
                        "\"substring\""
                    };
                    let mut arguments: Vec<&Expr> = vec![&**expr, &**from];
                    arguments.extend(long.as_deref());
                    let call = self.plain_call(name, &arguments)?;
                    return Some(known(call.tree, SqlType::Text));
                }
                let text = self.typed(expr)?.into(&SqlType::Text).print(false);
                let from = self.typed(from)?.alone().print(false);
                let long = match long {
                    Some(long) => format!(" FOR {}", self.typed(long)?.alone().print(false)),
                    None => String::new(),
                };
                let text = format!("SUBSTRING({text} FROM {from}{long})");
                known(Tree::Plain(text), SqlType::Text)
            }
            Expr::Position { expr, r#in } => {
                let what = self.typed(expr)?.into(&SqlType::Text).print(false);
                let text = self.typed(r#in)?.into(&SqlType::Text).print(false);
                let text = format!("POSITION(({what}) IN ({text}))");
                known(Tree::Plain(text), SqlType::Int4)
            }
            Expr::Overlay {
                expr,
                overlay_what,
                overlay_from,
                overlay_for: None,
            } => {
                let text = self.typed(expr)?.into(&SqlType::Text).print(false);
                let what = self.typed(overlay_what)?.into(&SqlType::Text).print(false);
                let from = self.typed(overlay_from)?.alone().print(false);
                let text = format!("OVERLAY({text} PLACING {what} FROM {from})");
                known(Tree::Plain(text), SqlType::Text)
            }
            Expr::AtTimeZone {
                timestamp,
                time_zone,
            } => {
                let moment = self.typed(timestamp)?;
                let kind = match moment.sql_type() {
                    Some(SqlType::TimestampTz) => Kind::Known(SqlType::Timestamp),
                    Some(SqlType::Timestamp) => Kind::Known(SqlType::TimestampTz),
                    _ => Kind::Unknown,
                };
                let moment = moment.alone().print(false);
                let zone = self.typed(time_zone)?.alone().print(false);
                let tree = Tree::Plain(format!("({moment} AT TIME ZONE {zone})"));
                Typed { tree, kind }
            }
            Expr::Array(array) => self.array(&array.elem, None)?,
            Expr::Ceil { expr, .. } => self.plain_call("ceil", &[expr])?,
            Expr::Floor { expr, .. } => self.plain_call("floor", &[expr])?,
            Expr::Extract { field, expr, .. } => {
                let field = field.to_string().to_lowercase();
                let inner = self.typed(expr)?.alone().print(false);
                let text = format!("EXTRACT({field} FROM {inner})");
                known(Tree::Plain(text), SqlType::Numeric(None))
            }
            _ => return None,
        })
    }

    fn column(&self, name: &str) -> Typed {
        let found = self.columns.iter().find(|column| column.name == name);
        let tree = Tree::Plain(quote(name));
        match found {
            Some(column) => known(tree, column.sql_type.clone()),
            // A word without brackets, as CURRENT_TIMESTAMP.
            None => Typed {
                tree,
                kind: Kind::Unknown,
            },
        }
    }

    fn unary(&self, operator: UnaryOperator, expr: &Expr) -> Option<Typed> {
        if let (UnaryOperator::Minus, Expr::Value(value)) = (operator, expr)
            && let Value::Number(digits, _) = &value.value
        {
            let number = literal(&Value::Number(digits.clone(), false))?;
            let sql_type = number.sql_type()?.clone();
            let tree = constant(&format!("-{digits}"), &bare_name(&sql_type));
            return Some(known(tree, sql_type));
        }
        let name = match operator {
            UnaryOperator::Not => {
                let inner = Box::new(self.truth(expr)?);
                return Some(known(Tree::Not(inner), SqlType::Bool));
            }
            UnaryOperator::Plus => "+",
            UnaryOperator::Minus => "-",
            _ => return None,
        };
        let inner = self.typed(expr)?;
        let kind = inner.kind.clone();
        let tree = Tree::Operator {
            name: name.to_owned(),
            left: None,
            right: Box::new(inner.alone()),
        };
        Some(Typed { tree, kind })
    }

    fn binary(&self, left: &Expr, operator: &BinaryOperator, right: &Expr) -> Option<Typed> {
        if let Some(name) = comparison(operator) {
            return self.compare(left, name, right);
        }
        if matches!(operator, BinaryOperator::And | BinaryOperator::Or) {
            let is_and = *operator == BinaryOperator::And;
            // a AND b AND c is one list of three.
            let mut items = match self.truth(left)? {
                Tree::And(items) if is_and => items,
                Tree::Or(items) if !is_and => items,
                other => vec![other],
            };
            items.push(self.truth(right)?);
            let tree = if is_and {
                Tree::And(items)
            } else {
                Tree::Or(items)
            };
            return Some(known(tree, SqlType::Bool));
        }
        let (left, right) = (self.typed(left)?, self.typed(right)?);
        let name = operator.to_string();
        let (left, right, result) = match name.as_str() {
            "+" | "-" | "*" | "/" | "%" => {
                let ranks = (
                    left.sql_type().and_then(number_rank),
                    right.sql_type().and_then(number_rank),
                );
                match ranks {
                    (Some(a), Some(b)) => {
                        let wider = if a >= b { &left } else { &right };
                        let wider = wider.sql_type().cloned();
                        let (left, right, common) = pair(left, right);
                        (left, right, common.filter(|_| a.max(b) > 3).or(wider))
                    }
                    _ => (left.alone(), right.alone(), None),
                }
            }
            "||" => pair(left, right),
            "#>" | "#>>" | "#-" => {
                let path = SqlType::Array(Box::new(SqlType::Text));
                (left.alone(), right.into(&path), None)
            }
            "@>" | "<@" => match (left.sql_type().cloned(), right.sql_type().cloned()) {
                (Some(own), None) => (left.alone(), right.into(&own), None),
                (None, Some(own)) => (left.into(&own), right.alone(), None),
                _ => (left.alone(), right.alone(), None),
            },
            "~" | "~*" | "!~" | "!~*" => {
                let tree = Tree::Operator {
                    name,
                    left: Some(Box::new(left.into(&SqlType::Text))),
                    right: Box::new(right.into(&SqlType::Text)),
                };
                return Some(known(tree, SqlType::Bool));
            }
            _ => (left.alone(), right.alone(), None),
        };
        let tree = Tree::Operator {
            name,
            left: Some(Box::new(left)),
            right: Box::new(right),
        };
        Some(Typed {
            tree,
            kind: result.map_or(Kind::Unknown, Kind::Known),
        })
    }

    fn compare(&self, left: &Expr, name: &str, right: &Expr) -> Option<Typed> {
        let (left, right, _) = pair(self.typed(left)?, self.typed(right)?);
        let tree = Tree::Operator {
            name: name.to_owned(),
            left: Some(Box::new(left)),
            right: Box::new(right),
        };
        Some(known(tree, SqlType::Bool))
    }

    fn pattern(&self, left: &Expr, name: &str, right: &Expr) -> Option<Typed> {
        let tree = Tree::Operator {
            name: name.to_owned(),
            left: Some(Box::new(self.typed(left)?.into(&SqlType::Text))),
            right: Box::new(self.typed(right)?.into(&SqlType::Text)),
        };
        Some(known(tree, SqlType::Bool))
    }

    fn test(&self, inner: &Expr, test: &'static str) -> Option<Typed> {
        let tree = Tree::Test(self.boxed(inner)?, test);
        Some(known(tree, SqlType::Bool))
    }

    fn in_list(&self, expr: &Expr, list: &[Expr], negated: bool) -> Option<Typed> {
        let (operator, word) = if negated { ("<>", "ALL") } else { ("=", "ANY") };
        if let [only] = list {
            return self.compare(expr, operator, only);
        }
        let left = self.typed(expr)?;
        let element = left.sql_type().cloned();
        let items = self.array(list, element.as_ref())?;
        let (left, list) = match element {
            // varchar has no operators of its own: both sides become text.
            Some(SqlType::Varchar(_)) => (
                left.into(&SqlType::Text),
                Tree::Cast(Box::new(items.tree), "text[]".to_owned()),
            ),
            _ => (left.alone(), items.tree),
        };
        let tree = Tree::AnyAll {
            left: Box::new(left),
            operator,
            word,
            list: Box::new(list),
        };
        Some(known(tree, SqlType::Bool))
    }

    /// `x = ANY (array)`: the array is of its own type, not of what it is compared with.
    fn quantified(
        &self,
        left: &Expr,
        operator: &BinaryOperator,
        word: &'static str,
        right: &Expr,
    ) -> Option<Typed> {
        let operator = comparison(operator)?;
        let left = self.typed(left)?;
        let right = self.typed(right)?;
        let text = SqlType::Text;
        let (left, list) = match &right.kind {
            Kind::Literal(_) | Kind::Null => {
                let element = match left.sql_type() {
                    Some(SqlType::Varchar(_)) | None => text,
                    Some(other) => other.clone(),
                };
                let list = right.into(&SqlType::Array(Box::new(element.clone())));
                (left.into(&element), list)
            }
            Kind::Known(SqlType::Array(element)) => match (left.sql_type(), &**element) {
                (_, SqlType::Varchar(_)) => {
                    let list = Tree::Cast(Box::new(right.tree), "text[]".to_owned());
                    (left.into(&text), list)
                }
                (Some(of), SqlType::Text) if is_string(of) => (left.into(&text), right.tree),
                (None, element) => (left.into(element), right.tree),
                _ => (left.alone(), right.tree),
            },
            // An array of literals is one of texts.
            Kind::Unknown => match left.sql_type() {
                Some(of) if is_string(of) => (left.into(&text), right.tree),
                _ => return None,
            },
            Kind::Known(_) => return None,
        };
        let tree = Tree::AnyAll {
            left: Box::new(left),
            operator,
            word,
            list: Box::new(list),
        };
        Some(known(tree, SqlType::Bool))
    }

    fn array(&self, list: &[Expr], wanted: Option<&SqlType>) -> Option<Typed> {
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

    fn cast_literal(&self, text: &str, data_type: &DataType) -> Option<Typed> {
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
            other => constant(&canonical(text, other), &type_name(other)),
        };
        Some(known(tree, sql_type))
    }

    fn cast(&self, expr: &Expr, data_type: &DataType) -> Option<Typed> {
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
                    (Kind::Known(own), _) if *own == sql_type => inner.tree,
                    _ => Tree::Cast(Box::new(inner.tree), type_name(&sql_type)),
                };
                Some(known(tree, sql_type))
            }
        }
    }

    fn plain_call(&self, name: &str, arguments: &[&Expr]) -> Option<Typed> {
        let mut list = Vec::with_capacity(arguments.len());
        let mut first = None;
        for argument in arguments {
            let typed = self.typed(argument)?;
            first = first.or_else(|| typed.sql_type().cloned());
            // Functions on strings are functions on text.
            list.push(match typed.kind {
                Kind::Known(SqlType::Varchar(_)) => typed.into(&SqlType::Text),
                Kind::Known(SqlType::Char(_)) if matches!(name, "lower" | "upper" | "md5") => {
                    typed.into(&SqlType::Text)
                }
                _ => typed.alone(),
            });
        }
        let result = match name {
            "length" | "char_length" | "character_length" | "octet_length" | "cardinality"
            | "array_length" | "strpos" | "position" => Some(SqlType::Int4),
            "lower" | "upper" | "initcap" | "btrim" | "ltrim" | "rtrim" | "concat" | "replace"
            | "md5" | "left" | "right" | "substr" | "repeat" | "to_char" | "format" => {
                Some(SqlType::Text)
            }
            "now" | "statement_timestamp" | "clock_timestamp" | "transaction_timestamp" => {
                Some(SqlType::TimestampTz)
            }
            "nextval" | "currval" => Some(SqlType::Int8),
            "gen_random_uuid" | "uuid_generate_v4" => Some(SqlType::Uuid),
            "abs" | "ceil" | "floor" | "round" | "trunc" => first,
            _ => None,
        };
        Some(Typed {
            tree: Tree::Call(name.to_owned(), list),
            kind: result.map_or(Kind::Unknown, Kind::Known),
        })
    }

    fn call(&self, function: &Function) -> Option<Typed> {
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
        for argument in arguments {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => list.push(expr),
                _ => return None,
            }
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

fn known_bool(text: &str) -> Option<Tree> {
    let word = match text {
        "t" | "true" => "true",
        "f" | "false" => "false",
        _ => return None,
    };
    Some(Tree::Plain(word.to_owned()))
}

fn literal(value: &Value) -> Option<Typed> {
    Some(match value {
        Value::Number(digits, _) => {
            let sql_type = match (digits.parse::<i32>(), digits.parse::<i64>()) {
                (Ok(_), _) => SqlType::Int4,
                (_, Ok(_)) => SqlType::Int8,
                _ => SqlType::Numeric(None),
            };
            let plain = match sql_type {
                SqlType::Int4 => true,
                SqlType::Numeric(_) => digits.contains(['.', 'e', 'E']),
                _ => false,
            };
            let tree = match plain {
                true => Tree::Plain(digits.clone()),
                false => constant(digits, &bare_name(&sql_type)),
            };
            known(tree, sql_type)
        }
        Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Typed {
            tree: Tree::Plain(string(text)),
            kind: Kind::Literal(text.clone()),
        },
        Value::Boolean(value) => known(Tree::Plain(value.to_string()), SqlType::Bool),
        Value::Null => Typed {
            tree: Tree::Plain("NULL".to_owned()),
            kind: Kind::Null,
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
