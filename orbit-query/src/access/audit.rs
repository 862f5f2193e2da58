//! `orbit.audit`: who came in, who was turned away, and who changed what exists or
//! who may do what.
//!
//! A change is noted in the transaction that makes it, so neither is there without
//! the other. Logins are gathered and written by a task of their own; where they
//! come faster than the disk takes them, some are only counted. Clients read the
//! table if they are superusers and write it never. The oldest rows go when there
//! are too many or they are too old.
//!
//! The table is in no listing of what exists: it is the node's, not the
//! application's, and goes into no dump of it.

use super::need::NODE_SCHEMA;
use super::statement::{AccessStatement, RoleName, RoleOption};
use crate::engine::{Engine, SessionInit};
use crate::session::Session;
use crate::statement::utility::Utility;
use orbit_core::catalog::{BOOTSTRAP_ROLE, CatalogChange, Column, PrimaryKey, TableDef};
use orbit_core::txn::Isolation;
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::mpsc;

const TABLE: &str = "audit";
const INSERT: &str = "INSERT INTO orbit.audit VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
/// Of a statement's text as much is kept.
const MAX_DETAIL_BYTES: usize = 2000;
/// Logins that wait to be written.
const QUEUE: usize = 1024;
/// Written in one transaction.
const BATCH: usize = 256;
/// After so many rows the oldest are looked at.
const PRUNE_EVERY: usize = 1000;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    pub rows: u64,
    pub age: Duration,
}

/// Somebody came in, or didn't.
#[derive(Clone, Debug)]
pub struct Login {
    pub role: String,
    pub address: IpAddr,
    /// How he proved who he is, or why he was turned away.
    pub detail: String,
    pub failed: Option<String>,
}

/// Where events of an engine go.
pub struct Audit {
    logins: mpsc::Sender<Login>,
    lost: Arc<AtomicU64>,
    /// Tells apart what happened in one microsecond.
    nth: AtomicU64,
}

impl Audit {
    /// Makes the table on the first start, and begins to write. Ends with the engine.
    pub async fn start(engine: &Arc<Engine>, keep: Keep) -> Result<Audit> {
        create(engine).await?;
        let (logins, queue) = mpsc::channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        tokio::spawn(write(Arc::downgrade(engine), queue, lost.clone(), keep));
        Ok(Audit {
            logins,
            lost,
            nth: AtomicU64::new(0),
        })
    }

    pub fn login(&self, login: Login) {
        if self.logins.try_send(login).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn next(&self) -> i32 {
        // Only neighbours must differ.
        (self.nth.fetch_add(1, Ordering::Relaxed) & 0x7fff_ffff) as i32
    }
}

async fn create(engine: &Arc<Engine>) -> Result<()> {
    let db = engine.db().clone();
    if db.read().catalog().table(NODE_SCHEMA, TABLE).is_some() {
        return Ok(());
    }
    let column = |(name, sql_type, not_null): (&str, SqlType, bool)| Column {
        name: name.to_owned(),
        sql_type,
        not_null,
        default: None,
        generated: None,
        identity: None,
        sequence: None,
        missing: None,
        created: db.new_creation_stamp(),
    };
    let columns = [
        ("at", SqlType::TimestampTz, true),
        ("nth", SqlType::Int4, true),
        ("event", SqlType::Text, true),
        ("role", SqlType::Text, false),
        ("session_role", SqlType::Text, false),
        ("address", SqlType::Text, false),
        ("sqlstate", SqlType::Text, false),
        ("detail", SqlType::Text, false),
    ];
    let table = TableDef {
        id: db.new_table_id(),
        oid: db.new_oid(),
        partition: db.new_partition_id(),
        storage: db.new_storage_id(),
        schema: NODE_SCHEMA.to_owned(),
        name: TABLE.to_owned(),
        columns: columns.into_iter().map(column).collect(),
        primary_key: Some(PrimaryKey {
            constraint: "audit_pkey".to_owned(),
            columns: vec![0, 1],
            oid: db.new_oid(),
        }),
        checks: Vec::new(),
        dropped: Vec::new(),
        foreign_keys: Vec::new(),
        indexes: Vec::new(),
        options: std::collections::BTreeMap::new(),
        statistics: None,
        owner: BOOTSTRAP_ROLE,
        acl: None,
        temporary: false,
        created: db.new_creation_stamp(),
    };
    let mut transaction = db.begin(Isolation::ReadCommitted);
    transaction.change_catalog(CatalogChange::PutTable(Box::new(table)))?;
    transaction.commit().await
}

/// What happens to logins.
async fn write(
    engine: Weak<Engine>,
    mut queue: mpsc::Receiver<Login>,
    lost: Arc<AtomicU64>,
    keep: Keep,
) {
    let mut since_pruned = PRUNE_EVERY;
    let mut batch = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        let Some(engine) = engine.upgrade() else {
            return;
        };
        let lost = lost.swap(0, Ordering::Relaxed);
        since_pruned += batch.len();
        let written = write_batch(&engine, &batch, lost, keep, since_pruned >= PRUNE_EVERY).await;
        if since_pruned >= PRUNE_EVERY {
            since_pruned = 0;
        }
        if let Err(error) = written {
            tracing::warn!(%error, logins = batch.len(), "the audit was not written");
        }
        batch.clear();
    }
}

async fn write_batch(
    engine: &Arc<Engine>,
    batch: &[Login],
    lost: u64,
    keep: Keep,
    prune: bool,
) -> Result<()> {
    let mut session = engine.session(SessionInit {
        user: orbit_core::catalog::BOOTSTRAP_ROLE_NAME.to_owned(),
        database: "orbit".to_owned(),
        application: "orbit audit".to_owned(),
        // No client has it: it is cancelled by nobody.
        pid: -1,
        ..SessionInit::default()
    });
    session.become_node();
    for login in batch {
        let row = Row {
            event: match &login.failed {
                Some(_) => "LOGIN FAILED",
                None => "LOGIN",
            },
            role: &login.role,
            session_role: &login.role,
            address: Some(login.address),
            sqlstate: login.failed.as_deref(),
            detail: &login.detail,
        };
        insert(&mut session, &row).await?;
    }
    if lost > 0 {
        let row = Row {
            event: "LOGINS NOT WRITTEN",
            role: "",
            session_role: "",
            address: None,
            sqlstate: None,
            detail: &format!("{lost} more than could be written"),
        };
        insert(&mut session, &row).await?;
    }
    session.sync().await?;
    if prune {
        prune_rows(&mut session, keep).await?;
    }
    Ok(())
}

async fn prune_rows(session: &mut Session, keep: Keep) -> Result<()> {
    let now = session.engine().db().clock().wall_micros();
    let age = i64::try_from(keep.age.as_micros()).unwrap_or(i64::MAX);
    let sql = "DELETE FROM orbit.audit WHERE at < $1";
    let oldest = now.saturating_sub(age);
    run(session, sql, &[Value::TimestampTz(oldest)]).await?;
    let rows = i64::try_from(keep.rows).unwrap_or(i64::MAX);
    let sql = "DELETE FROM orbit.audit WHERE at <= (SELECT at FROM orbit.audit ORDER BY at DESC, nth DESC OFFSET $1 LIMIT 1)";
    run(session, sql, &[Value::Int8(rows)]).await?;
    session.sync().await
}

async fn run(session: &mut Session, sql: &str, params: &[Value]) -> Result<()> {
    let statement = session.prepare_inner(sql, &[]).await?;
    session.run_with(&statement, params).await.map(drop)
}

struct Row<'a> {
    event: &'a str,
    role: &'a str,
    session_role: &'a str,
    address: Option<IpAddr>,
    sqlstate: Option<&'a str>,
    detail: &'a str,
}

async fn insert(session: &mut Session, row: &Row<'_>) -> Result<()> {
    let engine = session.engine().clone();
    let nth = engine.audit().map_or(0, Audit::next);
    let text = |text: &str| Value::Text(text.to_owned());
    let params = [
        Value::TimestampTz(engine.db().clock().wall_micros()),
        Value::Int4(nth),
        text(row.event),
        text(row.role),
        text(row.session_role),
        row.address
            .map_or(Value::Null, |address| Value::Text(address.to_string())),
        row.sqlstate.map_or(Value::Null, text),
        text(cut(row.detail)),
    ];
    run(session, INSERT, &params).await
}

fn cut(detail: &str) -> &str {
    let mut end = detail.len().min(MAX_DETAIL_BYTES);
    while !detail.is_char_boundary(end) {
        end -= 1;
    }
    detail.get(..end).unwrap_or_default()
}

/// Notes a change that the statement has made, in its transaction.
pub(crate) async fn note(session: &mut Session, utility: &Utility, sql: &str) -> Result<()> {
    if session.engine().audit().is_none() || session.rights().internal {
        return Ok(());
    }
    let (event, detail) = match utility {
        // Their data is no change of what exists.
        Utility::Copy(_) | Utility::Positioned { .. } => return Ok(()),
        // Nobody else ever sees them.
        Utility::CreateTable(create) if create.temporary => return Ok(()),
        Utility::Access(statement) => (statement.tag(), described(statement, sql)),
        utility => match utility.writes() {
            Some(tag) => (tag, sql.to_owned()),
            None => return Ok(()),
        },
    };
    let facts = session.facts().clone();
    let row = Row {
        event,
        role: &facts.user,
        session_role: &facts.session_user,
        address: facts.address,
        sqlstate: None,
        detail: &detail,
    };
    let written = session.as_node(async |session| insert(session, &row).await);
    Box::pin(written).await
}

/// The statement without what must stay secret in it.
fn described(statement: &AccessStatement, sql: &str) -> String {
    let (verb, role, options) = match statement {
        AccessStatement::CreateRole { name, options, .. } => {
            ("CREATE ROLE", name.as_str(), options)
        }
        AccessStatement::AlterRole { role, options } => (
            "ALTER ROLE",
            match role {
                RoleName::Named(name) => name.as_str(),
                RoleName::Session => "SESSION_USER",
                RoleName::Current | RoleName::Public => "CURRENT_USER",
            },
            options,
        ),
        _ => return sql.to_owned(),
    };
    let words: Vec<_> = options.iter().map(RoleOption::word).collect();
    format!("{verb} {role} {}", words.join(" "))
        .trim_end()
        .to_owned()
}

impl Engine {
    /// Begins to keep `orbit.audit`.
    pub async fn start_audit(self: &Arc<Self>, keep: Keep) -> Result<()> {
        let audit = Audit::start(self, keep).await?;
        self.put_audit(audit)
            .map_err(|_| Error::internal("the audit was started twice"))
    }
}
