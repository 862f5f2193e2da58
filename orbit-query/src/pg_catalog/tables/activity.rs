//! What sessions do: pg_stat_activity, pg_locks, pg_cursors, pg_prepared_statements.

use crate::backend::Backend;
use crate::backend::activity::State;
use crate::pg_catalog::cells::{Cell, Rows};
use crate::pg_catalog::context::{CatalogContext, DATABASE, OWNER};
use orbit_core::ids::TxnId;
use orbit_core::lock::{Modes, TableLock};
use std::sync::Arc;

fn backends(context: &CatalogContext) -> Vec<Arc<Backend>> {
    let own = context.facts().backend.as_ref();
    own.map(|own| own.all().all()).unwrap_or_default()
}

pub fn pg_stat_activity(context: &CatalogContext, rows: &mut Rows) {
    for one in backends(context) {
        let activity = one.activity.seen();
        let waits = one.transaction().is_some_and(|id| waits(&one, id)) || waits(&one, one.owner());
        let (event_type, event) = match activity.state {
            State::Active if waits => {
                let advisory = one.advisory.list().iter().any(|(_, _, held)| !held);
                let event = if advisory {
                    "advisory"
                } else {
                    "transactionid"
                };
                (Some("Lock"), Some(event.to_owned()))
            }
            // Where it stands among those who wait to read much.
            State::Active => match one.all().admission.position_of(one.pid) {
                Some(position) => (Some("Admission"), Some(position.to_string())),
                None => (None, None),
            },
            _ => (Some("Client"), Some("ClientRead".to_owned())),
        };
        let facts = context.facts();
        if !facts.rights.superuser && facts.user != one.user {
            // What others do is their affair.
            rows.add([
                ("datid", DATABASE.into()),
                ("datname", one.database.as_str().into()),
                ("pid", one.pid.into()),
                ("usesysid", OWNER.into()),
                ("usename", one.user.as_str().into()),
                ("application_name", activity.application.to_string().into()),
                ("query", "<insufficient privilege>".into()),
            ]);
            continue;
        }
        let micros = |at: Option<i64>| at.map_or(Cell::Null, Cell::Micros);
        rows.add([
            ("datid", DATABASE.into()),
            ("datname", one.database.as_str().into()),
            ("pid", one.pid.into()),
            ("usesysid", OWNER.into()),
            ("usename", one.user.as_str().into()),
            ("application_name", activity.application.to_string().into()),
            (
                "client_addr",
                one.ends
                    .client
                    .map(|end| end.ip().to_canonical().to_string())
                    .into(),
            ),
            (
                "client_port",
                one.ends.client.map(|end| i64::from(end.port())).into(),
            ),
            ("backend_start", Cell::Micros(one.started_micros)),
            ("xact_start", micros(activity.transaction_micros)),
            ("query_start", micros(activity.query_micros)),
            ("state_change", micros(activity.changed_micros)),
            ("wait_event_type", event_type.into()),
            ("wait_event", event.into()),
            ("state", activity.state.name().into()),
            (
                "backend_xid",
                one.assigned_number()
                    .map(|number| number.to_string())
                    .into(),
            ),
            ("query", activity.query().into()),
            ("backend_type", "client backend".into()),
        ]);
    }
}

/// Whose connections are encrypted, and how; others than superusers see their own's alone.
pub fn pg_stat_ssl(context: &CatalogContext, rows: &mut Rows) {
    let facts = context.facts();
    for one in backends(context) {
        if !facts.rights.superuser && facts.user != one.user {
            rows.add([("pid", one.pid.into())]);
            continue;
        }
        let of = one.encryption.as_ref();
        rows.add([
            ("pid", one.pid.into()),
            ("ssl", of.is_some().into()),
            ("version", of.map(|of| of.version.as_str()).into()),
            ("cipher", of.map(|of| of.cipher.as_str()).into()),
            ("bits", of.map(|of| i64::from(of.bits)).into()),
            (
                "client_dn",
                of.and_then(|of| of.client.as_ref())
                    .map(|name| format!("/CN={name}"))
                    .into(),
            ),
        ]);
    }
}

/// Nobody comes by GSSAPI.
pub fn pg_stat_gssapi(context: &CatalogContext, rows: &mut Rows) {
    for one in backends(context) {
        rows.add([
            ("pid", one.pid.into()),
            ("gss_authenticated", false.into()),
            ("encrypted", false.into()),
        ]);
    }
}

fn waits(backend: &Backend, owner: TxnId) -> bool {
    backend.db().locks().wait_of(owner).is_some()
}

const TABLE_MODES: [(TableLock, &str); 8] = [
    (TableLock::AccessShare, "AccessShareLock"),
    (TableLock::RowShare, "RowShareLock"),
    (TableLock::RowExclusive, "RowExclusiveLock"),
    (TableLock::ShareUpdateExclusive, "ShareUpdateExclusiveLock"),
    (TableLock::Share, "ShareLock"),
    (TableLock::ShareRowExclusive, "ShareRowExclusiveLock"),
    (TableLock::Exclusive, "ExclusiveLock"),
    (TableLock::AccessExclusive, "AccessExclusiveLock"),
];

/// Tables, advisory locks and transactions. Rows are locked by a hash of their
/// keys, which tells nothing, so a wait for one is shown as PostgreSQL shows
/// it: as a wait for the transaction that has it.
pub fn pg_locks(context: &CatalogContext, rows: &mut Rows) {
    let all = backends(context);
    let Some(own) = context.facts().backend.as_ref() else {
        return;
    };
    let locks = own.db().locks();
    let named = |id: TxnId| all.iter().find(|one| one.transaction() == Some(id));
    let mut seen_waiting = Vec::new();
    for table in context.catalog().tables() {
        let key = locks.table_key(table.id.0);
        let (holders, waiters) = locks.state_of(key);
        let mut add = |(id, modes): (TxnId, Modes), granted: bool| {
            let Some(backend) = named(id) else { return };
            for (mode, name) in TABLE_MODES {
                if modes.contains(mode.bit()) {
                    rows.add([
                        ("locktype", "relation".into()),
                        ("database", DATABASE.into()),
                        ("relation", table.oid.into()),
                        ("virtualtransaction", virtual_transaction(backend).into()),
                        ("pid", backend.pid.into()),
                        ("mode", name.into()),
                        ("granted", granted.into()),
                        ("fastpath", false.into()),
                    ]);
                }
            }
        };
        holders.into_iter().for_each(|one| add(one, true));
        for waiter in waiters {
            seen_waiting.push(waiter.0);
            add(waiter, false);
        }
    }
    for one in &all {
        for (key, mode, held) in one.advisory.list() {
            let waits = !held && waits(one, one.owner());
            if !held && !waits {
                continue;
            }
            let (class, object, sub) = key.parts();
            rows.add([
                ("locktype", "advisory".into()),
                ("database", DATABASE.into()),
                ("classid", class.into()),
                ("objid", object.into()),
                ("objsubid", sub.into()),
                ("virtualtransaction", virtual_transaction(one).into()),
                ("pid", one.pid.into()),
                ("mode", mode.name().into()),
                ("granted", held.into()),
                ("fastpath", false.into()),
            ]);
        }
        transaction_locks(one, &all, rows, &seen_waiting);
    }
}

fn transaction_locks(
    one: &Arc<Backend>,
    all: &[Arc<Backend>],
    rows: &mut Rows,
    seen_waiting: &[TxnId],
) {
    let Some(id) = one.transaction() else { return };
    let virtual_id = virtual_transaction(one);
    rows.add([
        ("locktype", "virtualxid".into()),
        ("virtualxid", virtual_id.as_str().into()),
        ("virtualtransaction", virtual_id.as_str().into()),
        ("pid", one.pid.into()),
        ("mode", "ExclusiveLock".into()),
        ("granted", true.into()),
        ("fastpath", true.into()),
    ]);
    if let Some(number) = one.assigned_number() {
        rows.add([
            ("locktype", "transactionid".into()),
            ("transactionid", number.to_string().into()),
            ("virtualtransaction", virtual_id.as_str().into()),
            ("pid", one.pid.into()),
            ("mode", "ExclusiveLock".into()),
            ("granted", true.into()),
            ("fastpath", false.into()),
        ]);
    }
    let advisory = one.advisory.list().iter().any(|(_, _, held)| !held);
    let waits = one.db().locks().wait_of(id);
    let Some((_, blockers)) = waits.filter(|_| !seen_waiting.contains(&id) && !advisory) else {
        return;
    };
    let blocker = all
        .iter()
        .find(|other| other.transaction().is_some_and(|id| blockers.contains(&id)));
    rows.add([
        ("locktype", "transactionid".into()),
        (
            "transactionid",
            blocker
                .and_then(|other| other.assigned_number())
                .map(|number| number.to_string())
                .into(),
        ),
        ("virtualtransaction", virtual_id.into()),
        ("pid", one.pid.into()),
        ("mode", "ShareLock".into()),
        ("granted", false.into()),
        ("fastpath", false.into()),
    ]);
}

fn virtual_transaction(backend: &Backend) -> String {
    format!(
        "{}/{}",
        backend.pid,
        backend.transaction().map_or(0, |id| id.0)
    )
}

pub fn pg_cursors(context: &CatalogContext, rows: &mut Rows) {
    let Some(own) = context.facts().backend.as_ref() else {
        return;
    };
    for cursor in own.cursors.lock().iter() {
        rows.add([
            ("name", cursor.name.as_str().into()),
            ("statement", cursor.statement.as_str().into()),
            ("is_holdable", cursor.hold.into()),
            ("is_binary", cursor.binary.into()),
            ("is_scrollable", cursor.scroll.into()),
            ("creation_time", Cell::Micros(cursor.created_micros)),
        ]);
    }
}

pub fn pg_prepared_statements(context: &CatalogContext, rows: &mut Rows) {
    let Some(own) = context.facts().backend.as_ref() else {
        return;
    };
    for (name, prepared) in own.prepared.lock().iter() {
        let statement = &prepared.statement;
        let types = statement.params.iter().map(|of| i64::from(of.oid()));
        rows.add([
            ("name", name.as_str().into()),
            ("statement", statement.sql.as_str().into()),
            ("prepare_time", Cell::Micros(prepared.micros)),
            ("parameter_types", Cell::Ints(types.collect())),
            ("from_sql", prepared.from_sql.into()),
            ("generic_plans", 0.into()),
            ("custom_plans", 0.into()),
        ]);
    }
}
