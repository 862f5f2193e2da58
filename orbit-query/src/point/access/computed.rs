//! Indexes on expressions and partial indexes, as far as conditions show that they serve.

use crate::expr::node::CompareOp;
use crate::expr::{Compiler, Node, Params, RowExpr, Scope, Stop};
use crate::write::{arbiter, stored_expression};
use orbit_core::catalog::Table;
use orbit_core::value::Value;
use sqlparser::ast::Expr;

/// What indexes keep of rows, as the conditions of a statement would have it.
#[derive(Default)]
pub(in crate::point) struct Computed {
    /// Positions of expressions' values.
    values: Vec<(usize, Node)>,
    /// The conditions of partial indexes, by their places; `None`: not known here.
    predicates: Vec<(usize, Option<Vec<Node>>)>,
}

impl Computed {
    pub fn of(table: &Table) -> Computed {
        let mut computed = Computed::default();
        if table.computed.is_empty() {
            return computed;
        }
        let scope = Scope::of_table(table, None);
        for (place, index) in table.indexes.iter().enumerate() {
            for part in &index.columns {
                let node = table.computed_at(part.column).and_then(|kept| {
                    compiled(&kept.expression, &scope, |compiler, expr| {
                        compiler.expression(expr)
                    })
                });
                if let Some(node) = node.filter(|node| !node.is_constant()) {
                    computed.values.push((part.column, node));
                }
            }
            if let Some(sql) = arbiter::predicate(table, index) {
                let node = compiled(sql, &scope, |compiler, expr| compiler.condition(expr));
                let needed = node.map(|node| {
                    let mut needed = Vec::new();
                    split(&node, &mut needed);
                    needed
                });
                computed.predicates.push((place, needed));
            }
        }
        computed
    }

    /// The column, or the first of the computed values, that a node is.
    pub fn place_of(&self, node: &Node) -> Option<usize> {
        if let Node::Column(column) = node {
            return Some(*column);
        }
        let mut values = self.values.iter();
        let found = values.find(|(_, known)| same(known, node))?;
        Some(found.0)
    }

    /// The first of the computed values that are the same as this one.
    pub fn first_like(&self, place: usize) -> usize {
        let mut values = self.values.iter();
        let own = values.find(|(known, _)| *known == place);
        own.and_then(|(_, node)| self.place_of(node))
            .unwrap_or(place)
    }

    /// Whether an index has every row that the conditions let through.
    pub fn has_all(&self, index: usize, conditions: &[Node]) -> bool {
        let mut predicates = self.predicates.iter();
        let Some((_, needed)) = predicates.find(|(place, _)| *place == index) else {
            return true;
        };
        let Some(needed) = needed else {
            return false;
        };
        let mut given = Vec::new();
        conditions.iter().for_each(|node| split(node, &mut given));
        let is_given = |one: &Node| {
            let mut given = given.iter();
            given.any(|known| same(known, one) || excludes_null(known, one))
        };
        needed.iter().all(is_given)
    }
}

fn compiled(
    sql: &str,
    scope: &Scope<'_>,
    compile: impl FnOnce(&mut Compiler<'_, '_>, &Expr) -> Result<RowExpr, Stop>,
) -> Option<Node> {
    let expr = stored_expression(sql).ok()?;
    let mut params = Params::default();
    let compiled = compile(&mut Compiler::new(scope, &mut params), &expr).ok()?;
    Some(compiled.node)
}

/// Whether two expressions give the same for every row, to the last digit: 1.0 equals 1.00,
/// and what is computed with one is not shown as what is computed with the other.
fn same(one: &Node, other: &Node) -> bool {
    if one != other {
        return false;
    }
    let (ones, others) = (constants(one), constants(other));
    ones.len() == others.len() && ones.iter().zip(&others).all(|(a, b)| alike(a, b))
}

fn constants(node: &Node) -> Vec<Value> {
    let mut found = Vec::new();
    node.visit(&mut |node| {
        if let Node::Const(value) = node {
            found.push(value.clone());
        }
    });
    found
}

/// Of values that are equal: whether they look it.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Numeric(a), Value::Numeric(b)) => a.scale() == b.scale(),
        (Value::Float4(a), Value::Float4(b)) => a.to_bits() == b.to_bits(),
        (Value::Float8(a), Value::Float8(b)) => a.to_bits() == b.to_bits(),
        (Value::Array(a), Value::Array(b)) => {
            let mut elements = a.items.iter().zip(&b.items);
            elements.all(|(a, b)| alike(a, b))
        }
        _ => true,
    }
}

/// The conditions that must all be true, each in one form.
fn split(node: &Node, found: &mut Vec<Node>) {
    // As deep as the compiler let the expression be.
    match node {
        Node::And(terms) => terms.iter().for_each(|term| split(term, found)),
        Node::IsTruth {
            operand,
            truth: Some(true),
            negated: false,
        } => split(operand, found),
        Node::IsTruth {
            operand,
            truth: Some(false),
            negated: false,
        } => found.push(Node::Not(operand.clone())),
        Node::Compare(CompareOp::Eq, sides) => match sides.as_ref() {
            (inner, Node::Const(Value::Bool(true))) => split(inner, found),
            (inner, Node::Const(Value::Bool(false))) => {
                found.push(Node::Not(Box::new(inner.clone())));
            }
            _ => found.push(node.clone()),
        },
        other => found.push(other.clone()),
    }
}

/// Whether a condition that is true shows that `x IS NOT NULL`.
fn excludes_null(known: &Node, wanted: &Node) -> bool {
    let Node::IsNull {
        operand,
        negated: true,
    } = wanted
    else {
        return false;
    };
    match known {
        Node::Compare(_, sides) => same(&sides.0, operand) || same(&sides.1, operand),
        Node::In {
            operand: subject,
            negated: false,
            ..
        } => same(subject, operand),
        Node::Like { sides, .. } => same(&sides.0, operand),
        _ => false,
    }
}
