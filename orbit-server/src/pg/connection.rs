//! One connection: messages in, conversations held, answers out.

use super::backend::Output;
use super::cancel::Registered;
use super::copy::Copying;
use super::errors::{End, Failure, Severity, protocol, shutting_down};
use super::extended::{Portals, Statements};
use super::frontend::tag;
use super::input::{Input, Item};
use super::socket::Socket;
use super::stream::Stream;
use super::{FLUSH_BYTES, ServeOptions};
use futures::FutureExt;
use orbit_core::value::Value;
use orbit_core::{Error, state};
use orbit_query::session::transaction_timed_out;
use orbit_query::{Block, Engine, Outcome, Prepared, Session};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a client may take to read that its connection ends.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub struct Connection {
    input: Input,
    wire: Wire,
}

/// All of a connection but its input buffer, out of which messages are borrowed.
pub struct Wire {
    pub socket: Socket,
    pub out: Output,
    pub session: Session,
    pub statements: Statements,
    pub portals: Portals,
    pub mode: Mode,
    max_statement_bytes: usize,
    max_message_bytes: usize,
    engine: Arc<Engine>,
    registered: Registered,
}

/// How the next message is taken.
pub enum Mode {
    Normal,
    /// An extended-protocol message failed: all is ignored until Sync.
    SkipToSync,
    CopyIn(Box<Copying>),
}

/// What an error leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversation {
    /// ReadyForQuery follows at once.
    Simple,
    /// Messages are ignored until the client's Sync.
    Extended,
}

impl Connection {
    pub fn new(
        stream: Stream,
        registered: Registered,
        engine: Arc<Engine>,
        session: Session,
        options: &ServeOptions,
    ) -> Self {
        Connection {
            input: Input::new(options.max_statement_bytes, options.max_message_bytes),
            wire: Wire {
                socket: Socket::new(stream, registered.stop.clone()),
                out: Output::new(),
                session,
                statements: Statements::new(options.max_prepared_statements),
                portals: Portals::new(options.max_prepared_statements),
                mode: Mode::Normal,
                max_statement_bytes: options.max_statement_bytes,
                max_message_bytes: options.max_message_bytes,
                engine,
                registered,
            },
        }
    }

    /// The rest of the connection's life, from the end of its startup packet.
    /// `greeting` goes out before the first ReadyForQuery.
    pub async fn serve(mut self, greeting: impl FnOnce(&mut Output)) {
        greeting(&mut self.wire.out);
        self.wire.greet();
        let end = match AssertUnwindSafe(self.converse()).catch_unwind().await {
            Ok(end) => end,
            // The hook has logged it with its place.
            Err(_) => End::Fatal(Error::internal("the session failed; its work was undone")),
        };
        self.wire.close(end).await;
    }

    async fn converse(&mut self) -> End {
        loop {
            if let Err(end) = self.step().await {
                return end;
            }
        }
    }

    async fn step(&mut self) -> Result<(), End> {
        let Connection { input, wire } = self;
        match input.next().map_err(End::Fatal)? {
            Some(Item::Message(kind, body)) => wire.message(kind, body).await?,
            Some(Item::CopyPiece(bytes)) => wire.copy_piece(bytes).await?,
            Some(Item::TooLong(kind, length)) => wire.too_long(kind, length).await?,
            None => {
                let copying = matches!(wire.mode, Mode::CopyIn(_));
                return match idle_limit(&wire.session) {
                    None => wire.fill(input, copying).await,
                    // Its time was over before this wait began.
                    Some((limit, reason)) if limit.is_zero() => Err(End::Fatal(reason)),
                    Some((limit, reason)) => {
                        match tokio::time::timeout(limit, wire.fill(input, copying)).await {
                            Ok(filled) => filled,
                            Err(_) => Err(End::Fatal(reason)),
                        }
                    }
                };
            }
        }
        if wire.out.unsent().len() > FLUSH_BYTES {
            wire.socket.flush(&mut wire.out).await?;
        }
        Ok(())
    }
}

impl Wire {
    fn greet(&mut self) {
        self.out.authentication_ok();
        for (name, value) in self.session.parameters() {
            self.out.parameter_status(name, &value);
        }
        // Those parameters are what they are after the startup packet's settings.
        self.session.take_parameter_changes();
        let key = self.registered.key;
        self.out.backend_key(key.pid, key.secret);
        self.notices();
        self.ready();
    }

    /// Waits for input; meanwhile notifications are passed on, outside of blocks.
    async fn fill(&mut self, input: &mut Input, copying: bool) -> Result<(), End> {
        let may_tell = self.session.block() == Block::Idle && matches!(self.mode, Mode::Normal);
        if !may_tell || !self.session.backend().inbox.is_used() {
            return self.socket.fill(input, &mut self.out, copying).await;
        }
        let inbox = self.session.backend().inbox.clone();
        loop {
            tokio::select! {
                biased;
                filled = self.socket.fill(input, &mut self.out, copying) => return filled,
                () = inbox.filled() => {}
            }
            self.notifications();
            if self.out.unsent().len() > FLUSH_BYTES {
                self.socket.flush(&mut self.out).await?;
            }
        }
    }

    /// Passes on some of what was notified of.
    fn notifications(&mut self) {
        const AT_ONCE: usize = 256;
        let inbox = &self.session.backend().inbox;
        if inbox.is_empty() {
            return;
        }
        for one in inbox.take(AT_ONCE) {
            self.out.notification(one.pid, &one.channel, &one.payload);
        }
    }

    async fn message(&mut self, kind: u8, body: &[u8]) -> Result<(), End> {
        match self.mode {
            Mode::Normal => {}
            Mode::SkipToSync if kind == tag::SYNC || kind == tag::TERMINATE => {}
            Mode::SkipToSync => return Ok(()),
            Mode::CopyIn(_) => return self.message_in_copy(kind, body).await,
        }
        use Conversation::{Extended, Simple};
        let (conversation, done) = match kind {
            tag::BIND => (Extended, self.bind(body).map_err(Failure::from)),
            tag::EXECUTE => (Extended, self.execute(body).await),
            tag::SYNC => return self.sync().await,
            tag::DESCRIBE => (Extended, self.describe(body).map_err(Failure::from)),
            tag::PARSE => (Extended, self.parse(body).await),
            tag::QUERY => (Simple, self.query(body).await),
            tag::CLOSE => (Extended, self.close_named(body).map_err(Failure::from)),
            tag::FLUSH => return self.socket.flush(&mut self.out).await,
            tag::TERMINATE => return Err(End::Gone),
            tag::FUNCTION_CALL => (
                Simple,
                Err(Error::unsupported("the function call message").into()),
            ),
            // Left over from a COPY that failed before its data had all come.
            _ => return Ok(()),
        };
        self.settle(conversation, done).await
    }

    /// Tells the client of a failure and takes up the right state after it.
    pub async fn settle(
        &mut self,
        conversation: Conversation,
        done: Result<(), Failure>,
    ) -> Result<(), End> {
        let error = match done {
            Ok(()) => return Ok(()),
            Err(Failure::End(end)) => return Err(end),
            Err(Failure::Statement(error)) => error,
        };
        self.out.take_back();
        self.session.fail();
        self.notices();
        self.out.error(Severity::Error, &error);
        match conversation {
            Conversation::Simple => {
                self.mode = Mode::Normal;
                self.end_of_conversation().await;
            }
            Conversation::Extended => self.mode = Mode::SkipToSync,
        }
        Ok(())
    }

    /// Commits what the conversation left to commit and says ReadyForQuery.
    /// A commit isn't given up midway: it is short, and its outcome is owed.
    pub async fn end_of_conversation(&mut self) {
        if let Err(error) = self.session.sync().await {
            self.session.fail();
            self.out.error(Severity::Error, &error);
        }
        if self.session.block() == Block::Idle {
            self.portals.close_all();
            self.session.remove_protocol_portals();
        }
        self.notices();
        for (name, value) in self.session.take_parameter_changes() {
            self.out.parameter_status(&name, &value);
        }
        if self.session.block() == Block::Idle {
            self.notifications();
        }
        self.ready();
    }

    fn ready(&mut self) {
        self.session.note_rest();
        self.out.ready_for_query(self.session.block().letter());
    }

    pub fn notices(&mut self) {
        for notice in self.session.take_notices() {
            self.out.notice(&notice);
        }
    }

    /// The message is skipped by the input; here it gets its error.
    async fn too_long(&mut self, kind: u8, length: usize) -> Result<(), End> {
        let conversation = match (&self.mode, kind) {
            (Mode::SkipToSync, _) => return Ok(()),
            (Mode::CopyIn(_), _) => return self.message_in_copy(kind, &[]).await,
            (Mode::Normal, tag::QUERY | tag::FUNCTION_CALL) => Conversation::Simple,
            (Mode::Normal, _) => Conversation::Extended,
        };
        let (what, limit) = match kind {
            tag::QUERY | tag::PARSE => ("statement", self.max_statement_bytes),
            _ => ("message", self.max_message_bytes),
        };
        let error = Error::new(
            state::PROGRAM_LIMIT_EXCEEDED,
            format!("the {what} of {length} bytes is too long"),
        )
        .with_detail(format!("At most {limit} bytes are accepted."))
        .with_hint("Send the data in several statements, or with COPY.");
        self.settle(conversation, Err(error.into())).await
    }

    /// Says why the connection ends, as far as anybody listens.
    async fn close(mut self, end: End) {
        let error = match end {
            End::Gone => {
                // Work of this session that runs elsewhere has nobody to answer to.
                let key = self.registered.key;
                self.engine.cancel(key.pid, key.secret);
                return;
            }
            End::Stop => {
                let reason = self.registered.stop.reason();
                reason.unwrap_or_else(shutting_down)
            }
            End::Fatal(error) => error,
        };
        self.out.take_back();
        self.out.error(Severity::Fatal, &error);
        let _ = tokio::time::timeout(LAST_WORDS, self.socket.flush_last(&mut self.out)).await;
    }

    /// A message that has no place in a COPY FROM STDIN ends it.
    pub fn unexpected_in_copy(kind: u8) -> Error {
        protocol(format!(
            "unexpected message type 0x{kind:02X} during COPY from stdin"
        ))
    }
}

/// Executes a statement. A client that leaves and a server that stops end it
/// before its time, but not a COMMIT: that one's outcome is owed.
pub async fn run(
    socket: &Socket,
    session: &mut Session,
    statement: &Arc<Prepared>,
    params: &[Value],
) -> Result<Outcome, Failure> {
    let work = pin!(session.execute(statement, params));
    if statement.ends_block() {
        return Ok(work.await?);
    }
    Ok(socket.attend(work).await??)
}

/// How long the client may now say nothing, and what it is told then.
pub fn idle_limit(session: &Session) -> Option<(Duration, Error)> {
    let settings = session.settings();
    let block = session.block();
    let idle = match block {
        Block::Idle => settings.idle_session_timeout,
        Block::Open | Block::Failed => settings.idle_in_transaction_session_timeout,
    };
    let rest = session
        .transaction_deadline()
        .map(|deadline| deadline.saturating_duration_since(Instant::now()));
    match (idle, rest) {
        (Some(idle), Some(rest)) if rest < idle => Some((rest, transaction_timed_out())),
        (None, Some(rest)) => Some((rest, transaction_timed_out())),
        (idle, _) => idle.map(|idle| (idle, idle_too_long(block))),
    }
}

fn idle_too_long(block: Block) -> Error {
    match block {
        Block::Idle => Error::new(
            state::IDLE_SESSION_TIMEOUT,
            "terminating connection due to idle-session timeout",
        ),
        Block::Open | Block::Failed => Error::new(
            state::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            "terminating connection due to idle-in-transaction timeout",
        ),
    }
}
