//! COLLATE. There is one order of text, by code point, so that a collation is looked at
//! only to refuse those that would order otherwise.

use super::operator::unnested;
use super::scope::Scope;
use super::{Binder, Bound};
use crate::planned::types;
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast;

/// The collations that order by code point.
const BY_CODE_POINT: [&str; 5] = ["default", "C", "POSIX", "ucs_basic", "C.utf8"];

impl Binder<'_> {
    pub(super) fn collated(
        &mut self,
        scope: &Scope,
        expr: &ast::Expr,
        collation: &ast::ObjectName,
    ) -> Result<Bound> {
        let bound = self.expr(scope, expr)?;
        let of = match &bound.ty {
            SqlType::Array(element) => element,
            ty => ty,
        };
        let has_order = types::is_text(of) && !matches!(of, SqlType::Record(_));
        if !has_order && !bound.is_unknown() {
            return Err(Error::new(
                state::DATATYPE_MISMATCH,
                format!("collations are not supported by type {}", bound.ty.base()),
            ));
        }
        let name = types::last_name(collation);
        if !BY_CODE_POINT.contains(&name.as_str()) {
            let parts = collation.0.iter().filter_map(|part| part.as_ident());
            let parts: Vec<String> = parts.map(types::fold).collect();
            return Err(Error::new(
                state::UNDEFINED_OBJECT,
                format!(
                    "collation \"{}\" for encoding \"UTF8\" does not exist",
                    parts.join(".")
                ),
            ));
        }
        Ok(bound)
    }
}

/// Two sides of a comparison that name different collations.
pub(super) fn check_collations(left: &ast::Expr, right: &ast::Expr) -> Result<()> {
    let (
        ast::Expr::Collate {
            collation: left, ..
        },
        ast::Expr::Collate {
            collation: right, ..
        },
    ) = (unnested(left), unnested(right))
    else {
        return Ok(());
    };
    let (left, right) = (types::last_name(left), types::last_name(right));
    match left == right {
        true => Ok(()),
        false => Err(Error::new(
            COLLATION_MISMATCH,
            format!("collation mismatch between explicit collations \"{left}\" and \"{right}\""),
        )),
    }
}

const COLLATION_MISMATCH: orbit_core::error::SqlState = orbit_core::error::SqlState(*b"42P21");
