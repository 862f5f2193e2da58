//! What CREATE INDEX and ON CONFLICT say of an index's order. All indexes lie in the types'
//! own order, and texts in that of their bytes: for ON CONFLICT, an index of another
//! collation or class is there for none.

use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};

/// Classes of `btree`, but for their `_ops`, that are named as a type is.
const TYPES: [&str; 34] = [
    "array",
    "bit",
    "bool",
    "bpchar",
    "bytea",
    "char",
    "cidr",
    "date",
    "enum",
    "float4",
    "float8",
    "inet",
    "int2",
    "int4",
    "int8",
    "interval",
    "jsonb",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "numeric",
    "oid",
    "oidvector",
    "range",
    "record",
    "text",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "uuid",
    "varbit",
    "varchar",
];

const OTHERS: [&str; 3] = [
    "bpchar_pattern_ops",
    "text_pattern_ops",
    "varchar_pattern_ops",
];

/// 42704 if there is no such class.
pub(super) fn check_class(class: &str) -> Result<()> {
    let of_type = class.strip_suffix("_ops");
    if of_type.is_some_and(|name| TYPES.contains(&name)) || OTHERS.contains(&class) {
        return Ok(());
    }
    Err(Error::new(
        state::UNDEFINED_OBJECT,
        format!("operator class \"{class}\" does not exist for access method \"btree\""),
    ))
}

/// Fails unless there is such a class, and an index over the type may have it.
pub(crate) fn check_accepts(class: &str, ty: &SqlType) -> Result<()> {
    check_class(class)?;
    let of_type = class.replace("_pattern_ops", "_ops");
    // A text is a char(n) without a word of it changing, and not the other way round.
    let is_wider = of_type == "bpchar_ops" && is_class_of("text_ops", ty);
    if is_wider || is_class_of(&of_type, ty) {
        return Ok(());
    }
    Err(Error::new(
        state::DATATYPE_MISMATCH,
        format!(
            "operator class \"{class}\" does not accept data type {}",
            ty.base()
        ),
    ))
}

/// Whether it is the class that an index over a type has.
pub(super) fn is_class_of(class: &str, ty: &SqlType) -> bool {
    let own = match ty {
        SqlType::Array(_) => "array".to_owned(),
        // These are other names of what their wider types have.
        SqlType::Varchar(_) => "text".to_owned(),
        SqlType::Cidr => "inet".to_owned(),
        other => other.name(),
    };
    let asked = match class {
        "varchar_ops" => "text",
        "cidr_ops" => "inet",
        other => other.strip_suffix("_ops").unwrap_or(other),
    };
    own == asked
}

/// 42704 if there is no such collation.
pub(super) fn is_default_collation(collation: &str) -> Result<bool> {
    match collation {
        "default" => Ok(true),
        "C" | "POSIX" | "ucs_basic" | "C.utf8" => Ok(false),
        other => Err(Error::new(
            state::UNDEFINED_OBJECT,
            format!("collation \"{other}\" for encoding \"UTF8\" does not exist"),
        )),
    }
}
