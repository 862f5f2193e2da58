//! Statements that are no queries.

#[derive(Debug)]
pub enum Utility {}

impl Utility {
    pub fn allowed_in_failed_block(&self) -> bool {
        match *self {}
    }
}
