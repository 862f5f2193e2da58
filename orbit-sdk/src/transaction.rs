//! Several statements as one.

use crate::answer::Answer;
use crate::params::Params;
use async_trait::async_trait;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use serde::de::DeserializeOwned;

/// A transaction of either side.
#[async_trait]
pub trait Work: Send {
    async fn run(&mut self, sql: &str, params: Vec<Value>) -> Result<Answer>;
    async fn commit(self: Box<Self>) -> Result<()>;
}

/// Statements that take effect together, or not at all. Dropped before
/// [`Transaction::commit`], it is undone; after an error it can only be dropped.
pub struct Transaction {
    work: Box<dyn Work>,
    has_failed: bool,
}

impl Transaction {
    pub(crate) fn of(work: Box<dyn Work>) -> Transaction {
        Transaction {
            work,
            has_failed: false,
        }
    }

    /// Runs a statement; how many rows it wrote, or read.
    pub async fn execute(&mut self, sql: &str, params: impl Params) -> Result<u64> {
        Ok(self.run(sql, params.values()).await?.affected)
    }

    /// Rows as values of a type; see [`crate::Orbit::query`].
    pub async fn query<T: DeserializeOwned>(
        &mut self,
        sql: &str,
        params: impl Params,
    ) -> Result<Vec<T>> {
        self.run(sql, params.values()).await?.read()
    }

    /// The only row; see [`crate::Orbit::query_one`].
    pub async fn query_one<T: DeserializeOwned>(
        &mut self,
        sql: &str,
        params: impl Params,
    ) -> Result<T> {
        self.run(sql, params.values()).await?.read_one()
    }

    /// Makes it durable. After an error of its own (25P02 if a statement failed before) it is
    /// undone.
    pub async fn commit(self) -> Result<()> {
        if self.has_failed {
            return Err(Error::new(
                state::IN_FAILED_SQL_TRANSACTION,
                "the transaction failed, and is undone",
            )
            .with_hint("Begin another one, and run all of its statements again."));
        }
        self.work.commit().await
    }

    async fn run(&mut self, sql: &str, params: Vec<Value>) -> Result<Answer> {
        if Bound::of(sql).is_some() {
            return Err(Error::new(
                state::INVALID_TRANSACTION_TERMINATION,
                "a transaction can't be begun or ended by a statement in it",
            )
            .with_hint("Call Transaction::commit, or drop it to undo it."));
        }
        let answer = self.work.run(sql, params).await;
        self.has_failed |= answer.is_err();
        answer
    }
}

/// 25001: nobody would end it.
pub(crate) fn begun_by_a_statement() -> Error {
    Error::new(
        state::ACTIVE_SQL_TRANSACTION,
        "a transaction was begun by a statement",
    )
    .with_hint("Begin it with Orbit::begin.")
}

/// A statement at which a transaction begins or ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    Begin,
    End,
}

impl Bound {
    /// By the first words: no statement that begins so is anything else.
    pub fn of(sql: &str) -> Option<Bound> {
        let mut rest = sql.trim_start();
        loop {
            let end_of_comment = match rest.get(..2) {
                Some("--") => rest.find('\n'),
                Some("/*") => rest.find("*/").map(|end| end + 1),
                _ => break,
            };
            rest = end_of_comment
                .and_then(|end| rest.get(end + 1..))
                .unwrap_or("");
            rest = rest.trim_start();
        }
        let mut words = rest
            .split(|c: char| !c.is_ascii_alphabetic())
            .filter(|word| !word.is_empty())
            .map(str::to_ascii_lowercase);
        match words.next()?.as_str() {
            "begin" | "start" => Some(Bound::Begin),
            "commit" | "end" | "abort" => Some(Bound::End),
            // To a savepoint is within.
            "rollback" if words.all(|word| word != "to") => Some(Bound::End),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bound;

    #[test]
    fn statements_that_begin_or_end_a_transaction_are_known_by_their_first_words() {
        for (sql, bound) in [
            ("BEGIN", Some(Bound::Begin)),
            (
                " -- a note\n/* and */ start transaction",
                Some(Bound::Begin),
            ),
            ("commit;", Some(Bound::End)),
            ("ROLLBACK AND CHAIN", Some(Bound::End)),
            ("rollback to savepoint a", None),
            ("SAVEPOINT a", None),
            ("SELECT 'commit'", None),
            ("-- begin", None),
            ("", None),
        ] {
            assert_eq!(Bound::of(sql), bound, "{sql}");
        }
    }
}
