//! Conditions: IS, IN and LIKE, and CASE that chooses by them.

use super::{Compiler, Stop, Typed, boolean};
use crate::expr::coerce::{self, numeric_rank};
use crate::expr::functions;
use crate::expr::node::{CompareOp, Node};
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, Expr};

impl<'a, 'p> Compiler<'a, 'p> {
    pub(super) fn distinct(
        &mut self,
        left: &Expr,
        right: &Expr,
        negated: bool,
    ) -> Result<Typed, Stop> {
        let left = self.typed(left)?;
        let right = self.typed(right)?;
        let sides = Box::new(self.sides(left, right)?);
        Ok(boolean(Node::Distinct { sides, negated }))
    }

    pub(super) fn is_null(&mut self, operand: &Expr, negated: bool) -> Result<Typed, Stop> {
        let typed = self.typed(operand)?;
        let node = match typed.ty {
            SqlType::Unknown => coerce::implicit(typed, &SqlType::Text, self.params)?,
            _ => typed.node,
        };
        Ok(boolean(Node::IsNull {
            operand: Box::new(node),
            negated,
        }))
    }

    pub(super) fn is_truth(
        &mut self,
        operand: &Expr,
        truth: Option<bool>,
        negated: bool,
    ) -> Result<Typed, Stop> {
        let operand = Box::new(self.boolean(operand)?);
        Ok(boolean(Node::IsTruth {
            operand,
            truth,
            negated,
        }))
    }

    pub(super) fn in_list(
        &mut self,
        operand: &Expr,
        list: &[Expr],
        negated: bool,
    ) -> Result<Typed, Stop> {
        let operand = self.typed(operand)?;
        let mut items = Vec::with_capacity(list.len());
        for item in list {
            items.push(self.typed(item)?);
        }
        // PostgreSQL compares with the common type of the operand and all items.
        let common = coerce::common_type(
            std::iter::once(&operand.ty).chain(items.iter().map(|item| &item.ty)),
        )
        .ok_or(Stop::Unknown)?;
        if coerce::comparison_type(&common, &common).is_none() {
            return Err(Stop::Unknown);
        }
        let exact = |ty: &SqlType| numeric_rank(ty).is_some_and(|rank| rank <= 3);
        let all_exact = exact(&operand.ty) && items.iter().all(|item| exact(&item.ty));
        // A list of one is `=`, which networks have from addresses.
        let common = match (common, items.as_slice()) {
            (SqlType::Cidr, [_]) => SqlType::Inet,
            (common, _) => common,
        };
        let mut convert = |typed: Typed| {
            if all_exact || coerce::is_network(&typed.ty) {
                Ok(typed.node)
            } else {
                coerce::implicit(typed, &common, self.params)
            }
        };
        Ok(boolean(Node::In {
            operand: Box::new(convert(operand)?),
            list: items
                .into_iter()
                .map(&mut convert)
                .collect::<Result<Vec<_>, Stop>>()?,
            negated,
        }))
    }

    pub(super) fn like(
        &mut self,
        subject: &Expr,
        pattern: &Expr,
        escape: Option<&ast::ValueWithSpan>,
        insensitive: bool,
        negated: bool,
    ) -> Result<Typed, Stop> {
        let escape = match escape.map(|escape| &escape.value) {
            None => Some('\\'),
            Some(ast::Value::SingleQuotedString(escape)) => {
                let mut characters = escape.chars();
                match (characters.next(), characters.next()) {
                    (escape, None) => escape,
                    _ => {
                        return Err(Stop::Error(
                            Error::new(state::INVALID_ESCAPE_SEQUENCE, "invalid escape string")
                                .with_hint("Escape string must be empty or one character."),
                        ));
                    }
                }
            }
            Some(_) => return Err(Stop::Unknown),
        };
        let subject = self.typed(subject)?;
        let pattern = self.typed(pattern)?;
        // char(n) LIKE sees its blanks in PostgreSQL: left to the planner.
        let fits = |ty: &SqlType| {
            matches!(
                ty,
                SqlType::Unknown | SqlType::Text | SqlType::Varchar(_) | SqlType::Name
            )
        };
        if !fits(&subject.ty) || !fits(&pattern.ty) {
            return Err(Stop::Unknown);
        }
        let sides = Box::new((
            coerce::implicit(subject, &SqlType::Text, self.params)?,
            coerce::implicit(pattern, &SqlType::Text, self.params)?,
        ));
        Ok(boolean(Node::Like {
            sides,
            escape,
            insensitive,
            negated,
        }))
    }

    pub(super) fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&Expr>,
    ) -> Result<Typed, Stop> {
        let operand = match operand {
            None => None,
            Some(operand) => {
                let operand = self.typed(operand)?;
                // It is evaluated for each arm: only what gives the same each time.
                if matches!(operand.node, Node::Call(function, _) if function.is_volatile()) {
                    return Err(Stop::Unknown);
                }
                Some(operand)
            }
        };
        let mut tests = Vec::with_capacity(conditions.len());
        let mut results = Vec::with_capacity(conditions.len() + 1);
        for arm in conditions {
            tests.push(match &operand {
                None => self.boolean(&arm.condition)?,
                Some(operand) => {
                    let value = self.typed(&arm.condition)?;
                    self.comparison(CompareOp::Eq, operand.clone(), value)?.node
                }
            });
            results.push(self.typed(&arm.result)?);
        }
        results.push(match otherwise {
            Some(otherwise) => self.typed(otherwise)?,
            None => Typed {
                node: Node::Const(Value::Null),
                ty: SqlType::Unknown,
            },
        });
        let (mut results, ty) = functions::unify(results, self.params)?;
        let otherwise = Box::new(results.pop().ok_or(Stop::Unknown)?);
        Ok(Typed {
            node: Node::Case {
                arms: tests.into_iter().zip(results).collect(),
                otherwise,
            },
            ty,
        })
    }
}
