//! What a column does when two sites have written it.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnKind {
    /// The later value stays, by the hybrid clock; equal times by site.
    #[default]
    Lww,
    /// The greater value stays, whenever it was written.
    Max,
    /// The lesser value stays.
    Min,
    /// What each site has added is kept by itself; the value is their sum.
    Counter,
}

impl ColumnKind {
    pub fn is_lww(&self) -> bool {
        *self == ColumnKind::Lww
    }

    /// In log records.
    pub fn number(self) -> u8 {
        match self {
            ColumnKind::Lww => 0,
            ColumnKind::Max => 1,
            ColumnKind::Min => 2,
            ColumnKind::Counter => 3,
        }
    }

    pub fn from_number(number: u8) -> Option<ColumnKind> {
        let all = [
            ColumnKind::Lww,
            ColumnKind::Max,
            ColumnKind::Min,
            ColumnKind::Counter,
        ];
        all.into_iter().find(|kind| kind.number() == number)
    }
}
