//! Views, and the rules that PostgreSQL keeps them as.

use crate::pg_catalog::cells::Rows;
use crate::pg_catalog::context::CatalogContext;
use crate::pg_catalog::definitions::view_query;
use orbit_core::catalog::ViewDef;
use orbit_core::types::Oid;

/// Rules have oids of their own, apart from checks' and defaults'.
const FIRST_RULE_OID: Oid = 0xc000_0000;

/// The rule that answers a SELECT from the view.
pub fn rule_oid(view: &ViewDef) -> Oid {
    FIRST_RULE_OID | (view.oid & !FIRST_RULE_OID)
}

pub fn pg_views(context: &CatalogContext, rows: &mut Rows) {
    for view in context.catalog().views() {
        rows.add([
            ("schemaname", view.schema.as_str().into()),
            ("viewname", view.name.as_str().into()),
            ("viewowner", context.role_name(view.owner).into()),
            ("definition", view_query(context, view).into()),
        ]);
    }
}

pub fn pg_rewrite(context: &CatalogContext, rows: &mut Rows) {
    for view in context.catalog().views() {
        rows.add([
            ("oid", rule_oid(view).into()),
            ("rulename", "_RETURN".into()),
            ("ev_class", view.oid.into()),
            ("ev_type", "1".into()),
            ("ev_enabled", "O".into()),
            ("is_instead", true.into()),
        ]);
    }
}
