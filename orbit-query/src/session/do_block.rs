//! DO: a block of statements, run as one.

use super::Session;
use crate::rows::{Outcome, Tag};
use crate::statement::Plan;
use crate::statement::do_grammar::Step;
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use std::pin::Pin;

impl Session {
    pub(super) async fn run_do(&mut self, steps: &[Step]) -> Result<Outcome> {
        // All of it is one transaction's.
        self.transaction()?;
        self.run_steps(steps).await?;
        Ok(Outcome::Done(Tag::Other("DO")))
    }

    fn run_steps<'a>(
        &'a mut self,
        steps: &'a [Step],
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>> {
        Box::pin(async move {
            for step in steps {
                match step {
                    Step::Run(sql) => self.run_step(sql, false).await?,
                    Step::Perform(sql) => self.run_step(sql, true).await?,
                    Step::If {
                        branches,
                        otherwise,
                    } => {
                        let mut chosen = otherwise;
                        for (condition, steps) in branches {
                            if self.holds(condition).await? {
                                chosen = steps;
                                break;
                            }
                        }
                        self.run_steps(chosen).await?;
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
