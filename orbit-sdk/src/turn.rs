//! SQL in the turns of virtual actors.

use crate::answer::Answer;
use crate::local::{Lender, run};
use crate::params::Params;
use orbit_core::actor::Turn;
use orbit_core::value::Value;
use orbit_core::{Error, Result};
use serde::de::DeserializeOwned;
use std::future::Future;

/// Statements of a turn. What they write is committed with the actor's state, when the turn
/// succeeds, and undone with it. One that fails leaves nothing, and the turn may go on.
pub trait Statements {
    /// Runs a statement; how many rows it wrote, or read.
    fn execute(
        &mut self,
        sql: &str,
        params: impl Params + Send,
    ) -> impl Future<Output = Result<u64>> + Send;

    /// Rows as values of a type; see [`crate::Orbit::query`].
    fn query<T: DeserializeOwned + Send>(
        &mut self,
        sql: &str,
        params: impl Params + Send,
    ) -> impl Future<Output = Result<Vec<T>>> + Send;

    /// The only row; see [`crate::Orbit::query_one`].
    fn query_one<T: DeserializeOwned + Send>(
        &mut self,
        sql: &str,
        params: impl Params + Send,
    ) -> impl Future<Output = Result<T>> + Send;
}

impl Statements for Turn {
    async fn execute(&mut self, sql: &str, params: impl Params + Send) -> Result<u64> {
        let values = params.values();
        Ok(in_turn(self, sql, values).await?.affected)
    }

    async fn query<T: DeserializeOwned + Send>(
        &mut self,
        sql: &str,
        params: impl Params + Send,
    ) -> Result<Vec<T>> {
        let values = params.values();
        in_turn(self, sql, values).await?.read()
    }

    async fn query_one<T: DeserializeOwned + Send>(
        &mut self,
        sql: &str,
        params: impl Params + Send,
    ) -> Result<T> {
        let values = params.values();
        in_turn(self, sql, values).await?.read_one()
    }
}

async fn in_turn(turn: &mut Turn, sql: &str, params: Vec<Value>) -> Result<Answer> {
    let sessions = turn
        .tool::<Lender>()
        .and_then(|lender| lender.0.upgrade())
        .ok_or_else(|| Error::unsupported("SQL in turns outside of Orbit::open"))?;
    let mut session = sessions.take();
    session.borrow(turn.lend()?);
    let answer = run(&mut session, sql, params).await;
    let (transaction, settled) = session.hand_back().await;
    if let Some(transaction) = transaction {
        turn.give_back(transaction);
        sessions.give_back(session);
    }
    // The first error says more than that the transaction failed.
    let answer = answer?;
    settled?;
    Ok(answer)
}
