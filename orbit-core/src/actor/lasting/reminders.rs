//! Reminders: messages that an actor leaves for itself to get later, over restarts.
//!
//! A reminder is a row, set in the commit of the turn that asked for it. When its time has
//! come its actor is sent the message; the row goes, or moves to the next time, in the
//! commit of the turn that the message led to. So it takes effect once: a turn that a crash
//! cut off left its reminder due. A turn that fails is tried again after a pause that
//! doubles.

use super::super::job::{Running, Waiting};
use super::super::refusal::panicked;
use super::super::roster::KindEntry;
use super::super::runtime::{Inner, quietly};
use super::super::turn::Turn;
use crate::catalog::{REMINDERS_TABLE, Table};
use crate::database::own::{Shape, ensure, key_of};
use crate::database::{Database, ReadView};
use crate::error::{Error, Result, state};
use crate::lock::{RowLock, Wait};
use crate::store::{Direction, KeyRange};
use crate::txn::{Isolation, Transaction, decode};
use crate::types::SqlType;
use crate::value::{Interval, Value};
use ahash::AHashSet;
use parking_lot::Mutex;
use std::any::{Any, TypeId};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Notify;

const SHAPE: Shape = Shape {
    name: REMINDERS_TABLE,
    columns: &[
        ("kind", SqlType::Text),
        ("id", SqlType::Text),
        ("name", SqlType::Text),
        ("due", SqlType::TimestampTz),
        ("every?", SqlType::Interval),
        ("message", SqlType::Text),
        ("body", SqlType::Jsonb),
        ("failures", SqlType::Int4),
    ],
    key: 3,
    index: Some(3),
};
const DUE: usize = 3;
const FAILURES: usize = 7;

/// The wall clock may jump: it is looked at again after so long.
const LOOK: Duration = Duration::from_secs(5);
/// One that can't be put off for want of a writable store is tried again after so long.
const STUCK_PAUSE: Duration = Duration::from_secs(5);
/// No reminder comes more often.
const MOST_OFTEN: Duration = Duration::from_millis(1);
/// Handed out and not done yet.
const UNDER_WAY: usize = 256;
const FIRST_PAUSE_MICROS: i64 = 1_000_000;
const LONGEST_PAUSE_MICROS: i64 = 3_600_000_000;

/// When a reminder is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct When {
    first: First,
    every: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    After(Duration),
    At(i64),
}

impl When {
    /// Once, after so long.
    pub fn after(time: Duration) -> When {
        When {
            first: First::After(time),
            every: None,
        }
    }

    /// Once, at a moment in microseconds since 1970.
    pub fn at(wall_micros: i64) -> When {
        When {
            first: First::At(wall_micros),
            every: None,
        }
    }

    /// Again and again, for the first time after so long.
    pub fn every(time: Duration) -> When {
        When::after(time).then_every(time)
    }

    /// And again after so long each. Times that passed meanwhile are left out.
    #[must_use]
    pub fn then_every(self, time: Duration) -> When {
        When {
            every: Some(time.max(MOST_OFTEN)),
            ..self
        }
    }
}

/// What a turn does to its actor's reminders.
pub enum Change {
    Set {
        name: String,
        when: When,
        message: &'static str,
        body: String,
    },
    Cancel {
        name: String,
    },
}

/// A reminder that is set.
#[derive(Clone, Debug, PartialEq)]
pub struct Reminder {
    pub kind: String,
    pub id: String,
    pub name: String,
    pub due_micros: i64,
    pub every: Option<Duration>,
    pub message: String,
    pub body: String,
    pub failures: i32,
}

impl Reminder {
    fn read(table: &Table, row: &[u8]) -> Result<Reminder> {
        let damaged = || Error::corrupted("a row of orbit.actor_reminders is damaged");
        let values: [Value; 8] = decode(table, row)?.try_into().map_err(|_| damaged())?;
        let [kind, id, name, due, every, message, body, failures] = values;
        let text = |value| match value {
            Value::Text(text) => Ok(text),
            _ => Err(damaged()),
        };
        Ok(Reminder {
            kind: text(kind)?,
            id: text(id)?,
            name: text(name)?,
            due_micros: match due {
                Value::TimestampTz(due) => due,
                _ => return Err(damaged()),
            },
            every: match every {
                Value::Interval(every) => {
                    u64::try_from(every.micros).ok().map(Duration::from_micros)
                }
                _ => None,
            },
            message: text(message)?,
            body: text(body)?,
            failures: match failures {
                Value::Int4(failures) => failures,
                _ => 0,
            },
        })
    }

    fn key(&self) -> Result<Vec<u8>> {
        key_of(&[&self.kind, &self.id, &self.name])
    }

    /// The first time after `now`, at whole steps from when it was due.
    fn next(&self, now: i64) -> Option<i64> {
        let every = i64::try_from(self.every?.as_micros()).ok()?.max(1);
        let missed = now.saturating_sub(self.due_micros).max(0) / every;
        let steps = missed.checked_add(1)?.checked_mul(every)?;
        self.due_micros.checked_add(steps)
    }
}

/// After how many failures which pause.
fn pause_micros(failures: i32) -> i64 {
    let doubled = u32::try_from(failures.saturating_sub(1))
        .unwrap_or(0)
        .min(20);
    (FIRST_PAUSE_MICROS << doubled).min(LONGEST_PAUSE_MICROS)
}

pub struct Reminders {
    db: Arc<Database>,
    table: Arc<Table>,
    under_way: Mutex<AHashSet<Vec<u8>>>,
    changed: Notify,
}

impl Reminders {
    pub async fn open(db: &Arc<Database>) -> Result<Reminders> {
        Ok(Reminders {
            db: db.clone(),
            table: ensure(db, &SHAPE).await?,
            under_way: Mutex::default(),
            changed: Notify::new(),
        })
    }

    fn now(&self) -> i64 {
        self.db.clock().wall_micros()
    }

    /// Makes a turn's change part of its transaction.
    pub async fn apply(
        &self,
        transaction: &mut Transaction,
        kind: &str,
        id: &str,
        change: Change,
    ) -> Result<()> {
        transaction.begin_statement();
        let (name, when, message, body) = match change {
            Change::Cancel { name } => {
                let key = key_of(&[kind, id, &name])?;
                transaction.delete(&self.table, &key).await?;
                return Ok(());
            }
            Change::Set {
                name,
                when,
                message,
                body,
            } => (name, when, message, body),
        };
        let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        let due = match when.first {
            First::After(time) => self.now().saturating_add(micros(time)),
            First::At(at) => at,
        };
        let every = when.every.map_or(Value::Null, |time| {
            Value::Interval(Interval {
                micros: micros(time),
                ..Interval::default()
            })
        });
        let key = key_of(&[kind, id, &name])?;
        let text = |text: &str| Value::Text(text.to_owned());
        let row = vec![
            text(kind),
            text(id),
            Value::Text(name),
            Value::TimestampTz(due),
            every,
            text(message),
            Value::Text(body),
            Value::Int4(0),
        ];
        let locked = transaction
            .lock_row(&self.table, &key, RowLock::NoKeyUpdate, Wait::Block)
            .await?;
        match locked.row {
            None => transaction.insert(&self.table, row).await,
            Some(old) => {
                let changes = row.into_iter().enumerate().skip(SHAPE.key).collect();
                transaction
                    .update_locked(&self.table, &key, old, changes)
                    .await
            }
        }
    }

    /// Whether a reminder that was handed out is still set as it was.
    pub fn is_current(&self, view: &ReadView, reminder: &Reminder) -> Result<bool> {
        let mut row = Vec::new();
        if !view.get(&self.table, &reminder.key()?, &mut row)? {
            return Ok(false);
        }
        Ok(Reminder::read(&self.table, &row)? == *reminder)
    }

    /// Its turn is done: it goes, or moves to its next time, with what the turn did.
    pub async fn done(&self, transaction: &mut Transaction, reminder: &Reminder) -> Result<()> {
        transaction.begin_statement();
        let key = reminder.key()?;
        match reminder.next(self.now()) {
            None => transaction.delete(&self.table, &key).await.map(drop),
            Some(due) => transaction.update(&self.table, &key, moved(due, 0)).await,
        }
    }

    /// Its turn failed: it is tried again later.
    async fn put_off(&self, reminder: &Reminder) -> Result<()> {
        let mut transaction = self.db.begin(Isolation::ReadCommitted);
        transaction.begin_statement();
        let key = reminder.key()?;
        let locked = transaction
            .lock_row(&self.table, &key, RowLock::NoKeyUpdate, Wait::Block)
            .await?;
        let Some(row) = locked.row else {
            return Ok(());
        };
        if Reminder::read(&self.table, &row)? != *reminder {
            // Set anew meanwhile.
            return Ok(());
        }
        let failures = reminder.failures.saturating_add(1);
        let due = self.now().saturating_add(pause_micros(failures));
        let changes = moved(due, failures);
        transaction
            .update_locked(&self.table, &key, row, changes)
            .await?;
        transaction.commit().await
    }

    /// Something was set, or is done.
    pub fn note_change(&self) {
        self.changed.notify_one();
    }

    /// Sends those that are due; how long until the next look.
    fn hand_out(self: &Arc<Self>, runtime: &Arc<Inner>) -> Result<Duration> {
        let view = self.db.read();
        let index = &self.table.indexes[0];
        let mut scan =
            view.scan_index(&self.table, index, KeyRange::default(), Direction::Forward)?;
        let now = self.now();
        let mut row = Vec::new();
        while let Some(pk) = scan.next()? {
            if self.under_way.lock().contains(pk) {
                continue;
            }
            if !view.get(&self.table, pk, &mut row)? {
                continue;
            }
            let reminder = match Reminder::read(&self.table, &row) {
                Ok(reminder) => reminder,
                Err(error) => {
                    // It hides none of the others.
                    tracing::error!(%error, "a reminder can't be read");
                    continue;
                }
            };
            let early = reminder.due_micros.saturating_sub(now);
            if early > 0 {
                return Ok(LOOK.min(Duration::from_micros(early.cast_unsigned())));
            }
            let Some(under_way) = UnderWay::begin(self, pk) else {
                return Ok(LOOK);
            };
            self.hand_out_one(runtime, reminder, under_way);
        }
        Ok(LOOK)
    }

    fn hand_out_one(
        self: &Arc<Self>,
        runtime: &Arc<Inner>,
        reminder: Reminder,
        under_way: UnderWay,
    ) {
        let (kind, inner) = match message_of(runtime, &reminder) {
            Ok(message) => message,
            Err(error) => return self.failed(reminder, &error, under_way),
        };
        let key = under_way.key.clone();
        let id: Arc<str> = reminder.id.as_str().into();
        let firing = Firing {
            inner,
            reminder: reminder.clone(),
            reminders: self.clone(),
            under_way,
        };
        if let Err(error) = runtime.deliver(&kind, &id, Box::new(firing), false) {
            // Its mailbox is full, or it is broken: that is its own affair, and the next
            // one's turn. The message is gone, and the hold on the reminder with it.
            if !runtime.is_closed()
                && let Some(under_way) = UnderWay::begin(self, &key)
            {
                self.failed(reminder, &error, under_way);
            }
        }
    }

    fn failed(self: &Arc<Self>, reminder: Reminder, error: &Error, under_way: UnderWay) {
        tracing::warn!(
            kind = reminder.kind, id = reminder.id, name = reminder.name, %error,
            "a reminder failed; it is tried again later"
        );
        let own = self.clone();
        tokio::spawn(async move {
            if let Err(error) = own.put_off(&reminder).await {
                tracing::warn!(%error, "a reminder was not put off");
                let clock = own.db.clock();
                clock.sleep_until(clock.monotonic() + STUCK_PAUSE).await;
            }
            drop(under_way);
        });
    }

    /// Hands out what is due as long as the runtime is there.
    pub async fn run(self: Arc<Self>, runtime: Weak<Inner>) {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let Some(runtime) = runtime.upgrade() else {
                return;
            };
            if runtime.is_closed() {
                return;
            }
            let clock = runtime.clock.clone();
            let wait = self.hand_out(&runtime).unwrap_or_else(|error| {
                if !error.is(state::ADMIN_SHUTDOWN) {
                    tracing::warn!(%error, "reminders could not be read");
                }
                LOOK
            });
            drop(runtime);
            crate::clock::until(clock.as_ref(), clock.monotonic() + wait, changed).await;
        }
    }
}

/// The message that was written down, and the kind of whom it is for. What reads it is
/// users' code.
fn message_of(runtime: &Inner, reminder: &Reminder) -> Result<(Arc<KindEntry>, Box<dyn Waiting>)> {
    let kind = runtime.kind(&reminder.kind)?;
    let decoding = || kind.decode(&reminder.message, &reminder.body);
    let inner = catch_unwind(AssertUnwindSafe(decoding)).unwrap_or_else(|panic| {
        let error = panicked(kind.name, &reminder.id, panic.as_ref());
        quietly(|| drop(panic));
        Err(error)
    })?;
    Ok((kind, inner))
}

/// A reminder that comes at another time.
fn moved(due: i64, failures: i32) -> Vec<(usize, Value)> {
    vec![
        (DUE, Value::TimestampTz(due)),
        (FAILURES, Value::Int4(failures)),
    ]
}

/// A reminder's message, from its handing out to its commit.
pub struct Firing {
    inner: Box<dyn Waiting>,
    reminder: Reminder,
    reminders: Arc<Reminders>,
    under_way: UnderWay,
}

/// It isn't handed out twice at once.
struct UnderWay {
    reminders: Arc<Reminders>,
    key: Vec<u8>,
}

impl UnderWay {
    fn begin(reminders: &Arc<Reminders>, key: &[u8]) -> Option<UnderWay> {
        let mut under_way = reminders.under_way.lock();
        if under_way.len() >= UNDER_WAY {
            return None;
        }
        under_way.insert(key.to_vec());
        Some(UnderWay {
            reminders: reminders.clone(),
            key: key.to_vec(),
        })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.reminders.under_way.lock().remove(&self.key);
        self.reminders.note_change();
    }
}

impl Waiting for Firing {
    fn run<'t>(&'t mut self, actor: &'t mut (dyn Any + Send), turn: &'t mut Turn) -> Running<'t> {
        self.inner.run(actor, turn)
    }

    fn settle(self: Box<Self>, outcome: Result<()>) {
        let Firing {
            inner,
            reminder,
            reminders,
            under_way,
        } = *self;
        quietly(|| drop(inner));
        match outcome {
            Ok(()) => drop(under_way),
            Err(error) => reminders.failed(reminder, &error, under_way),
        }
    }

    fn bytes(&self) -> usize {
        self.inner.bytes()
    }

    fn deadline(&self) -> Option<Duration> {
        None
    }

    fn is_abandoned(&self) -> bool {
        false
    }

    fn is_from_a_turn(&self) -> bool {
        false
    }

    fn of_type(&self) -> TypeId {
        self.inner.of_type()
    }

    fn reminder(&self) -> Option<&Reminder> {
        Some(&self.reminder)
    }
}
