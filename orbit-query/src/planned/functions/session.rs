//! Functions that act on sessions: advisory locks, NOTIFY, cancel and end,
//! transaction numbers. A plan with one of them belongs to one session and is
//! made anew for every run.

use super::{Env, Function, T, arg, function};
use crate::backend::Backend;
use crate::backend::advisory::{AdvisoryKey, Mode, Until};
use crate::planned::arrow::Builder;
use crate::planned::error::to_datafusion;
use crate::planned::functions::row::RowFn;
use crate::session::SessionFacts;
use async_trait::async_trait;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::async_udf::AsyncScalarUDFImpl;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature};
use futures::FutureExt;
use futures::future::BoxFuture;
use orbit_core::ids::TxnId;
use orbit_core::pressure::limit::{self, Limited};
use orbit_core::txn::Wait;
use orbit_core::types::SqlType;
use orbit_core::value::{Array, Value, ValueRef};
use orbit_core::{Error, Result, state};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

type Args<'a, 'v> = &'a [ValueRef<'v>];

/// A body that may have to wait; the query's thread doesn't.
pub type Waits = fn(Vec<Value>, Arc<SessionFacts>) -> BoxFuture<'static, Result<Value>>;

fn facts(env: &Env) -> Result<&Arc<SessionFacts>> {
    env.session.as_ref().ok_or_else(outside)
}

fn of_facts(facts: &SessionFacts) -> Result<&Arc<Backend>> {
    facts.backend.as_ref().ok_or_else(outside)
}

fn backend(env: &Env) -> Result<&Arc<Backend>> {
    of_facts(facts(env)?)
}

pub fn outside() -> Error {
    Error::unsupported("a function of the session outside of any session")
}

fn void() -> Value {
    Value::Text(String::new())
}

fn key(args: &[ValueRef<'_>]) -> Result<AdvisoryKey> {
    Ok(match args {
        [_] => AdvisoryKey::One(arg::int8(args, 0)?),
        _ => AdvisoryKey::Two(arg::int4(args, 0)?, arg::int4(args, 1)?),
    })
}

fn owned_key(args: &[Value]) -> Result<AdvisoryKey> {
    let args: Vec<ValueRef<'_>> = args.iter().map(Value::as_ref).collect();
    key(&args)
}

fn waiting(
    args: Vec<Value>,
    facts: Arc<SessionFacts>,
    mode: Mode,
    until: Until,
) -> BoxFuture<'static, Result<Value>> {
    async move {
        let key = owned_key(&args)?;
        let backend = of_facts(&facts)?;
        backend.lock_advisory(key, mode, until, Wait::Block).await?;
        Ok(void())
    }
    .boxed()
}

fn trying(args: Args, env: &Env, mode: Mode, until: Until) -> Result<Value> {
    let backend = backend(env)?;
    let taken = backend.lock_advisory(key(args)?, mode, until, Wait::SkipLocked);
    // Nothing is waited for, so the first look decides.
    match taken.now_or_never() {
        Some(taken) => taken.map(Value::Bool),
        None => Err(Error::internal("a lock that is only tried was waited for")),
    }
}

fn lock(args: Vec<Value>, facts: Arc<SessionFacts>) -> BoxFuture<'static, Result<Value>> {
    waiting(args, facts, Mode::Exclusive, Until::Unlocked)
}

fn lock_shared(args: Vec<Value>, facts: Arc<SessionFacts>) -> BoxFuture<'static, Result<Value>> {
    waiting(args, facts, Mode::Shared, Until::Unlocked)
}

fn xact_lock(args: Vec<Value>, facts: Arc<SessionFacts>) -> BoxFuture<'static, Result<Value>> {
    waiting(args, facts, Mode::Exclusive, Until::TransactionEnd)
}

fn xact_lock_shared(
    args: Vec<Value>,
    facts: Arc<SessionFacts>,
) -> BoxFuture<'static, Result<Value>> {
    waiting(args, facts, Mode::Shared, Until::TransactionEnd)
}

fn try_lock(args: Args, env: &Env) -> Result<Value> {
    trying(args, env, Mode::Exclusive, Until::Unlocked)
}

fn try_lock_shared(args: Args, env: &Env) -> Result<Value> {
    trying(args, env, Mode::Shared, Until::Unlocked)
}

fn try_xact_lock(args: Args, env: &Env) -> Result<Value> {
    trying(args, env, Mode::Exclusive, Until::TransactionEnd)
}

fn try_xact_lock_shared(args: Args, env: &Env) -> Result<Value> {
    trying(args, env, Mode::Shared, Until::TransactionEnd)
}

fn unlock(args: Args, env: &Env) -> Result<Value> {
    let unlocked = backend(env)?.unlock_advisory(key(args)?, Mode::Exclusive);
    Ok(Value::Bool(unlocked))
}

fn unlock_shared(args: Args, env: &Env) -> Result<Value> {
    let unlocked = backend(env)?.unlock_advisory(key(args)?, Mode::Shared);
    Ok(Value::Bool(unlocked))
}

fn unlock_all(_: Args, env: &Env) -> Result<Value> {
    let backend = backend(env)?;
    backend.advisory.release_session(backend);
    Ok(void())
}

fn notify(args: Args, env: &Env) -> Result<Value> {
    let text = |i: usize| match args.get(i) {
        Some(ValueRef::Text(text)) => *text,
        _ => "",
    };
    backend(env)?.notify(text(0), text(1))?;
    Ok(void())
}

fn listening_channels(_: Args, env: &Env) -> Result<Value> {
    let backend = backend(env)?;
    let channels = backend.all().hub.channels_of(backend.pid);
    let items = channels.into_iter().map(Value::Text).collect();
    Ok(Value::Array(Array::new(SqlType::Text, items)))
}

fn queue_usage(_: Args, env: &Env) -> Result<Value> {
    Ok(Value::Float8(backend(env)?.all().hub.usage()))
}

fn found(args: Args, env: &Env) -> Result<Option<Arc<Backend>>> {
    let own = backend(env)?;
    let pid = arg::int4(args, 0)?;
    let found = own.all().find(pid);
    if found.is_none() {
        own.notice(Error::new(
            state::WARNING,
            format!("PID {pid} is not a PostgreSQL backend process"),
        ));
    }
    Ok(found)
}

/// How PostgreSQL says what may not be done to whom.
type Signal = (&'static str, &'static str);
const CANCEL: Signal = ("cancel superuser query", "query is being canceled");
const TERMINATE: Signal = ("terminate superuser process", "process is being terminated");

/// One's own sessions, and a superuser everybody's.
fn may_signal(facts: &SessionFacts, other: &Backend, (superuser, role): Signal) -> Result<()> {
    if facts.rights.superuser || facts.user == other.user {
        return Ok(());
    }
    let view = other.db().read();
    let theirs = view.catalog().role_named(&other.user);
    let message = match theirs {
        Some(theirs) if theirs.superuser => format!("must be a superuser to {superuser}"),
        _ => format!("must be a member of the role whose {role} or member of pg_signal_backend"),
    };
    Err(crate::access::forbidden(message))
}

fn cancel_backend(args: Args, env: &Env) -> Result<Value> {
    let found = found(args, env)?;
    if let Some(other) = &found {
        may_signal(facts(env)?, other, CANCEL)?;
        other.cancel();
    }
    Ok(Value::Bool(found.is_some()))
}

fn administrator() -> Error {
    Error::new(
        state::ADMIN_SHUTDOWN,
        "terminating connection due to administrator command",
    )
}

fn terminate_backend(args: Args, env: &Env) -> Result<Value> {
    let found = found(args, env)?;
    if let Some(other) = &found {
        may_signal(facts(env)?, other, TERMINATE)?;
        other.stop(administrator());
    }
    Ok(Value::Bool(found.is_some()))
}

/// With the time to wait for its end, in milliseconds.
fn terminate_and_wait(
    args: Vec<Value>,
    facts: Arc<SessionFacts>,
) -> BoxFuture<'static, Result<Value>> {
    async move {
        let (Some(Value::Int4(pid)), Some(Value::Int8(timeout))) = (args.first(), args.get(1))
        else {
            return Err(super::row::arity());
        };
        let Ok(timeout) = u64::try_from(*timeout) else {
            return Err(Error::new(
                state::NUMERIC_VALUE_OUT_OF_RANGE,
                "\"timeout\" must not be negative",
            ));
        };
        let own = of_facts(&facts)?;
        let Some(other) = own.all().find(*pid) else {
            own.notice(Error::new(
                state::WARNING,
                format!("PID {pid} is not a PostgreSQL backend process"),
            ));
            return Ok(Value::Bool(false));
        };
        may_signal(&facts, &other, TERMINATE)?;
        other.stop(administrator());
        let end = tokio::time::Instant::now() + Duration::from_millis(timeout);
        while timeout > 0 && own.all().find(*pid).is_some() {
            if tokio::time::Instant::now() >= end {
                own.notice(Error::new(
                    state::WARNING,
                    format!(
                        "backend with PID {pid} did not terminate within {timeout} milliseconds"
                    ),
                ));
                return Ok(Value::Bool(false));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(Value::Bool(true))
    }
    .boxed()
}

fn blocking_pids(args: Args, env: &Env) -> Result<Value> {
    let own = backend(env)?;
    let mut pids = Vec::new();
    if let Some(waiter) = own.all().find(arg::int4(args, 0)?) {
        let wait = own.db().locks().wait_of(waiter.owner());
        let blockers = wait.map(|(_, blockers)| blockers).unwrap_or_default();
        for other in own.all().all() {
            let is_one = |id: &TxnId| *id == other.owner() || Some(*id) == other.transaction();
            if blockers.iter().any(is_one) {
                pids.push(Value::Int4(other.pid));
            }
        }
    }
    Ok(Value::Array(Array::new(SqlType::Int4, pids)))
}

fn transaction_number(_: Args, env: &Env) -> Result<Value> {
    let number = backend(env)?.transaction_number();
    Ok(Value::Int8(i64::try_from(number).unwrap_or(i64::MAX)))
}

fn assigned_number(_: Args, env: &Env) -> Result<Value> {
    let number = backend(env)?.assigned_number();
    Ok(number.map_or(Value::Null, |number| {
        Value::Int8(i64::try_from(number).unwrap_or(i64::MAX))
    }))
}

fn sleep(args: Vec<Value>, _: Arc<SessionFacts>) -> BoxFuture<'static, Result<Value>> {
    async move {
        let micros = match args.first() {
            Some(Value::Float8(seconds)) => (*seconds * 1e6) as i64,
            Some(Value::Interval(interval)) => {
                let days = i64::from(interval.months) * 30 + i64::from(interval.days);
                days.saturating_mul(86_400_000_000)
                    .saturating_add(interval.micros)
            }
            Some(Value::TimestampTz(until)) => {
                until.saturating_sub(crate::planned::statement::now_micros())
            }
            _ => return Err(super::row::arity()),
        };
        let micros = u64::try_from(micros).unwrap_or(0);
        tokio::time::sleep(Duration::from_micros(micros)).await;
        Ok(void())
    }
    .boxed()
}

/// What of the node, and how much of it or `default`.
fn limit_resource(args: Vec<Value>, facts: Arc<SessionFacts>) -> BoxFuture<'static, Result<Value>> {
    async move {
        let (Some(Value::Text(what)), Some(Value::Text(size))) = (args.first(), args.get(1)) else {
            return Err(super::row::arity());
        };
        if !facts.rights.superuser {
            return Err(crate::access::forbidden(
                "permission denied to limit what the node may take",
            ));
        }
        let what = Limited::named(what)?;
        let bytes = limit::parse(size)?;
        let Some(limits) = of_facts(&facts)?.all().limits.get() else {
            return Err(Error::unsupported("a limit outside of any node"));
        };
        let limit = limits.limit(what, bytes).await?;
        let limit = limit.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
        Ok(limit.map_or(Value::Null, Value::Int8))
    }
    .boxed()
}

/// Never called: those that wait have their own way.
fn not_at_once(_: Args, _: &Env) -> Result<Value> {
    Err(Error::unsupported(
        "a function that may have to wait, in this place",
    ))
}

const fn waits(name: &'static str, args: &'static [T], returns: T, body: Waits) -> Function {
    let mut waiting = function(name, args, returns, not_at_once).of_session();
    waiting.waits = Some(body);
    waiting
}

const fn acts(name: &'static str, args: &'static [T], returns: T, body: super::Body) -> Function {
    function(name, args, returns, body).of_session()
}

const ONE: &[T] = &[T::Int8];
const TWO: &[T] = &[T::Int4, T::Int4];

#[rustfmt::skip]
pub const FUNCTIONS: &[Function] = &[
    waits("orbit_limit_resource", &[T::Text, T::Text], T::Int8, limit_resource),
    waits("pg_advisory_lock", ONE, T::Void, lock),
    waits("pg_advisory_lock", TWO, T::Void, lock),
    waits("pg_advisory_lock_shared", ONE, T::Void, lock_shared),
    waits("pg_advisory_lock_shared", TWO, T::Void, lock_shared),
    acts("pg_advisory_unlock", ONE, T::Bool, unlock),
    acts("pg_advisory_unlock", TWO, T::Bool, unlock),
    acts("pg_advisory_unlock_all", &[], T::Void, unlock_all),
    acts("pg_advisory_unlock_shared", ONE, T::Bool, unlock_shared),
    acts("pg_advisory_unlock_shared", TWO, T::Bool, unlock_shared),
    waits("pg_advisory_xact_lock", ONE, T::Void, xact_lock),
    waits("pg_advisory_xact_lock", TWO, T::Void, xact_lock),
    waits("pg_advisory_xact_lock_shared", ONE, T::Void, xact_lock_shared),
    waits("pg_advisory_xact_lock_shared", TWO, T::Void, xact_lock_shared),
    acts("pg_blocking_pids", &[T::Int4], T::Ints, blocking_pids),
    acts("pg_cancel_backend", &[T::Int4], T::Bool, cancel_backend),
    acts("pg_current_xact_id", &[], T::Int8, transaction_number),
    acts("pg_current_xact_id_if_assigned", &[], T::Int8, assigned_number),
    acts("pg_listening_channels", &[], T::Texts, listening_channels),
    acts("pg_notification_queue_usage", &[], T::Float8, queue_usage),
    acts("pg_notify", &[T::Text, T::Text], T::Void, notify).lenient(),
    waits("pg_sleep", &[T::Float8], T::Void, sleep),
    waits("pg_sleep_for", &[T::Interval], T::Void, sleep),
    waits("pg_sleep_until", &[T::TimestampTz], T::Void, sleep),
    acts("pg_terminate_backend", &[T::Int4], T::Bool, terminate_backend),
    waits("pg_terminate_backend", &[T::Int4, T::Int8], T::Bool, terminate_and_wait),
    acts("pg_try_advisory_lock", ONE, T::Bool, try_lock),
    acts("pg_try_advisory_lock", TWO, T::Bool, try_lock),
    acts("pg_try_advisory_lock_shared", ONE, T::Bool, try_lock_shared),
    acts("pg_try_advisory_lock_shared", TWO, T::Bool, try_lock_shared),
    acts("pg_try_advisory_xact_lock", ONE, T::Bool, try_xact_lock),
    acts("pg_try_advisory_xact_lock", TWO, T::Bool, try_xact_lock),
    acts("pg_try_advisory_xact_lock_shared", ONE, T::Bool, try_xact_lock_shared),
    acts("pg_try_advisory_xact_lock_shared", TWO, T::Bool, try_xact_lock_shared),
    acts("txid_current", &[], T::Int8, transaction_number),
    acts("txid_current_if_assigned", &[], T::Int8, assigned_number),
];

/// A function that waits, as DataFusion calls it.
pub struct WaitingFn {
    /// Name, types, and how arguments become values.
    row: RowFn,
    body: Waits,
    facts: Arc<SessionFacts>,
}

impl WaitingFn {
    pub fn new(row: RowFn, body: Waits, facts: Arc<SessionFacts>) -> WaitingFn {
        WaitingFn { row, body, facts }
    }
}

impl fmt::Debug for WaitingFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.row.fmt(f)
    }
}

impl PartialEq for WaitingFn {
    fn eq(&self, other: &WaitingFn) -> bool {
        self.row == other.row
    }
}

impl Eq for WaitingFn {}

impl Hash for WaitingFn {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.row.hash(state);
    }
}

impl ScalarUDFImpl for WaitingFn {
    fn name(&self) -> &str {
        self.row.name()
    }

    fn signature(&self) -> &Signature {
        self.row.signature()
    }

    fn return_type(&self, args: &[DataType]) -> DfResult<DataType> {
        self.row.return_type(args)
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        Err(to_datafusion(Error::unsupported(
            "a function that may have to wait, in this place",
        )))
    }
}

#[async_trait]
impl AsyncScalarUDFImpl for WaitingFn {
    async fn invoke_async_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let rows = self.row.rows_of(&args)?;
        let mut built = Builder::new(self.row.returns(), rows.len());
        for values in rows {
            let value = if values.iter().any(Value::is_null) {
                Value::Null
            } else {
                let answer = (self.body)(values, self.facts.clone()).await;
                answer.map_err(to_datafusion)?
            };
            built.push(value.as_ref()).map_err(to_datafusion)?;
        }
        Ok(ColumnarValue::Array(built.finish()))
    }
}
