//! VACUUM: gives back the space of dropped ranges and dead rows.

use super::analyze;
use crate::rows::{Outcome, Tag};
use crate::session::Session;
use crate::statement::names::Name;
use orbit_core::Result;

pub(crate) async fn run(
    session: &mut Session,
    tables: &[Name],
    with_analyze: bool,
) -> Result<Outcome> {
    session.check_outside_block("VACUUM")?;
    let settings = session.settings().clone();
    let db = session.engine().db().clone();
    let view = db.read();
    let mut ids = Vec::with_capacity(tables.len());
    for name in tables {
        ids.push(name.require(view.catalog(), &settings)?.id);
    }
    drop(view);
    if ids.is_empty() {
        db.vacuum(None).await?;
    }
    for id in ids {
        db.vacuum(Some(id)).await?;
    }
    if with_analyze {
        analyze::run(session, tables).await?;
    }
    Ok(Outcome::Done(Tag::Other("VACUUM")))
}
