//! What two nodes say to each other about actors, whatever carries it.

use crate::error::{Error, Result, state};
use std::time::Duration;

/// The version of what follows. A node that speaks another one is refused.
pub const VERSION: u32 = 1;
/// A body may not be longer: on a slow link nothing else is heard meanwhile.
pub const MAX_BODY_BYTES: usize = 256 << 10;
/// Nor may a name, an id or a key.
pub const MAX_NAME_BYTES: usize = 1024;
/// Of an error's texts so much travels each.
const MAX_TEXT_BYTES: usize = 4096;
/// Nobody waits longer for an answer.
pub const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// Calls a node takes from one link at once.
pub const MOST_CALLS: u32 = 256;
/// Nodes that are reached through one link.
pub const MOST_REACHED: usize = 16_384;
/// The longest name of a node.
pub const MAX_NODE_BYTES: usize = 128;
/// Links on a call's way; past them it goes in a circle.
pub const MOST_HOPS: u8 = 16;

#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// The first one, from both sides.
    Hello(Hello),
    /// Who is reached through the sender by now, in place of what its hello said.
    Reach(Vec<String>),
    Call {
        /// Names it among the sender's calls.
        call: u64,
        /// How long the answer is waited for. A span, since clocks differ.
        within: Duration,
        request: Request,
    },
    /// A message that nobody waits for.
    Tell(Request),
    Answer {
        call: u64,
        outcome: Outcome,
    },
    /// Nobody waits for the answer any more.
    Cancel {
        call: u64,
    },
    /// The sender is there.
    Beat,
}

/// Who somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    pub version: u32,
    pub node: String,
    /// The identity of its data, by which two nodes of one name are told apart.
    pub site: u64,
    /// Nodes that are reached through it, itself among them.
    pub reaches: Vec<String>,
    /// How many calls it takes over this link at once.
    pub calls: u32,
}

/// What an actor somewhere is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The node where the actor is.
    pub to: String,
    pub kind: String,
    pub id: String,
    /// The message's name.
    pub message: String,
    /// The message itself, as JSON.
    pub body: String,
    /// The key under which it is handled once, however often it comes.
    pub key: Option<String>,
    /// Links it may still pass.
    pub hops: u8,
}

impl Request {
    /// Whether it may travel.
    pub fn check(&self) -> Result<()> {
        if self.body.len() > MAX_BODY_BYTES {
            return Err(too_long("a message", self.body.len()));
        }
        let key = self.key.as_deref().unwrap_or_default();
        let names = [&self.to, &self.kind, &self.id, &self.message, key];
        match names.iter().map(|name| name.len()).max() {
            Some(bytes) if bytes > MAX_NAME_BYTES => Err(Error::new(
                state::INVALID_PARAMETER_VALUE,
                format!("a name, id or key of {bytes} bytes is too long to travel"),
            )
            .with_detail(format!("It may have {MAX_NAME_BYTES} bytes."))),
            _ => Ok(()),
        }
    }

    /// What it holds, in bytes.
    pub fn bytes(&self) -> usize {
        let key = self.key.as_ref().map_or(0, String::len);
        let names = self.to.len() + self.kind.len() + self.id.len() + self.message.len();
        size_of::<Request>() + names + key + self.body.len()
    }
}

#[derive(Clone, Debug)]
pub enum Outcome {
    /// The answer, as JSON.
    Done(String),
    /// The actor says no: its turn ran, and is undone.
    Failed(Error),
    /// Its node says no: there was no turn.
    Refused(Error),
    /// It did not get there, or its answer didn't get back.
    Lost(Error),
}

impl PartialEq for Outcome {
    fn eq(&self, other: &Self) -> bool {
        let alike = |one: &Error, other: &Error| {
            (one.state(), one.message(), one.detail(), one.hint())
                == (other.state(), other.message(), other.detail(), other.hint())
        };
        match (self, other) {
            (Outcome::Done(one), Outcome::Done(other)) => one == other,
            (Outcome::Failed(one), Outcome::Failed(other))
            | (Outcome::Refused(one), Outcome::Refused(other))
            | (Outcome::Lost(one), Outcome::Lost(other)) => alike(one, other),
            _ => false,
        }
    }
}

impl Outcome {
    /// As far as it may travel.
    pub fn bounded(self) -> Outcome {
        match self {
            Outcome::Done(answer) if answer.len() > MAX_BODY_BYTES => {
                Outcome::Failed(done_but(&too_long("an answer", answer.len())))
            }
            Outcome::Done(answer) => Outcome::Done(answer),
            Outcome::Failed(error) => Outcome::Failed(bounded(&error)),
            Outcome::Refused(error) => Outcome::Refused(bounded(&error)),
            Outcome::Lost(error) => Outcome::Lost(bounded(&error)),
        }
    }
}

fn bounded(error: &Error) -> Error {
    let cut = |text: &str| text[..text.floor_char_boundary(MAX_TEXT_BYTES)].to_owned();
    let mut short = Error::new(error.state(), cut(error.message()));
    if let Some(detail) = error.detail() {
        short = short.with_detail(cut(detail));
    }
    match error.hint() {
        Some(hint) => short.with_hint(cut(hint)),
        None => short,
    }
}

/// The work is done, but nobody will see the answer.
pub fn done_but(error: &Error) -> Error {
    Error::new(
        state::STATEMENT_COMPLETION_UNKNOWN,
        format!("an answer was lost on its way: {}", error.message()),
    )
    .with_detail("The work was done.")
}

fn too_long(what: &str, bytes: usize) -> Error {
    Error::new(
        state::PROGRAM_LIMIT_EXCEEDED,
        format!("{what} of {bytes} bytes is too long to travel"),
    )
    .with_detail(format!("It may have {MAX_BODY_BYTES} bytes."))
    .with_hint("Keep what is large in a table, and say where.")
}

impl Frame {
    /// What it holds, in bytes, roughly.
    pub fn bytes(&self) -> usize {
        let held = match self {
            Frame::Hello(Hello { reaches, .. }) | Frame::Reach(reaches) => {
                reaches.iter().map(String::len).sum()
            }
            Frame::Call { request, .. } | Frame::Tell(request) => request.bytes(),
            Frame::Answer { outcome, .. } => match outcome {
                Outcome::Done(body) => body.len(),
                Outcome::Failed(error) | Outcome::Refused(error) | Outcome::Lost(error) => {
                    let texts = [Some(error.message()), error.detail(), error.hint()];
                    texts.into_iter().flatten().map(str::len).sum()
                }
            },
            Frame::Cancel { .. } | Frame::Beat => 0,
        };
        held + size_of::<Frame>()
    }
}
