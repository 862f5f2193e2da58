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
    let cancel = session.backend().cancel_token().clone();
    let view = db.read();
    let mut ids = Vec::with_capacity(tables.len());
    let mut kept = Vec::with_capacity(tables.len());
    for name in tables {
        if analyze::is_skipped(session, view.catalog(), name, "vacuum") {
            continue;
        }
        ids.push(name.require(view.catalog(), &settings)?.id);
        kept.push(name.clone());
    }
    drop(view);
    if ids.is_empty() && !tables.is_empty() {
        return Ok(Outcome::Done(Tag::Other("VACUUM")));
    }
    if ids.is_empty() {
        db.vacuum(None, &cancel).await?;
    }
    for id in ids {
        db.vacuum(Some(id), &cancel).await?;
    }
    if with_analyze {
        analyze::run(session, &kept).await?;
    }
    Ok(Outcome::Done(Tag::Other("VACUUM")))
}
