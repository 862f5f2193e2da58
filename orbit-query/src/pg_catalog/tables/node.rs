//! What the node shows of itself in schema `orbit`, beside the tables it keeps there.

use crate::pg_catalog::cells::{Cell, Rows};
use crate::pg_catalog::context::CatalogContext;

/// Virtual actors that are in memory.
pub fn actors(context: &CatalogContext, rows: &mut Rows) {
    let facts = context.facts();
    let all = facts.backend.as_ref().map(|own| own.all());
    let Some(actors) = all.and_then(|all| all.actors.get()) else {
        return;
    };
    for seen in actors.seen() {
        // What it says may tell of what was asked.
        let last_error = seen.last_error.filter(|_| facts.rights.superuser);
        rows.add([
            ("kind", seen.kind.into()),
            ("id", seen.id.to_string().into()),
            ("state", seen.state.into()),
            ("waiting", seen.waiting.into()),
            ("waiting_bytes", seen.waiting_bytes.into()),
            ("bytes", seen.bytes.into()),
            ("turns", whole(seen.turns)),
            ("crashes", whole(seen.crashes.into())),
            ("last_error", last_error.into()),
        ]);
    }
}

/// What the node and its machine have, and what is left of it.
pub fn resources(context: &CatalogContext, rows: &mut Rows) {
    let Some(backend) = &context.facts().backend else {
        return;
    };
    let readings = backend.all().board.read();
    for one in &readings.all {
        rows.add([
            ("resource", one.resource.into()),
            ("used", whole(one.used)),
            ("capacity", one.capacity.map_or(Cell::Null, whole)),
            ("unit", one.unit.into()),
            ("percent", one.percent().into()),
            ("level", one.level.map(|level| level.name()).into()),
            ("state", one.state.clone().into()),
            ("measured_at", Cell::Micros(readings.at_micros)),
        ]);
    }
}

fn whole(count: u64) -> Cell {
    Cell::Int(i64::try_from(count).unwrap_or(i64::MAX))
}
