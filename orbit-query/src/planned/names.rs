//! What plans call expressions, which they tell apart by their names.

use ahash::{AHasher, RandomState};
use datafusion::logical_expr::Expr;
use std::hash::{BuildHasher, Hash, Hasher};

/// A name of nested calls holds those of all its parts and is copied at each level, so
/// that planning would take yet another power of the depth; one longer than this stands
/// for itself by its [`digest`].
const LONG_NAME_BYTES: usize = 64;

/// An argument's name, as part of its function's. Of the name, not of the expression:
/// casts, which the optimizer puts in, are no part of names.
pub fn of_argument(argument: &Expr) -> String {
    let name = argument.schema_name().to_string();
    match name.len() <= LONG_NAME_BYTES {
        true => name,
        false => digest(&name),
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
    use super::{LONG_NAME_BYTES, of_argument};
    use datafusion::arrow::datatypes::DataType;
    use datafusion::logical_expr::{Expr, cast, col, lit};

    fn sum(terms: i64) -> Expr {
        (0..terms).fold(col("a"), |sum, term| sum + lit(term))
    }

    #[test]
    fn a_long_name_is_short_and_its_own() {
        assert_eq!(of_argument(&col("a")), "a");
        let (one, other) = (of_argument(&sum(30)), of_argument(&sum(31)));
        assert!(one.len() <= LONG_NAME_BYTES);
        assert_ne!(one, other);
        assert_eq!(one, of_argument(&sum(30)));
    }

    #[test]
    fn casts_are_no_part_of_it() {
        let cast = |expr| cast(expr, DataType::Int64);
        assert_eq!(of_argument(&cast(col("a"))), of_argument(&col("a")));
        assert_eq!(of_argument(&cast(sum(30))), of_argument(&sum(30)));
    }
}
