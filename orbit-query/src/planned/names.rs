//! What plans call expressions, which they tell apart by their names.

use ahash::{AHasher, RandomState};
use datafusion::logical_expr::Expr;
use std::hash::{BuildHasher, Hash, Hasher};

/// An argument's name, as part of its function's: that of a column or a constant, and a
/// [`digest`] of anything larger. A name that held those of all its parts would be made
/// of them anew at each level, and planning would take the cube of the depth.
pub fn of_argument(argument: &Expr) -> String {
    match argument {
        Expr::Column(_) | Expr::OuterReferenceColumn(..) | Expr::Literal(..) | Expr::Alias(_) => {
            argument.schema_name().to_string()
        }
        larger => digest(larger),
    }
}

/// 128 bits, so that no two names of a plan are the same by chance. Not keyed: one
/// program makes the same plans whenever it runs.
pub fn digest<T: Hash + ?Sized>(what: &T) -> String {
    let half = |seed| RandomState::with_seeds(seed, 2, 3, 4).build_hasher();
    let mut halves = Halves(half(0), half(1));
    what.hash(&mut halves);
    format!("{:016x}{:016x}", halves.0.finish(), halves.1.finish())
}

/// Two hashes of one walk.
struct Halves(AHasher, AHasher);

impl Hasher for Halves {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
        self.1.write(bytes);
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::of_argument;
    use datafusion::logical_expr::{Expr, col, lit};

    fn sum(terms: i64) -> Expr {
        (0..terms).fold(col("a"), |sum, term| sum + lit(term))
    }

    #[test]
    fn a_name_is_as_short_as_its_expression_is_long_and_its_own() {
        assert_eq!(of_argument(&col("a")), "a");
        let (one, other) = (of_argument(&sum(30)), of_argument(&sum(31)));
        assert_eq!((one.len(), other.len()), (32, 32));
        assert_ne!(one, other);
        assert_eq!(one, of_argument(&sum(30)));
    }
}
