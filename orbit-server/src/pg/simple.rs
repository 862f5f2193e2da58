//! The simple protocol: one message, any number of statements, one implicit
//! transaction.

use super::connection::{Wire, run};
use super::errors::Failure;
use super::extended::Fetch;
use super::frontend;
use super::rows::Formats;
use orbit_query::{Outcome, Script, Tag};
use std::pin::pin;

impl Wire {
    pub async fn query(&mut self, body: &[u8]) -> Result<(), Failure> {
        self.statements.drop_unnamed();
        self.portals.close_unnamed();
        let sql = frontend::utf8(frontend::string(body)?)?;
        let script = {
            let parse = pin!(self.session.parse_script(sql));
            self.socket.attend(parse).await??
        };
        if script.remaining() == 0 {
            self.out.empty_query();
        }
        self.run_script(script).await
    }

    /// Runs what is left of a script. A COPY FROM STDIN takes the rest with it.
    pub async fn run_script(&mut self, mut script: Script) -> Result<(), Failure> {
        loop {
            let next = {
                let prepare = pin!(self.session.next_statement(&mut script));
                self.socket.attend(prepare).await??
            };
            let Some((statement, literals)) = next else {
                break;
            };
            let outcome = run(&self.socket, &mut self.session, &statement, &literals).await?;
            let tag = match outcome {
                Outcome::Rows(rows) => {
                    let formats = match rows.binary {
                        true => Formats::Binary,
                        false => Formats::Text,
                    };
                    self.out.row_description(&rows.columns, &formats);
                    let mut fetch = Fetch::new(rows);
                    let settings = self.session.format();
                    let sent = fetch
                        .send(&mut self.socket, &mut self.out, settings, &formats, None)
                        .await?;
                    if let Some(batch) = fetch.take_spent() {
                        self.session.recycle(batch);
                    }
                    fetch.tag(sent.rows)
                }
                Outcome::Done(tag) => tag,
                Outcome::CopyIn(copy) => {
                    self.begin_copy_in(copy, Some(script));
                    return Ok(());
                }
                Outcome::CopyOut(mut copy) => {
                    self.copy_out(&mut copy).await?;
                    copy.tag()
                }
                Outcome::Empty => {
                    self.out.empty_query();
                    continue;
                }
            };
            self.complete(&script, &tag).await?;
        }
        self.end_of_conversation().await;
        Ok(())
    }

    /// Says CommandComplete; after the last statement the implicit transaction
    /// commits first, so that what is said to be complete is durable.
    pub async fn complete(&mut self, script: &Script, tag: &Tag) -> Result<(), Failure> {
        if script.remaining() == 0 {
            self.session.sync().await?;
        }
        self.notices();
        self.forget_statements(tag);
        self.out.command_complete(tag);
        Ok(())
    }
}
