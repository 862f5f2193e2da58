//! Syntax to nodes: PostgreSQL's typing rules for what this interpreter knows.

mod conditions;
mod operators;

use super::coerce::{self, is_integer};
use super::node::{CompareOp, Node};
use super::scope::{Params, Scope, fold};
use super::{MAX_DEPTH, RowExpr, functions, types};
use crate::statement::spelling::ASSIGN;
pub(super) use operators::arithmetic;
use orbit_core::types::SqlType;
use orbit_core::value::{Numeric, Value};
use orbit_core::{Error, Result};
use sqlparser::ast::{self, Expr};

/// Why a compilation ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Outside the vocabulary: the planner's.
    Unknown,
    /// PostgreSQL refuses this too.
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Error(error)
    }
}

impl Stop {
    pub(crate) fn catch<T>(result: Result<T, Stop>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Stop::Unknown) => Ok(None),
            Err(Stop::Error(error)) => Err(error),
        }
    }
}

/// A node and its type; `Unknown` marks literals, parameters and NULLs that
/// still take their type from where they stand.
#[derive(Clone, Debug)]
pub(crate) struct Typed {
    pub node: Node,
    pub ty: SqlType,
}

pub(crate) struct Compiler<'a, 'p> {
    scope: &'a Scope<'a>,
    pub(crate) params: &'p mut Params,
    depth: usize,
}

impl<'a, 'p> Compiler<'a, 'p> {
    pub(crate) fn new(scope: &'a Scope<'a>, params: &'p mut Params) -> Compiler<'a, 'p> {
        Compiler {
            scope,
            params,
            depth: 0,
        }
    }

    /// An expression in its own right; what is still untyped becomes text.
    pub(crate) fn expression(&mut self, expr: &Expr) -> Result<RowExpr, Stop> {
        let typed = self.typed(expr)?;
        if typed.ty == SqlType::Unknown {
            let node = coerce::implicit(typed, &SqlType::Text, self.params)?;
            let ty = match &node {
                Node::Param(number) => self.params.sql_type(*number).cloned(),
                _ => None,
            };
            return Ok(RowExpr::from_parts(node, ty.unwrap_or(SqlType::Text)));
        }
        Ok(RowExpr::from_parts(typed.node, typed.ty))
    }

    /// An expression assigned to a column of type `target`.
    pub(crate) fn assigned(&mut self, expr: &Expr, target: &SqlType) -> Result<RowExpr, Stop> {
        let typed = self.typed(expr)?;
        let node = coerce::assignment(typed, target, self.params)?;
        Ok(RowExpr::from_parts(node, target.clone()))
    }

    pub(crate) fn condition(&mut self, expr: &Expr) -> Result<RowExpr, Stop> {
        Ok(RowExpr::from_parts(self.boolean(expr)?, SqlType::Bool))
    }

    /// An expression converted implicitly to `target`.
    pub(crate) fn converted(&mut self, expr: &Expr, target: &SqlType) -> Result<RowExpr, Stop> {
        let typed = self.typed(expr)?;
        // LIMIT takes any integer.
        let node = if is_integer(&typed.ty) && is_integer(target) {
            typed.node
        } else {
            coerce::implicit(typed, target, self.params)?
        };
        Ok(RowExpr::from_parts(node, target.clone()))
    }

    pub(crate) fn boolean(&mut self, expr: &Expr) -> Result<Node, Stop> {
        let typed = self.typed(expr)?;
        match typed.ty {
            SqlType::Bool => Ok(typed.node),
            SqlType::Unknown => coerce::implicit(typed, &SqlType::Bool, self.params),
            _ => Err(Stop::Unknown),
        }
    }

    pub(crate) fn typed(&mut self, expr: &Expr) -> Result<Typed, Stop> {
        if self.depth >= MAX_DEPTH {
            return Err(Stop::Unknown);
        }
        self.depth += 1;
        let typed = self.typed_inner(expr);
        self.depth -= 1;
        typed
    }

    fn typed_inner(&mut self, expr: &Expr) -> Result<Typed, Stop> {
        match expr {
            Expr::Nested(inner) => self.typed(inner),
            Expr::Identifier(name) => self.column(std::slice::from_ref(name)),
            Expr::CompoundIdentifier(path) => self.column(path),
            Expr::Value(value) => self.literal(&value.value),
            Expr::UnaryOp { op, expr } => self.unary(*op, expr),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::IsNull(operand) => self.is_null(operand, false),
            Expr::IsNotNull(operand) => self.is_null(operand, true),
            Expr::IsTrue(operand) => self.is_truth(operand, Some(true), false),
            Expr::IsNotTrue(operand) => self.is_truth(operand, Some(true), true),
            Expr::IsFalse(operand) => self.is_truth(operand, Some(false), false),
            Expr::IsNotFalse(operand) => self.is_truth(operand, Some(false), true),
            Expr::IsUnknown(operand) => self.is_truth(operand, None, false),
            Expr::IsNotUnknown(operand) => self.is_truth(operand, None, true),
            Expr::IsDistinctFrom(left, right) => self.distinct(left, right, false),
            Expr::IsNotDistinctFrom(left, right) => self.distinct(left, right, true),
            Expr::InList {
                expr,
                list,
                negated,
            } => self.in_list(expr, list, *negated),
            Expr::Between {
                expr,
                negated,
                low,
                high,
            } => {
                let operand = self.typed(expr)?;
                let low = self.typed(low)?;
                let high = self.typed(high)?;
                let above = self.comparison(CompareOp::GtEq, operand.clone(), low)?;
                let below = self.comparison(CompareOp::LtEq, operand, high)?;
                let both = boolean(Node::And(vec![above.node, below.node]));
                Ok(if *negated {
                    boolean(Node::Not(Box::new(both.node)))
                } else {
                    both
                })
            }
            Expr::Like {
                negated,
                any: false,
                expr,
                pattern,
                escape_char,
            } => self.like(expr, pattern, escape_char.as_ref(), false, *negated),
            Expr::ILike {
                negated,
                any: false,
                expr,
                pattern,
                escape_char,
            } => self.like(expr, pattern, escape_char.as_ref(), true, *negated),
            Expr::Case {
                operand,
                conditions,
                else_result,
                ..
            } => self.case(operand.as_deref(), conditions, else_result.as_deref()),
            Expr::Cast {
                kind: ast::CastKind::Cast | ast::CastKind::DoubleColon,
                expr,
                data_type,
                array: false,
                format: None,
            } => {
                let target = types::sql_type(data_type).ok_or(Stop::Unknown)?;
                let typed = self.typed(expr)?;
                Ok(Typed {
                    node: coerce::explicit(typed, &target, self.params)?,
                    ty: target,
                })
            }
            Expr::TypedString(typed) => {
                let target = types::sql_type(&typed.data_type).ok_or(Stop::Unknown)?;
                let ast::Value::SingleQuotedString(text) = &typed.value.value else {
                    return Err(Stop::Unknown);
                };
                let literal = Typed {
                    node: Node::Const(Value::Text(text.clone())),
                    ty: SqlType::Unknown,
                };
                Ok(Typed {
                    node: coerce::explicit(literal, &target, self.params)?,
                    ty: target,
                })
            }
            Expr::Function(function) => self.function(function),
            Expr::Ceil {
                expr,
                field: ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime),
            } => self.call("ceil", &[expr]),
            Expr::Floor {
                expr,
                field: ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime),
            } => self.call("floor", &[expr]),
            Expr::Substring {
                expr,
                substring_from: Some(from),
                substring_for,
                ..
            } => match substring_for {
                None => self.call("substr", &[expr, from]),
                Some(length) => self.call("substr", &[expr, from, length]),
            },
            Expr::Trim {
                expr,
                trim_where,
                trim_what,
                trim_characters: None,
            } => {
                let name = match trim_where {
                    None | Some(ast::TrimWhereField::Both) => "btrim",
                    Some(ast::TrimWhereField::Leading) => "ltrim",
                    Some(ast::TrimWhereField::Trailing) => "rtrim",
                };
                match trim_what {
                    None => self.call(name, &[expr]),
                    Some(what) => self.call(name, &[expr, what]),
                }
            }
            _ => Err(Stop::Unknown),
        }
    }

    fn column(&mut self, path: &[ast::Ident]) -> Result<Typed, Stop> {
        match self.scope.resolve(path)? {
            Some((position, ty)) => Ok(Typed {
                node: Node::Column(position),
                ty: ty.clone(),
            }),
            None => Err(Stop::Unknown),
        }
    }

    fn literal(&mut self, value: &ast::Value) -> Result<Typed, Stop> {
        let (value, ty) = match value {
            ast::Value::Number(digits, false) => number(digits)?,
            ast::Value::SingleQuotedString(text) | ast::Value::EscapedStringLiteral(text) => {
                (Value::Text(text.clone()), SqlType::Unknown)
            }
            ast::Value::DollarQuotedString(text) => {
                (Value::Text(text.value.clone()), SqlType::Unknown)
            }
            ast::Value::Boolean(truth) => (Value::Bool(*truth), SqlType::Bool),
            ast::Value::Null => (Value::Null, SqlType::Unknown),
            ast::Value::Placeholder(name) => {
                let number = self.params.number(name).ok_or(Stop::Unknown)?;
                let ty = self.params.sql_type(number).cloned();
                return Ok(Typed {
                    node: Node::Param(number),
                    ty: ty.unwrap_or(SqlType::Unknown),
                });
            }
            _ => return Err(Stop::Unknown),
        };
        Ok(Typed {
            node: Node::Const(value),
            ty,
        })
    }

    fn function(&mut self, function: &ast::Function) -> Result<Typed, Stop> {
        if function.filter.is_some()
            || function.over.is_some()
            || function.null_treatment.is_some()
            || !function.within_group.is_empty()
            || !matches!(function.parameters, ast::FunctionArguments::None)
        {
            return Err(Stop::Unknown);
        }
        let name = match function.name.0.as_slice() {
            // What it is about is the planner's to find.
            [ast::ObjectNamePart::Identifier(name)] if name.value == ASSIGN => {
                return Err(Stop::Unknown);
            }
            [ast::ObjectNamePart::Identifier(name)] => fold(name),
            [
                ast::ObjectNamePart::Identifier(schema),
                ast::ObjectNamePart::Identifier(name),
            ] if fold(schema) == "pg_catalog" => fold(name),
            _ => return Err(Stop::Unknown),
        };
        let mut arguments = Vec::new();
        match &function.args {
            // CURRENT_DATE and its like; `now` without brackets is a column's name.
            ast::FunctionArguments::None => {
                if !matches!(
                    name.as_ref(),
                    "current_timestamp" | "current_date" | "localtimestamp"
                ) {
                    return Err(Stop::Unknown);
                }
            }
            ast::FunctionArguments::List(list)
                if list.duplicate_treatment.is_none() && list.clauses.is_empty() =>
            {
                for argument in &list.args {
                    let ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(argument)) = argument
                    else {
                        return Err(Stop::Unknown);
                    };
                    arguments.push(self.typed(argument)?);
                }
            }
            _ => return Err(Stop::Unknown),
        }
        functions::resolve(&name, arguments, self.params)
    }

    fn call(&mut self, name: &str, arguments: &[&Expr]) -> Result<Typed, Stop> {
        let arguments = arguments
            .iter()
            .map(|argument| self.typed(argument))
            .collect::<Result<Vec<_>, Stop>>()?;
        functions::resolve(name, arguments, self.params)
    }
}

fn boolean(node: Node) -> Typed {
    Typed {
        node,
        ty: SqlType::Bool,
    }
}

/// A numeric literal's value and type: integer if it fits, then bigint, else numeric.
fn number(digits: &str) -> Result<(Value, SqlType), Stop> {
    let plain = digits
        .strip_prefix('-')
        .unwrap_or(digits)
        .bytes()
        .all(|digit| digit.is_ascii_digit());
    if plain {
        if let Ok(value) = digits.parse::<i32>() {
            return Ok((Value::Int4(value), SqlType::Int4));
        }
        if let Ok(value) = digits.parse::<i64>() {
            return Ok((Value::Int8(value), SqlType::Int8));
        }
    }
    let value = Numeric::parse(digits)?;
    Ok((Value::Numeric(value), SqlType::Numeric(None)))
}
