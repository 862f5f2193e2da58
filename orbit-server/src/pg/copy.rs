//! COPY in both directions. COPY FROM STDIN is a mode of the connection: its
//! data are messages like others, and what follows it in a script waits.

use super::FLUSH_BYTES;
use super::connection::{Conversation, Mode, Wire};
use super::errors::{End, Failure};
use super::frontend::{self, tag};
use orbit_core::Result;
use orbit_query::copy::binary::message_length;
use orbit_query::{CopyIn, CopyOut, Script};
use std::pin::pin;

/// A COPY FROM STDIN that waits for its data.
pub struct Copying {
    copy: CopyIn,
    /// The rest of the simple-protocol message the COPY is part of.
    script: Option<Script>,
}

impl Copying {
    fn conversation(&self) -> Conversation {
        match self.script {
            Some(_) => Conversation::Simple,
            None => Conversation::Extended,
        }
    }
}

impl Wire {
    pub fn begin_copy_in(&mut self, copy: CopyIn, script: Option<Script>) {
        self.out.copy_response(b'G', copy.columns, copy.binary);
        self.mode = Mode::CopyIn(Box::new(Copying { copy, script }));
    }

    /// Data outside of a COPY are left over from one that failed.
    pub async fn copy_piece(&mut self, bytes: &[u8]) -> Result<(), End> {
        let Mode::CopyIn(copying) = &mut self.mode else {
            return Ok(());
        };
        let conversation = copying.conversation();
        let pushed = {
            let push = pin!(copying.copy.push(&mut self.session, bytes));
            self.socket.attend(push).await?
        };
        if pushed.is_err() {
            self.mode = Mode::Normal;
        }
        self.settle(conversation, pushed.map_err(Failure::from))
            .await
    }

    pub async fn message_in_copy(&mut self, kind: u8, body: &[u8]) -> Result<(), End> {
        // Drivers send these along with Execute, before they know of the COPY.
        if matches!(kind, tag::SYNC | tag::FLUSH) {
            return Ok(());
        }
        let Mode::CopyIn(copying) = std::mem::replace(&mut self.mode, Mode::Normal) else {
            return Ok(());
        };
        let conversation = copying.conversation();
        let done = match kind {
            tag::TERMINATE => Err(End::Gone.into()),
            tag::COPY_DONE => self.finish_copy_in(*copying).await,
            tag::COPY_FAIL => {
                let reason = frontend::string(body).map(String::from_utf8_lossy);
                Err(match reason {
                    Ok(reason) => copying.copy.fail(&mut self.session, &reason),
                    Err(error) => error,
                }
                .into())
            }
            other => Err(Wire::unexpected_in_copy(other).into()),
        };
        self.settle(conversation, done).await
    }

    async fn finish_copy_in(&mut self, copying: Copying) -> Result<(), Failure> {
        let tag = {
            let finish = pin!(copying.copy.finish(&mut self.session));
            self.socket.attend(finish).await??
        };
        match copying.script {
            Some(script) => {
                self.complete(&script, &tag).await?;
                self.run_script(script).await
            }
            None => {
                self.notices();
                self.out.command_complete(&tag);
                Ok(())
            }
        }
    }

    /// Sends the whole stream; the caller says CommandComplete.
    pub async fn copy_out(&mut self, copy: &mut CopyOut) -> Result<(), Failure> {
        self.out.copy_response(b'H', copy.columns, copy.tuples);
        let mut first = true;
        loop {
            let lines = {
                let next = pin!(copy.next());
                self.socket.attend(next).await??
            };
            let Some(lines) = lines else { break };
            // One message a row is what the protocol promises to clients.
            let mut rest = lines.as_slice();
            if copy.binary {
                self.out.copy_data(rest)?;
                rest = &[];
            }
            while !rest.is_empty() {
                let end = match copy.tuples {
                    true => message_length(rest, std::mem::take(&mut first)),
                    false => row_end(rest, copy.csv),
                };
                let (row, after) = rest.split_at(end);
                self.out.copy_data(row)?;
                rest = after;
            }
            if self.out.unsent().len() > FLUSH_BYTES {
                self.socket.flush(&mut self.out).await?;
            }
        }
        self.out.copy_done();
        Ok(())
    }
}

/// The length of the first row. In CSV a line end inside quotes doesn't end a
/// row; doubled quotes cancel out.
fn row_end(lines: &[u8], csv: bool) -> usize {
    if !csv {
        return memchr::memchr(b'\n', lines).map_or(lines.len(), |at| at + 1);
    }
    let mut quoted = false;
    for at in memchr::memchr2_iter(b'\n', b'"', lines) {
        match lines.get(at) {
            Some(b'"') => quoted = !quoted,
            _ if !quoted => return at + 1,
            _ => {}
        }
    }
    lines.len()
}

#[cfg(test)]
mod tests {
    use super::row_end;

    #[test]
    fn rows_end_at_lines_but_not_inside_quotes() {
        assert_eq!(row_end(b"1\ta\n2\tb\n", false), 4);
        assert_eq!(row_end(b"no line end", false), 11);
        assert_eq!(row_end(b"1,\"a\nb\"\n2,c\n", true), 8);
        assert_eq!(row_end(b"1,\"a \"\"\n\"\" b\"\n2,c\n", true), 14);
    }
}
