//! Lock modes and which exclude which: PostgreSQL's tables 13.2 and 13.3.

/// How a transaction holds a row (or a key that has no row yet).
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum RowLock {
    KeyShare,
    Share,
    NoKeyUpdate,
    Update,
}

/// How a transaction holds a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum TableLock {
    AccessShare,
    RowShare,
    RowExclusive,
    ShareUpdateExclusive,
    Share,
    ShareRowExclusive,
    Exclusive,
    AccessExclusive,
}

/// A set of modes as bits: rows in the low four, tables above.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Modes(pub u16);

impl RowLock {
    pub fn bit(self) -> Modes {
        Modes(1 << self as u16)
    }
}

impl TableLock {
    pub fn bit(self) -> Modes {
        Modes(16 << self as u16)
    }
}

/// For each bit, the bits it can't stand beside in another transaction.
const CONFLICTS: [u16; 12] = {
    let (key_share, share, no_key_update, update) = (1, 2, 4, 8);
    let access_share = 16;
    let row_share = 32;
    let row_exclusive = 64;
    let share_update_exclusive = 128;
    let table_share = 256;
    let share_row_exclusive = 512;
    let exclusive = 1024;
    let access_exclusive = 2048;
    let strong = exclusive | access_exclusive;
    [
        update,
        no_key_update | update,
        share | no_key_update | update,
        key_share | share | no_key_update | update,
        access_exclusive,
        strong,
        table_share | share_row_exclusive | strong,
        share_update_exclusive | table_share | share_row_exclusive | strong,
        row_exclusive | share_update_exclusive | share_row_exclusive | strong,
        row_exclusive | share_update_exclusive | table_share | share_row_exclusive | strong,
        row_share
            | row_exclusive
            | share_update_exclusive
            | table_share
            | share_row_exclusive
            | strong,
        access_share
            | row_share
            | row_exclusive
            | share_update_exclusive
            | table_share
            | share_row_exclusive
            | strong,
    ]
};

impl Modes {
    pub fn conflicts_with(self, other: Modes) -> bool {
        CONFLICTS
            .iter()
            .enumerate()
            .any(|(bit, conflicts)| self.0 & (1 << bit) != 0 && other.0 & conflicts != 0)
    }

    pub fn contains(self, other: Modes) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether even a plain SELECT must wait for it.
    pub fn excludes_readers(self) -> bool {
        self.contains(TableLock::AccessExclusive.bit())
    }

    /// A stronger mode that is held makes asking for a weaker one needless.
    pub fn covers(self, wanted: Modes) -> bool {
        if self.contains(wanted) {
            return true;
        }
        // Among row modes strength is an order; table modes are asked for one by one.
        wanted.0 & 15 != 0 && (self.0 & 15) > wanted.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix_is_symmetric() {
        for a in 0..12 {
            for b in 0..12 {
                let (a, b) = (Modes(1 << a), Modes(1 << b));
                assert_eq!(a.conflicts_with(b), b.conflicts_with(a), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn row_modes_as_postgresql() {
        use RowLock::*;
        let excluded = |a: RowLock, b: RowLock| a.bit().conflicts_with(b.bit());
        assert!(!excluded(KeyShare, NoKeyUpdate));
        assert!(excluded(KeyShare, Update));
        assert!(!excluded(Share, Share));
        assert!(excluded(Share, NoKeyUpdate));
        assert!(excluded(NoKeyUpdate, NoKeyUpdate));
    }

    #[test]
    fn writers_exclude_share_but_not_each_other() {
        use TableLock::*;
        assert!(!RowExclusive.bit().conflicts_with(RowExclusive.bit()));
        assert!(RowExclusive.bit().conflicts_with(Share.bit()));
        assert!(AccessShare.bit().conflicts_with(AccessExclusive.bit()));
        assert!(!AccessShare.bit().conflicts_with(Exclusive.bit()));
    }
}
