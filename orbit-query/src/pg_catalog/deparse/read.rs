//! From a stored text to the tree that PostgreSQL would have made of it.

mod calls;
mod typed;

use super::Tree;
use crate::statement::names::fold;
use crate::statement::quoting::quote;
use orbit_core::catalog::Column;
use orbit_core::types::SqlType;
use sqlparser::ast::{BinaryOperator, Expr, TrimWhereField, UnaryOperator, Value};
use typed::{
    Kind, Typed, bare_name, canonical, constant, is_network, is_string, known, number_rank, pair,
    string,
};

/// Knows the columns that an expression may name, and how relations are written.
pub struct Reader<'a> {
    pub columns: &'a [Column],
    /// A relation named in `'...'::regclass`, written as the search path has it.
    pub relation: &'a dyn Fn(&str) -> Option<String>,
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
        let addresses = [&left, &right]
            .iter()
            .any(|side| side.sql_type().is_some_and(is_network));
        let (left, right, result) = match name.as_str() {
            "<<" | "<<=" | ">>" | ">>=" | "&&" if addresses => {
                let (left, right, _) = pair(left, right);
                (left, right, Some(SqlType::Bool))
            }
            "&" | "|" if addresses => pair(left, right),
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
