//! Random clients that make a history against a server.
//!
//! Every road is taken: single rows and ranges, with and without locks, by the point
//! path and the planner, by text and prepared, UPDATE and upsert, in blocks of both
//! levels, alone, and inside savepoints that are taken back.

mod session;

use super::{Act, History, Key, Kind, Level, Moment, NEVER, Outcome, Seen, Span, Transaction};
use crate::Random;
use crate::server::Server;
use session::{Argument, Failed, Session};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;
use tokio::task::JoinHandle;

pub const TABLES: &str = "
    CREATE TABLE lists (id int PRIMARY KEY, items text NOT NULL);
    CREATE TABLE arrays (id int PRIMARY KEY, items bigint[] NOT NULL);
    CREATE TABLE registers (id int PRIMARY KEY, version bigint NOT NULL, value bigint NOT NULL);
    CREATE TABLE members (value bigint PRIMARY KEY, grp int NOT NULL);
    CREATE INDEX members_grp ON members (grp)";

/// Objects of one kind that are in use at one time.
const WINDOW: u32 = 5;
/// Writes after which the window moves on by one.
const WRITES_EACH: u64 = 60;
const LONGEST: u64 = 6;

/// What the clients of all rounds share.
pub struct Load {
    started: Instant,
    next_value: AtomicU64,
    writes: AtomicU64,
    operations: AtomicUsize,
    stop: AtomicBool,
}

impl Default for Load {
    fn default() -> Self {
        Load {
            started: Instant::now(),
            next_value: AtomicU64::new(1),
            writes: AtomicU64::new(0),
            operations: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        }
    }
}

impl Load {
    pub fn operations(&self) -> usize {
        self.operations.load(Ordering::Relaxed)
    }

    /// Clients end with the transaction they are in.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub async fn clients(
        self: &Arc<Self>,
        server: &Server,
        random: &mut Random,
        count: usize,
    ) -> Vec<JoinHandle<Result<Vec<Transaction>, String>>> {
        let mut clients = Vec::new();
        for _ in 0..count {
            let session = Session::open(server.connect().await).await;
            let client = Client {
                load: self.clone(),
                random: Random(random.next()),
                session,
                done: Vec::new(),
            };
            clients.push(tokio::spawn(client.run()));
        }
        clients
    }

    /// Reads everything there is, in one transaction: the end of the history.
    pub async fn last_read(&self, server: &Server, history: &mut History) {
        let mut session = Session::open(server.connect().await).await;
        let last = self.first_key() + WINDOW;
        let from = self.now();
        let mut saw = Vec::new();
        let mut values: std::collections::HashMap<Key, Vec<u64>> = Default::default();
        for (sql, kind) in [
            ("SELECT id, items FROM lists", Kind::List),
            ("SELECT id, items FROM arrays", Kind::List),
            ("SELECT grp, value FROM members", Kind::Set),
        ] {
            for row in session.ask(sql, &[], false).await.expect(sql) {
                let key = Key {
                    kind,
                    id: number(&row, 0) as u32,
                };
                let items = words(row.get(1).map_or("", String::as_str));
                values.entry(key).or_default().extend(items);
            }
        }
        for id in 0..=last {
            for kind in [Kind::List, Kind::Set] {
                let key = Key { kind, id };
                let mut values = values.remove(&key).unwrap_or_default();
                if kind == Kind::Set {
                    values.sort_unstable();
                }
                saw.push((key, Seen::Values(values)));
            }
        }
        let sql = "SELECT id, version, value FROM registers";
        for row in session.ask(sql, &[], false).await.expect(sql) {
            let key = Key {
                kind: Kind::Register,
                id: number(&row, 0) as u32,
            };
            let seen = Seen::Version {
                number: number(&row, 1),
                value: number(&row, 2),
            };
            saw.push((key, seen));
        }
        let span = Span {
            from,
            to: self.now(),
        };
        history.transactions.push(Transaction {
            level: Level::ReadCommitted,
            acts: vec![Act::Read {
                span,
                locked: false,
                saw,
            }],
            outcome: Outcome::Committed,
            commit: span,
        });
    }

    fn now(&self) -> Moment {
        self.started.elapsed().as_nanos() as Moment
    }

    fn value(&self) -> u64 {
        self.next_value.fetch_add(1, Ordering::Relaxed)
    }

    fn first_key(&self) -> u32 {
        (self.writes.load(Ordering::Relaxed) / WRITES_EACH) as u32
    }
}

fn number(row: &[String], column: usize) -> u64 {
    row.get(column)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

/// `" 1 2"`, `"{1,2}"` or `"12"`.
fn words(text: &str) -> Vec<u64> {
    text.split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|word| word.parse().ok())
        .collect()
}

/// Where a list lives: text by the point path, arrays by the planner.
fn table(id: u32) -> &'static str {
    if id.is_multiple_of(2) {
        "lists"
    } else {
        "arrays"
    }
}

struct Client {
    load: Arc<Load>,
    random: Random,
    session: Session,
    done: Vec<Transaction>,
}

impl Client {
    /// `Err`: an answer no client should get.
    async fn run(mut self) -> Result<Vec<Transaction>, String> {
        while !self.load.stop.load(Ordering::Relaxed) {
            match self.transaction().await {
                Ok(()) => {}
                Err(Failed::Gone) => break,
                Err(Failed::Odd(said)) => return Err(said),
                Err(Failed::Retry) => return Err("a failure outside a transaction".to_owned()),
            }
        }
        Ok(self.done)
    }

    fn finish(&mut self, level: Level, acts: Vec<Act>, outcome: Outcome, commit: Span) {
        let writes = acts.iter().filter(|act| matches!(act, Act::Write { .. }));
        let writes = writes.count() as u64;
        self.load.writes.fetch_add(writes, Ordering::Relaxed);
        let transaction = Transaction {
            level,
            acts,
            outcome,
            commit,
        };
        let one = History {
            transactions: vec![transaction],
        };
        self.load
            .operations
            .fetch_add(one.operations(), Ordering::Relaxed);
        self.done.extend(one.transactions);
    }

    async fn transaction(&mut self) -> Result<(), Failed> {
        if self.random.below(4) == 0 {
            return self.single().await;
        }
        let (level, begin) = match self.random.below(5) {
            0 | 1 => (Level::ReadCommitted, "BEGIN"),
            2 => (Level::ReadCommitted, "BEGIN ISOLATION LEVEL READ COMMITTED"),
            _ => (
                Level::RepeatableRead,
                "BEGIN ISOLATION LEVEL REPEATABLE READ",
            ),
        };
        self.session.say(begin).await?;
        let mut acts = Vec::new();
        let mut ended = Ok(());
        for _ in 0..1 + self.random.below(LONGEST) {
            ended = self.act(level, true, &mut acts).await;
            if ended.is_err() {
                break;
            }
        }
        let from = self.load.now();
        if ended.is_ok() && self.random.below(10) > 0 {
            let said = self.session.say("COMMIT").await;
            let commit = Span {
                from,
                to: self.load.now(),
            };
            let (outcome, commit) = match said {
                Ok(_) => (Outcome::Committed, commit),
                Err(Failed::Gone) => (Outcome::Unknown, Span { from, to: NEVER }),
                Err(_) => (Outcome::Aborted, commit),
            };
            self.finish(level, acts, outcome, commit);
            return match said {
                Err(Failed::Retry) | Ok(_) => Ok(()),
                Err(other) => Err(other),
            };
        }
        if !matches!(ended, Err(Failed::Gone)) {
            let said = self.session.say("ROLLBACK").await;
            if let (Ok(()), Err(failed)) = (&ended, said) {
                ended = Err(failed);
            }
        }
        let commit = Span {
            from,
            to: self.load.now(),
        };
        self.finish(level, acts, Outcome::Aborted, commit);
        match ended {
            Err(Failed::Retry) | Ok(()) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// One statement that is its own transaction.
    async fn single(&mut self) -> Result<(), Failed> {
        let mut acts = Vec::new();
        let from = self.load.now();
        let ended = self.act(Level::ReadCommitted, false, &mut acts).await;
        let outcome = match ended {
            Ok(()) => Outcome::Committed,
            Err(Failed::Gone) => Outcome::Unknown,
            Err(_) => Outcome::Aborted,
        };
        let to = if outcome == Outcome::Unknown {
            NEVER
        } else {
            self.load.now()
        };
        self.finish(Level::ReadCommitted, acts, outcome, Span { from, to });
        match ended {
            Err(Failed::Retry) => Ok(()),
            other => other,
        }
    }

    fn key(&mut self, kind: Kind) -> Key {
        let first = self.load.first_key();
        let id = first + self.random.below(WINDOW.into()) as u32;
        Key { kind, id }
    }

    async fn act(&mut self, level: Level, block: bool, acts: &mut Vec<Act>) -> Result<(), Failed> {
        match self.random.below(100) {
            0..25 => self.append(acts, true).await,
            25..28 if block => {
                self.session.say("SAVEPOINT s").await?;
                self.append(acts, false).await?;
                self.session.say("ROLLBACK TO s").await.map(drop)
            }
            25..45 => self.read_list(false, acts).await,
            45..55 => self.read_range(false, acts).await,
            55..61 => self.read_list(true, acts).await,
            61..66 => self.read_range(true, acts).await,
            66..74 => self.bump(block, acts).await,
            74..80 if block => self.read_then_write(level, acts).await,
            74..86 => self.read_register(false, acts).await.map(drop),
            86..93 => self.join(acts).await,
            _ => self.read_set(acts).await,
        }
    }

    /// A write that may not have been answered is in the history before it is sent.
    async fn write(
        &mut self,
        acts: &mut Vec<Act>,
        key: Key,
        kept: bool,
        sql: &str,
        arguments: impl FnOnce(u64) -> Vec<Argument>,
    ) -> Result<Vec<Vec<String>>, Failed> {
        let value = self.load.value();
        let prepared = self.random.below(2) == 0;
        let from = self.load.now();
        let said = self.session.ask(sql, &arguments(value), prepared).await;
        let gone = matches!(said, Err(Failed::Gone));
        let to = if gone { NEVER } else { self.load.now() };
        let rows = match said {
            Ok(rows) => rows,
            // Alone, it may have been committed all the same; which version it became of
            // a register is then not known, and such are written in blocks only.
            Err(Failed::Gone) => Vec::new(),
            Err(other) => return Err(other),
        };
        let span = Span { from, to };
        if gone || !rows.is_empty() {
            let number = rows.first().map_or(0, |row| number(row, 0));
            acts.push(Act::Write {
                span,
                key,
                value,
                number,
                kept,
            });
        } else {
            // It found nothing to write, and took the transaction's snapshot for that.
            acts.push(Act::Read {
                span,
                locked: false,
                saw: Vec::new(),
            });
        }
        if gone { Err(Failed::Gone) } else { Ok(rows) }
    }

    async fn append(&mut self, acts: &mut Vec<Act>, kept: bool) -> Result<(), Failed> {
        let key = self.key(Kind::List);
        let (table, id) = (table(key.id), key.id as i32);
        let text = table == "lists";
        let argument = |value: u64| {
            let value = match text {
                true => Argument::Text(format!(" {value}")),
                false => Argument::Big(value as i64),
            };
            vec![Argument::Int(id), value]
        };
        let condition = match self.random.below(4) {
            0 => "id + 0 = $1",
            _ => "id = $1",
        };
        if self.random.below(4) > 0 {
            let sql =
                format!("UPDATE {table} SET items = items || $2 WHERE {condition} RETURNING id");
            let rows = self.write(acts, key, kept, &sql, argument).await?;
            if !rows.is_empty() {
                return Ok(());
            }
        }
        let first = if text { "$2" } else { "ARRAY[$2::bigint]" };
        let sql = format!(
            "INSERT INTO {table} VALUES ($1, {first}) \
             ON CONFLICT (id) DO UPDATE SET items = {table}.items || excluded.items RETURNING id"
        );
        self.write(acts, key, kept, &sql, argument).await.map(drop)
    }

    fn lock(&mut self) -> &'static str {
        match self.random.below(3) {
            0 => " FOR UPDATE",
            1 => " FOR NO KEY UPDATE",
            _ => " FOR SHARE",
        }
    }

    async fn read_list(&mut self, locked: bool, acts: &mut Vec<Act>) -> Result<(), Failed> {
        let key = self.key(Kind::List);
        let lock = if locked { self.lock() } else { "" };
        let sql = format!(
            "SELECT id, items FROM {} WHERE id = $1{lock}",
            table(key.id)
        );
        let id = Argument::Int(key.id as i32);
        self.lists(&[key], locked, &sql, vec![id], acts).await
    }

    async fn read_range(&mut self, locked: bool, acts: &mut Vec<Act>) -> Result<(), Failed> {
        let first = self.key(Kind::List).id;
        let last = first + 1 + self.random.below(WINDOW.into()) as u32;
        let table = table(first);
        let lock = if locked { self.lock() } else { "" };
        let sql = format!("SELECT id, items FROM {table} WHERE id BETWEEN $1 AND $2{lock}");
        let ids = vec![Argument::Int(first as i32), Argument::Int(last as i32)];
        let keys: Vec<Key> = (first..=last)
            .step_by(2)
            .map(|id| Key {
                kind: Kind::List,
                id,
            })
            .collect();
        self.lists(&keys, locked, &sql, ids, acts).await
    }

    /// Both tables in one statement, by the planner.
    async fn join(&mut self, acts: &mut Vec<Act>) -> Result<(), Failed> {
        let first = self.key(Kind::List).id;
        let last = first + 2;
        let sql = "SELECT id, items FROM lists WHERE id BETWEEN $1 AND $2 UNION ALL \
                   SELECT id, array_to_string(items, ' ') FROM arrays WHERE id BETWEEN $1 AND $2";
        let ids = vec![Argument::Int(first as i32), Argument::Int(last as i32)];
        let keys: Vec<Key> = (first..=last)
            .map(|id| Key {
                kind: Kind::List,
                id,
            })
            .collect();
        self.lists(&keys, false, sql, ids, acts).await
    }

    async fn lists(
        &mut self,
        keys: &[Key],
        locked: bool,
        sql: &str,
        arguments: Vec<Argument>,
        acts: &mut Vec<Act>,
    ) -> Result<(), Failed> {
        let prepared = self.random.below(2) == 0;
        let from = self.load.now();
        let rows = self.session.ask(sql, &arguments, prepared).await?;
        let span = Span {
            from,
            to: self.load.now(),
        };
        let mut saw = Vec::new();
        for &key in keys {
            let row = rows.iter().find(|row| number(row, 0) == u64::from(key.id));
            match row.and_then(|row| row.get(1)) {
                Some(items) => saw.push((key, Seen::Values(words(items)))),
                // A row that isn't there can't be locked.
                None if !locked => saw.push((key, Seen::Values(Vec::new()))),
                None => {}
            }
        }
        acts.push(Act::Read { span, locked, saw });
        Ok(())
    }

    async fn bump(&mut self, block: bool, acts: &mut Vec<Act>) -> Result<(), Failed> {
        if !block || self.random.below(2) == 0 {
            let key = self.key(Kind::Set);
            let id = key.id as i32;
            let sql = "INSERT INTO members VALUES ($2, $1) RETURNING grp";
            let argument = |value: u64| vec![Argument::Int(id), Argument::Big(value as i64)];
            return self.write(acts, key, true, sql, argument).await.map(drop);
        }
        let key = self.key(Kind::Register);
        let id = key.id as i32;
        let sql = "INSERT INTO registers VALUES ($1, 1, $2) ON CONFLICT (id) DO UPDATE \
                   SET version = registers.version + 1, value = excluded.value RETURNING version";
        let argument = |value: u64| vec![Argument::Int(id), Argument::Big(value as i64)];
        self.write(acts, key, true, sql, argument).await.map(drop)
    }

    async fn read_register(
        &mut self,
        locked: bool,
        acts: &mut Vec<Act>,
    ) -> Result<Option<(Key, u64)>, Failed> {
        let key = self.key(Kind::Register);
        let lock = if locked { " FOR UPDATE" } else { "" };
        let sql = format!("SELECT version, value FROM registers WHERE id = $1{lock}");
        let prepared = self.random.below(2) == 0;
        let from = self.load.now();
        let arguments = [Argument::Int(key.id as i32)];
        let rows = self.session.ask(&sql, &arguments, prepared).await?;
        let span = Span {
            from,
            to: self.load.now(),
        };
        let Some(row) = rows.first() else {
            let none = Seen::Version {
                number: 0,
                value: 0,
            };
            let saw = if locked {
                Vec::new()
            } else {
                vec![(key, none)]
            };
            acts.push(Act::Read {
                span,
                locked: false,
                saw,
            });
            return Ok(None);
        };
        let seen = Seen::Version {
            number: number(row, 0),
            value: number(row, 1),
        };
        acts.push(Act::Read {
            span,
            locked,
            saw: vec![(key, seen)],
        });
        Ok(Some((key, number(row, 0))))
    }

    /// Reads a version and writes the next one by its number: two that do so at once
    /// would write the same. READ COMMITTED needs the lock for that, a snapshot doesn't.
    async fn read_then_write(&mut self, level: Level, acts: &mut Vec<Act>) -> Result<(), Failed> {
        let locked = level == Level::ReadCommitted || self.random.below(3) == 0;
        let Some((key, version)) = self.read_register(locked, acts).await? else {
            return Ok(());
        };
        if self.random.below(2) == 0 {
            tokio::task::yield_now().await;
        }
        let sql = "UPDATE registers SET version = $3, value = $2 WHERE id = $1 RETURNING version";
        let argument = |value: u64| {
            vec![
                Argument::Int(key.id as i32),
                Argument::Big(value as i64),
                Argument::Big(version as i64 + 1),
            ]
        };
        self.write(acts, key, true, sql, argument).await.map(drop)
    }

    async fn read_set(&mut self, acts: &mut Vec<Act>) -> Result<(), Failed> {
        let key = self.key(Kind::Set);
        let sql = match self.random.below(3) {
            0 => "SELECT value FROM members WHERE grp + 0 = $1",
            1 => "SELECT value FROM members WHERE grp = $1 ORDER BY value",
            _ => "SELECT value FROM members WHERE grp = $1",
        };
        let prepared = self.random.below(2) == 0;
        let from = self.load.now();
        let arguments = [Argument::Int(key.id as i32)];
        let rows = self.session.ask(sql, &arguments, prepared).await?;
        let span = Span {
            from,
            to: self.load.now(),
        };
        let mut values: Vec<u64> = rows.iter().map(|row| number(row, 0)).collect();
        values.sort_unstable();
        let saw = vec![(key, Seen::Values(values))];
        acts.push(Act::Read {
            span,
            locked: false,
            saw,
        });
        Ok(())
    }
}
