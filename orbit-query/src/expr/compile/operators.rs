//! Operators: signs, comparison, arithmetic, concatenation, AND and OR.

use super::{Compiler, Stop, Typed, boolean, number};
use crate::expr::arith::ArithOp;
use crate::expr::coerce::{self, is_text, numeric_rank};
use crate::expr::functions;
use crate::expr::node::{CompareOp, Node};
use crate::expr::scope::Params;
use orbit_core::Result;
use orbit_core::types::SqlType;
use sqlparser::ast::{self, BinaryOperator, Expr, UnaryOperator};

impl<'a, 'p> Compiler<'a, 'p> {
    pub(super) fn unary(&mut self, op: UnaryOperator, operand: &Expr) -> Result<Typed, Stop> {
        match op {
            UnaryOperator::Not => {
                let operand = self.boolean(operand)?;
                Ok(boolean(Node::Not(Box::new(operand))))
            }
            UnaryOperator::Plus => {
                let operand = self.typed(operand)?;
                match numeric_rank(&operand.ty) {
                    Some(_) => Ok(operand),
                    None => Err(Stop::Unknown),
                }
            }
            UnaryOperator::Minus => {
                // A negative literal is one number: -2147483648 is an integer.
                if let Expr::Value(value) = operand
                    && let ast::Value::Number(digits, false) = &value.value
                {
                    let (value, ty) = number(&format!("-{digits}"))?;
                    return Ok(Typed {
                        node: Node::Const(value),
                        ty,
                    });
                }
                let operand = self.typed(operand)?;
                if numeric_rank(&operand.ty).is_none() {
                    return Err(Stop::Unknown);
                }
                Ok(Typed {
                    ty: operand.ty.base(),
                    node: Node::Negate(Box::new(operand.node)),
                })
            }
            _ => Err(Stop::Unknown),
        }
    }

    pub(super) fn binary(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
    ) -> Result<Typed, Stop> {
        let compare = match op {
            BinaryOperator::And | BinaryOperator::Or => return self.chain(left, op, right),
            BinaryOperator::Eq => Some(CompareOp::Eq),
            BinaryOperator::NotEq => Some(CompareOp::NotEq),
            BinaryOperator::Lt => Some(CompareOp::Lt),
            BinaryOperator::LtEq => Some(CompareOp::LtEq),
            BinaryOperator::Gt => Some(CompareOp::Gt),
            BinaryOperator::GtEq => Some(CompareOp::GtEq),
            _ => None,
        };
        let arith = match op {
            BinaryOperator::Plus => Some(ArithOp::Add),
            BinaryOperator::Minus => Some(ArithOp::Sub),
            BinaryOperator::Multiply => Some(ArithOp::Mul),
            BinaryOperator::Divide => Some(ArithOp::Div),
            BinaryOperator::Modulo => Some(ArithOp::Rem),
            _ => None,
        };
        if compare.is_none() && arith.is_none() && *op != BinaryOperator::StringConcat {
            return Err(Stop::Unknown);
        }
        let left = self.typed(left)?;
        let right = self.typed(right)?;
        if let Some(op) = compare {
            return self.comparison(op, left, right);
        }
        if let Some(op) = arith {
            return arithmetic(op, left, right, self.params);
        }
        self.concat(left, right)
    }

    /// `a AND b AND c ...` parses as a chain as deep as it is long: walked, not recursed.
    fn chain(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Result<Typed, Stop> {
        let mut terms = vec![right];
        let mut rest = left;
        while let Expr::BinaryOp {
            left,
            op: inner,
            right,
        } = rest
            && inner == op
        {
            terms.push(right);
            rest = left;
        }
        terms.push(rest);
        let nodes = terms
            .into_iter()
            .rev()
            .map(|term| self.boolean(term))
            .collect::<Result<Vec<_>, Stop>>()?;
        Ok(boolean(match op {
            BinaryOperator::And => Node::And(nodes),
            _ => Node::Or(nodes),
        }))
    }

    pub(super) fn sides(&mut self, left: Typed, right: Typed) -> Result<(Node, Node), Stop> {
        let ty = coerce::comparison_type(&left.ty, &right.ty).ok_or(Stop::Unknown)?;
        // Integers of all widths, and integers with numeric, compare as they are.
        let exact = |ty: &SqlType| numeric_rank(ty).is_some_and(|rank| rank <= 3);
        let both = |known: &dyn Fn(&SqlType) -> bool| known(&left.ty) && known(&right.ty);
        // So do networks with addresses.
        if both(&exact) || both(&coerce::is_network) {
            return Ok((left.node, right.node));
        }
        if left.ty == SqlType::Cidr {
            let right = coerce::implicit(right, &ty, self.params)?;
            return Ok((left.node, right));
        }
        if right.ty == SqlType::Cidr {
            let left = coerce::implicit(left, &ty, self.params)?;
            return Ok((left, right.node));
        }
        Ok((
            coerce::implicit(left, &ty, self.params)?,
            coerce::implicit(right, &ty, self.params)?,
        ))
    }

    pub(crate) fn comparison(
        &mut self,
        op: CompareOp,
        left: Typed,
        right: Typed,
    ) -> Result<Typed, Stop> {
        let sides = self.sides(left, right)?;
        Ok(boolean(Node::Compare(op, Box::new(sides))))
    }

    fn concat(&mut self, left: Typed, right: Typed) -> Result<Typed, Stop> {
        let ty = match (&left.ty, &right.ty) {
            (SqlType::Bytea, SqlType::Bytea | SqlType::Unknown)
            | (SqlType::Unknown, SqlType::Bytea) => SqlType::Bytea,
            (SqlType::Json | SqlType::Jsonb, _) | (_, SqlType::Json | SqlType::Jsonb) => {
                return Err(Stop::Unknown);
            }
            (SqlType::Unknown, SqlType::Unknown) => SqlType::Text,
            (a, b) if is_text(a) || is_text(b) => SqlType::Text,
            _ => return Err(Stop::Unknown),
        };
        let mut side = |typed: Typed| {
            if ty == SqlType::Bytea {
                coerce::implicit(typed, &ty, self.params)
            } else {
                functions::as_text(typed, self.params)
            }
        };
        let sides = Box::new((side(left)?, side(right)?));
        Ok(Typed {
            node: Node::Concat(sides),
            ty,
        })
    }
}

pub(in crate::expr) fn arithmetic(
    op: ArithOp,
    left: Typed,
    right: Typed,
    params: &mut Params,
) -> Result<Typed, Stop> {
    // date - date, date +- integer, integer + date.
    match (&left.ty, op, &right.ty) {
        (SqlType::Date, ArithOp::Sub, SqlType::Date) => {
            return Ok(Typed {
                node: Node::Arith(op, Box::new((left.node, right.node))),
                ty: SqlType::Int4,
            });
        }
        (SqlType::Date, ArithOp::Add | ArithOp::Sub, SqlType::Int2 | SqlType::Int4) => {
            let days = coerce::implicit(right, &SqlType::Int4, params)?;
            return Ok(Typed {
                node: Node::Arith(op, Box::new((left.node, days))),
                ty: SqlType::Date,
            });
        }
        (SqlType::Int2 | SqlType::Int4, ArithOp::Add, SqlType::Date) => {
            let days = coerce::implicit(left, &SqlType::Int4, params)?;
            return Ok(Typed {
                node: Node::Arith(op, Box::new((days, right.node))),
                ty: SqlType::Date,
            });
        }
        _ => {}
    }
    let ty = match (&left.ty, &right.ty) {
        (SqlType::Unknown, SqlType::Unknown) => return Err(Stop::Unknown),
        (SqlType::Unknown, known) | (known, SqlType::Unknown) => {
            numeric_rank(known).ok_or(Stop::Unknown)?;
            known.base()
        }
        (a, b) => coerce::operator_type(a, b).ok_or(Stop::Unknown)?,
    };
    if op == ArithOp::Rem && matches!(ty, SqlType::Float4 | SqlType::Float8) {
        return Err(Stop::Unknown);
    }
    let sides = (
        coerce::implicit(left, &ty, params)?,
        coerce::implicit(right, &ty, params)?,
    );
    Ok(Typed {
        node: Node::Arith(op, Box::new(sides)),
        ty,
    })
}
