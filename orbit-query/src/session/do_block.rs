//! DO: a block of statements, run as one.

mod record;

use super::Session;
use crate::rows::{Outcome, Tag};
use crate::statement::Plan;
use crate::statement::do_grammar::Step;
use crate::statement::limits;
use crate::statement::tokens;
use orbit_core::error::SqlState;
use orbit_core::value::Value;
use orbit_core::value::text::FormatSettings;
use orbit_core::{Error, Result, state};
use record::{Record, written_out};
use std::pin::Pin;

/// How many blocks may execute each other: a text may come from a table, and hold itself.
const DEEPEST: usize = 16;

/// How many rows a loop goes through at the most: they are kept while it does.
const MOST_ROWS: usize = 100_000;

impl Session {
    pub(super) async fn run_do(&mut self, steps: &[Step]) -> Result<Outcome> {
        if self.do_depth >= DEEPEST {
            return Err(
                Error::new(state::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded").with_hint(
                    format!("Blocks of DO execute each other {DEEPEST} deep at the most."),
                ),
            );
        }
        // All of it is one transaction's.
        self.transaction()?;
        self.do_depth += 1;
        let ran = self.run_steps(steps, &[]).await;
        self.do_depth -= 1;
        ran?;
        Ok(Outcome::Done(Tag::Other("DO")))
    }

    fn run_steps<'a>(
        &'a mut self,
        steps: &'a [Step],
        records: &'a [Record],
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>> {
        Box::pin(async move {
            for step in steps {
                match step {
                    Step::Run(sql) => self.run_step(&written_out(sql, records)?, false).await?,
                    Step::Perform(sql) => {
                        self.run_step(&written_out(sql, records)?, true).await?;
                    }
                    Step::Execute(text) => {
                        self.run_text(&written_out(text, records)?).await?;
                    }
                    Step::For {
                        record,
                        query,
                        steps,
                    } => {
                        let query = written_out(query, records)?;
                        for row in self.rows_of(record, &query).await? {
                            let mut inner = records.to_vec();
                            inner.push(row);
                            self.run_steps(steps, &inner).await?;
                        }
                    }
                    Step::If {
                        branches,
                        otherwise,
                    } => {
                        let mut chosen = otherwise;
                        for (condition, steps) in branches {
                            if self.holds(&written_out(condition, records)?).await? {
                                chosen = steps;
                                break;
                            }
                        }
                        self.run_steps(chosen, records).await?;
                    }
                }
            }
            Ok(())
        })
    }

    async fn holds(&mut self, condition: &str) -> Result<bool> {
        let sql = format!("SELECT ({condition})::boolean");
        let select = self.prepare_inner(&sql, &[]).await?;
        Ok(self.single_value(&select).await? == Value::Bool(true))
    }

    /// The rows that a loop goes through, as they are before it.
    async fn rows_of(&mut self, name: &str, query: &str) -> Result<Vec<Record>> {
        let select = self.prepare_inner(query, &[]).await?;
        let Some(columns) = select.columns.clone() else {
            return Err(Error::unsupported(
                "FOR over a statement without rows in DO",
            ));
        };
        // Read again whatever the session's settings are by then.
        let format = FormatSettings::default();
        let Outcome::Rows(mut rows) = self.run_boxed(&select, &[]).await? else {
            return Err(Error::internal("a query gave no rows"));
        };
        let mut records = Vec::new();
        while let Some(batch) = rows.next().await? {
            for row in 0..batch.len() {
                if records.len() >= MOST_ROWS {
                    return Err(Error::new(
                        SqlState(*b"54000"),
                        format!("a loop in DO goes through {MOST_ROWS} rows at the most"),
                    ));
                }
                let record = Record::of(name, &columns, &batch, row, &format)?;
                orbit_core::memory::admit(record.bytes())?;
                records.push(record);
            }
            tokio::task::yield_now().await;
        }
        Ok(records)
    }

    /// EXECUTE: the statements that a text has.
    async fn run_text(&mut self, text: &str) -> Result<()> {
        let sql = format!("SELECT ({text})::text");
        let select = self.prepare_inner(&sql, &[]).await?;
        let Value::Text(sql) = self.single_value(&select).await? else {
            return Err(Error::new(
                SqlState(*b"22004"),
                "query string argument of EXECUTE is null",
            ));
        };
        // It may be any text that a query makes, so it is looked at as a client's would be.
        limits::check_text(&sql, self.engine.options())?;
        let pieces = tokens::split(&sql)?;
        limits::check_granted(&sql, &pieces, &self.settings.limits)?;
        limits::check_statements(pieces.len())?;
        for piece in pieces {
            let statement = tokens::text_of(&sql, &piece.tokens);
            // ActiveRecord marks foreign keys as not checked, to have them checked again by
            // the statement behind it. Here those that say that they hold do.
            if is_mark_of_keys(statement) {
                continue;
            }
            self.run_step(statement, true).await?;
        }
        Ok(())
    }

    async fn run_step(&mut self, sql: &str, discards: bool) -> Result<()> {
        let statement = self.prepare_inner(sql, &[]).await?;
        if let Plan::Utility(utility) = &statement.plan
            && utility.is_transaction_control()
        {
            return Err(Error::unsupported("control of transactions in DO"));
        }
        match self.run_boxed(&statement, &[]).await? {
            Outcome::Rows(mut rows) if discards => {
                while rows.next().await?.is_some() {
                    tokio::task::yield_now().await;
                }
                Ok(())
            }
            Outcome::Rows(_) => Err(Error::new(
                state::SYNTAX_ERROR,
                "query has no destination for result data",
            )
            .with_hint("If you want to discard the results of a SELECT, use PERFORM instead.")),
            Outcome::CopyIn(_) | Outcome::CopyOut(_) => {
                Err(Error::unsupported("COPY to or from the client in DO"))
            }
            Outcome::Done(_) | Outcome::Empty => Ok(()),
        }
    }
}

fn is_mark_of_keys(statement: &str) -> bool {
    let start = "update pg_catalog.pg_constraint set convalidated=false ";
    let head = statement.get(..start.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(start))
}
