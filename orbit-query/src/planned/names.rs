//! What plans call expressions, which they tell apart by their names.

use datafusion::logical_expr::Expr;
use std::hash::{DefaultHasher, Hash, Hasher};

/// An argument's name, as part of its function's. A name of nested calls holds those of
/// all its parts and is made anew at each level, so that planning would take the cube of
/// the depth; one longer than this stands for itself by its [`digest`].
const LONG_NAME_BYTES: usize = 64;

pub fn of_argument(argument: &Expr) -> String {
    let name = argument.schema_name().to_string();
    match name.len() <= LONG_NAME_BYTES {
        true => name,
        false => digest(&name),
    }
}

/// 128 bits, so that no two names of a plan have the same by chance. Not keyed: plans are
/// the same in every process.
pub fn digest<T: Hash + ?Sized>(what: &T) -> String {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        what.hash(&mut hasher);
        hasher.finish()
    };
    format!("{:016x}{:016x}", half(0), half(1))
}

#[cfg(test)]
mod tests {
    use super::{LONG_NAME_BYTES, of_argument};
    use datafusion::logical_expr::{Expr, col, lit};

    fn sum(terms: i64) -> Expr {
        (0..terms).fold(col("a"), |sum, term| sum + lit(term))
    }

    #[test]
    fn a_long_name_is_short_and_its_own() {
        let short = of_argument(&sum(1));
        assert!(short.contains('a') && short.len() < LONG_NAME_BYTES);
        let (one, other) = (of_argument(&sum(30)), of_argument(&sum(31)));
        assert!(one.len() <= LONG_NAME_BYTES);
        assert_ne!(one, other);
        assert_eq!(one, of_argument(&sum(30)));
    }
}
