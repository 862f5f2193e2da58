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
use orbit_core::cancel::CancelToken;
use orbit_core::catalog::{
    AUDIT_TABLE, BOOTSTRAP_ROLE, CatalogChange, Column, PrimaryKey, TableDef,
};
use orbit_core::database::Database;
use orbit_core::store::{Direction, KeyRange};

use orbit_core::txn::{self, Isolation};
use orbit_core::types::SqlType;
use orbit_core::value::Value;
use orbit_core::{Error, Result};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::mpsc;

const INSERT: &str = "INSERT INTO orbit.audit VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
/// Of a statement's text as much is kept.
const MAX_DETAIL_BYTES: usize = 2000;
/// Logins that wait to be written.
const QUEUE: usize = 1024;
/// Written in one transaction.
const BATCH: usize = 256;
/// After so many rows the oldest are looked at.
const PRUNE_EVERY: usize = 1000;

/// Rows between two breaths for other tasks, and deleted in one transaction.
const BREATH_ROWS: u64 = 1000;

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
    if db
        .read()
        .catalog()
        .table(NODE_SCHEMA, AUDIT_TABLE)
        .is_some()
    {
        return Ok(());
    }
    let column = |(name, sql_type, not_null): (&str, SqlType, bool)| Column {
        name: name.to_owned(),
        sql_type,
        precision: None,
        not_null,
        default: None,
        generated: None,
        identity: None,
        sequence: None,
        missing: None,
        created: db.new_creation_stamp(),
        kind: Default::default(),
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
        name: AUDIT_TABLE.to_owned(),
        columns: columns.into_iter().map(column).collect(),
        primary_key: Some(PrimaryKey {
            constraint: "audit_pkey".to_owned(),
            columns: vec![0, 1],
            oid: db.new_oid(),
            include: Vec::new(),
        }),
        checks: Vec::new(),
        dropped: Vec::new(),
        computed: Vec::new(),
        foreign_keys: Vec::new(),
        indexes: Vec::new(),
        options: std::collections::BTreeMap::new(),
        statistics: None,
        series: None,
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
    match prune {
        true => prune_rows(engine.db(), keep).await,
        false => Ok(()),
    }
}

/// Deletes the oldest rows, which are the first: those too old, and those too many. It
/// reads the table itself, since a node that answers by key alone shouldn't have to wake
/// the planner for its own sake.
async fn prune_rows(db: &Arc<Database>, keep: Keep) -> Result<()> {
    let age = i64::try_from(keep.age.as_micros()).unwrap_or(i64::MAX);
    let oldest = db.clock().wall_micros().saturating_sub(age);
    let mut transaction = db.begin(Isolation::ReadCommitted);
    let view = transaction.begin_statement();
    let Some(table) = view.catalog().table(NODE_SCHEMA, AUDIT_TABLE).cloned() else {
        return Ok(());
    };
    let mut count = 0u64;
    let mut scan = view.scan(&table, KeyRange::default(), Direction::Forward)?;
    while scan.next()?.is_some() {
        count += 1;
        if count.is_multiple_of(BREATH_ROWS) {
            tokio::task::yield_now().await;
        }
    }
    let mut too_many = count.saturating_sub(keep.rows);
    let mut scan = view.scan(&table, KeyRange::default(), Direction::Forward)?;
    let mut deleted = 0u64;
    while let Some((pk, row)) = scan.next()? {
        let at = txn::decode(&table, row)?.into_iter().next();
        let too_old = matches!(at, Some(Value::TimestampTz(at)) if at < oldest);
        if too_many == 0 && !too_old {
            break;
        }
        too_many = too_many.saturating_sub(1);
        transaction.delete(&table, pk).await?;
        deleted += 1;
        if deleted.is_multiple_of(BREATH_ROWS) {
            let full = std::mem::replace(&mut transaction, db.begin(Isolation::ReadCommitted));
            full.commit().await?;
        }
    }
    let id = table.id;
    transaction.commit().await?;
    match deleted {
        0 => Ok(()),
        // They were the table's first, which every scan would go over for ever.
        _ => db.vacuum(Some(id), &CancelToken::new()).await,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use orbit_core::store::Space;

    #[tokio::test]
    async fn the_oldest_rows_go() {
        let engine = testing::engine();
        let all = Keep {
            rows: u64::MAX,
            age: Duration::MAX,
        };
        engine.start_audit(all).await.unwrap();
        let login = Login {
            role: "orbit".to_owned(),
            address: [127, 0, 0, 1].into(),
            detail: String::new(),
            failed: None,
        };
        let logins = vec![login; 2500];
        write_batch(&engine, &logins, 0, all, false).await.unwrap();
        let mut client = testing::connect(&engine);
        let mut left = async || {
            client
                .say("SELECT count(*), max(nth) FROM orbit.audit")
                .await
        };
        let newest = left().await;
        assert!(newest[0].starts_with("2500|"), "{newest:?}");

        prune_rows(engine.db(), all).await.unwrap();
        assert_eq!(left().await, newest);
        let some = Keep { rows: 1200, ..all };
        prune_rows(engine.db(), some).await.unwrap();
        let kept = newest[0].replace("2500", "1200");
        assert_eq!(left().await[0], kept);
        let young = Keep {
            age: Duration::from_secs(3600),
            ..all
        };
        prune_rows(engine.db(), young).await.unwrap();
        assert_eq!(left().await[0], kept);
        let none = Keep {
            age: Duration::ZERO,
            ..all
        };
        prune_rows(engine.db(), none).await.unwrap();
        assert!(left().await[0].starts_with("0|"));
        let view = engine.db().durable();
        let table = view.catalog.table(NODE_SCHEMA, AUDIT_TABLE).unwrap();
        let prefix = orbit_core::key::data_prefix(table.partition, table.storage);
        let range = KeyRange::prefix(&prefix);
        let snapshot = view.snapshot.clone();
        let mut stored = snapshot
            .scan(Space::Data, range, Direction::Forward)
            .unwrap();
        assert!(!stored.advance().unwrap(), "no dead row is left");
    }
}
