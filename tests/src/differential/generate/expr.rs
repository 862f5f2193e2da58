//! Expressions of a wanted type.

use super::{Generator, Type};

/// A column in reach, by the name that reaches it.
pub type Reach = Vec<(String, Type)>;

impl Generator {
    fn column_of(&mut self, reach: &Reach, ty: Type) -> Option<String> {
        let of: Vec<&String> = reach
            .iter()
            .filter(|(_, of)| *of == ty)
            .map(|(name, _)| name)
            .collect();
        match of.is_empty() {
            true => None,
            false => Some((*self.pick(&of)).clone()),
        }
    }

    pub fn expr(&mut self, reach: &Reach, ty: Type, depth: usize) -> String {
        if depth == 0 || self.chance(35) {
            return match self.column_of(reach, ty) {
                Some(column) if self.chance(85) => column,
                _ => self
                    .value(ty, true)
                    .replace("NULL", &format!("NULL::{}", ty.sql())),
            };
        }
        if self.chance(18) {
            return self.general(reach, ty, depth);
        }
        let below = depth - 1;
        match ty {
            Type::Int | Type::Big => {
                let (a, b) = (self.expr(reach, ty, below), self.expr(reach, ty, below));
                let text = self.expr(reach, Type::Text, below);
                match self.random.below(8) {
                    0 => format!("({a} + {b})"),
                    1 => format!("({a} - {b})"),
                    2 => format!("abs({a})"),
                    3 => format!("({a} % 7)"),
                    4 => format!("(- {a})"),
                    5 => format!("sign({a})::{}", ty.sql()),
                    6 => format!("length({text})::{}", ty.sql()),
                    _ => format!("({a} / nullif({b}, 0))"),
                }
            }
            Type::Numeric => {
                let (a, b) = (self.expr(reach, ty, below), self.expr(reach, ty, below));
                let int = self.expr(reach, Type::Int, below);
                match self.random.below(6) {
                    0 => format!("({a} + {b})"),
                    1 => format!("({a} - {b})"),
                    2 => format!("round({a}, 1)"),
                    3 => format!("({a} + {int})"),
                    4 => format!("({a} * 3)"),
                    _ => format!("trunc({a})"),
                }
            }
            Type::Float => {
                let (a, b) = (self.expr(reach, ty, below), self.expr(reach, ty, below));
                match self.random.below(4) {
                    0 => format!("({a} + {b})"),
                    1 => format!("({a} * 2)"),
                    2 => format!("abs({a})"),
                    _ => format!("floor({a})"),
                }
            }
            Type::Text => {
                let (a, b) = (self.expr(reach, ty, below), self.expr(reach, ty, below));
                let int = self.expr(reach, Type::Int, below);
                match self.random.below(9) {
                    0 => format!("({a} || {b})"),
                    1 => format!("upper({a})"),
                    2 => format!("substring({a} FROM 2)"),
                    3 => format!("replace({a}, 'a', 'xy')"),
                    4 => format!("({int})::text"),
                    5 => format!("left({a}, 2)"),
                    6 => format!("concat({a}, '-', {b})"),
                    7 => format!("reverse({a})"),
                    _ => format!("lpad({a}, 4, '.')"),
                }
            }
            Type::Bool => format!("({})", self.condition(reach, below)),
            Type::Date => {
                let (a, int) = (self.expr(reach, ty, below), self.expr(reach, Type::Int, 0));
                let stamp = self.expr(reach, Type::Stamp, below);
                match self.random.below(3) {
                    0 => format!("({a} + {int})"),
                    1 => format!("({stamp})::date"),
                    _ => format!("date_trunc('month', {a})::date"),
                }
            }
            Type::Stamp => {
                let a = self.expr(reach, ty, below);
                match self.random.below(3) {
                    0 => format!("({a} + interval '1 month 2 hours')"),
                    1 => format!("date_trunc('day', {a})"),
                    _ => format!("({a} - interval '36 hours')"),
                }
            }
        }
    }

    /// Forms that every type has.
    fn general(&mut self, reach: &Reach, ty: Type, depth: usize) -> String {
        let below = depth - 1;
        let (a, b) = (self.expr(reach, ty, below), self.expr(reach, ty, below));
        match self.random.below(5) {
            0 => format!("coalesce({a}, {b})"),
            1 => format!("nullif({a}, {b})"),
            2 => format!("greatest({a}, {b})"),
            3 => format!("least({a}, {b})"),
            _ => {
                let when = self.condition(reach, below);
                format!("CASE WHEN {when} THEN {a} ELSE {b} END")
            }
        }
    }

    pub fn condition(&mut self, reach: &Reach, depth: usize) -> String {
        let ty = *self.pick(&Type::ALL);
        let below = depth.saturating_sub(1);
        let (a, b) = (self.expr(reach, ty, below), self.expr(reach, ty, below));
        if depth > 0 && self.chance(45) {
            let (left, right) = (self.condition(reach, below), self.condition(reach, below));
            return match self.random.below(5) {
                0 => format!("NOT ({left})"),
                1 => format!("({left} OR {right})"),
                2 => format!("({left}) IS NOT TRUE"),
                3 => format!("({left}) IS UNKNOWN"),
                _ => format!("({left} AND {right})"),
            };
        }
        match self.random.below(9) {
            0 => format!("{a} = {b}"),
            1 => format!("{a} <> {b}"),
            2 => format!("{a} < {b}"),
            3 => format!("{a} >= {b}"),
            4 => format!("{a} IS NULL"),
            5 => format!("{a} IS DISTINCT FROM {b}"),
            6 => {
                let c = self.expr(reach, ty, 0);
                format!("{a} BETWEEN {b} AND {c}")
            }
            7 => {
                let values: Vec<String> = (0..3).map(|_| self.value(ty, true)).collect();
                let not = if self.chance(40) { "NOT " } else { "" };
                format!("{a} {not}IN ({})", values.join(", "))
            }
            _ => {
                let text = self.expr(reach, Type::Text, below);
                let pattern = *self.pick(&["'a%'", "'%b%'", "'_'", "'%'", "'A_%'"]);
                format!("{text} LIKE {pattern}")
            }
        }
    }
}
