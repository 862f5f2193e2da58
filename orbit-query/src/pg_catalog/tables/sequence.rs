//! Sequences: as declared, and where they are.

use crate::pg_catalog::cells::Rows;
use crate::pg_catalog::context::CatalogContext;
use crate::pg_catalog::types;

pub fn pg_sequence(context: &CatalogContext, rows: &mut Rows) {
    for sequence in context.catalog().sequences() {
        rows.add([
            ("seqrelid", sequence.oid.into()),
            ("seqtypid", sequence.sql_type.oid().into()),
            ("seqstart", sequence.start.into()),
            ("seqincrement", sequence.increment.into()),
            ("seqmax", sequence.max.into()),
            ("seqmin", sequence.min.into()),
            ("seqcache", sequence.cache.into()),
            ("seqcycle", sequence.cycle.into()),
        ]);
    }
}

pub fn pg_sequences(context: &CatalogContext, rows: &mut Rows) {
    for sequence in context.catalog().sequences() {
        let position = context.facts().sequences.position(sequence).ok();
        let last = position.and_then(|(last, called)| called.then_some(last));
        rows.add([
            ("schemaname", sequence.schema.as_str().into()),
            ("sequencename", sequence.name.as_str().into()),
            ("sequenceowner", context.role_name(sequence.owner).into()),
            (
                "data_type",
                types::format(sequence.sql_type.oid(), None).into(),
            ),
            ("start_value", sequence.start.into()),
            ("min_value", sequence.min.into()),
            ("max_value", sequence.max.into()),
            ("increment_by", sequence.increment.into()),
            ("cycle", sequence.cycle.into()),
            ("cache_size", sequence.cache.into()),
            ("last_value", last.into()),
        ]);
    }
}
