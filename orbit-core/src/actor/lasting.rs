//! What actors leave beside their states, in tables of schema `orbit`: reminders, which
//! survive a restart, and answers that were given under a key, so that whoever asks again
//! gets the same one.

mod answers;
mod reminders;
#[cfg(test)]
mod tests;

use crate::database::Database;
use crate::error::Result;
pub(super) use answers::{Answers, Asked};
pub(super) use reminders::{Change, Reminders};
pub use reminders::{Reminder, When};
use std::sync::Arc;

pub(super) struct Lasting {
    pub reminders: Arc<Reminders>,
    pub answers: Answers,
}

impl Lasting {
    pub async fn open(db: &Arc<Database>) -> Result<Lasting> {
        Ok(Lasting {
            reminders: Arc::new(Reminders::open(db).await?),
            answers: Answers::open(db).await?,
        })
    }
}
