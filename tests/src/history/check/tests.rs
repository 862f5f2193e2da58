//! Histories made by hand: the good ones pass, every bad one is found for what it is.

use super::{Anomaly, check};
use crate::history::{Act, History, Key, Kind, Level, NEVER, Outcome, Seen, Span, Transaction};
use Level::{ReadCommitted, RepeatableRead, Serializable};

const A: Key = Key {
    kind: Kind::List,
    id: 1,
};
const B: Key = Key {
    kind: Kind::List,
    id: 2,
};
const R: Key = Key {
    kind: Kind::Register,
    id: 3,
};
const S: Key = Key {
    kind: Kind::Set,
    id: 4,
};

/// All at one time, so that the clock says nothing.
const TOGETHER: Span = Span { from: 0, to: 1000 };

fn saw(key: Key, values: &[u64]) -> (Key, Seen) {
    (key, Seen::Values(values.to_vec()))
}

fn read_at(span: Span, saw: Vec<(Key, Seen)>) -> Act {
    Act::Read {
        span,
        locked: false,
        saw,
    }
}

fn read(key: Key, values: &[u64]) -> Act {
    read_at(TOGETHER, vec![saw(key, values)])
}

fn version(number: u64, value: u64) -> Act {
    read_at(TOGETHER, vec![(R, Seen::Version { number, value })])
}

fn write(key: Key, value: u64) -> Act {
    numbered(key, value, 0)
}

fn numbered(key: Key, value: u64, number: u64) -> Act {
    Act::Write {
        span: TOGETHER,
        key,
        value,
        number,
        kept: true,
    }
}

fn ended(level: Level, outcome: Outcome, acts: Vec<Act>) -> Transaction {
    Transaction {
        level,
        acts,
        outcome,
        commit: TOGETHER,
    }
}

fn done(level: Level, acts: Vec<Act>) -> Transaction {
    ended(level, Outcome::Committed, acts)
}

fn found(transactions: Vec<Transaction>) -> Vec<Anomaly> {
    let mut found: Vec<Anomaly> = check(&History { transactions })
        .iter()
        .map(|violation| violation.anomaly)
        .collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn what_may_happen_passes() {
    // Each sees the other's commit or doesn't, and nothing in between.
    let plain = |level| {
        vec![
            done(level, vec![write(A, 1), write(B, 2)]),
            done(level, vec![read(A, &[1]), write(A, 3), read(A, &[1, 3])]),
            done(level, vec![read(A, &[]), read(B, &[])]),
            done(level, vec![read(A, &[1, 3]), read(B, &[2])]),
        ]
    };
    for level in [ReadCommitted, RepeatableRead, Serializable] {
        assert_eq!(found(plain(level)), [], "{level:?}");
    }
    // A statement sees more than the one before: allowed where each has its own snapshot.
    let reader = |level| {
        vec![
            done(ReadCommitted, vec![write(A, 1)]),
            done(level, vec![read(A, &[]), read(A, &[1])]),
        ]
    };
    assert_eq!(found(reader(ReadCommitted)), []);
    assert_eq!(found(reader(RepeatableRead)), [Anomaly::NonRepeatableRead]);
}

#[test]
fn an_unanswered_commit_is_what_others_see_of_it() {
    let seen = vec![
        ended(
            RepeatableRead,
            Outcome::Unknown,
            vec![write(A, 1), write(B, 2)],
        ),
        done(ReadCommitted, vec![read(A, &[1]), read(B, &[2])]),
    ];
    assert_eq!(found(seen), []);
    let unseen = vec![
        ended(
            RepeatableRead,
            Outcome::Unknown,
            vec![write(A, 1), write(B, 2)],
        ),
        done(ReadCommitted, vec![read(A, &[]), read(B, &[])]),
    ];
    assert_eq!(found(unseen), []);
    let half = vec![
        ended(
            RepeatableRead,
            Outcome::Unknown,
            vec![write(A, 1), write(B, 2)],
        ),
        done(ReadCommitted, vec![read(A, &[1]), read(B, &[])]),
    ];
    assert_eq!(found(half), [Anomaly::LostWrite]);
    let built_upon = vec![
        ended(ReadCommitted, Outcome::Unknown, vec![numbered(R, 1, 1)]),
        done(ReadCommitted, vec![numbered(R, 2, 2)]),
    ];
    assert_eq!(found(built_upon), []);
}

#[test]
fn garbage() {
    let unknown = vec![done(ReadCommitted, vec![read(A, &[7])])];
    assert_eq!(found(unknown), [Anomaly::Garbage]);
    let elsewhere = vec![
        done(ReadCommitted, vec![write(B, 7), read(B, &[7])]),
        done(ReadCommitted, vec![read(A, &[7]), read(B, &[7])]),
    ];
    assert_eq!(found(elsewhere), [Anomaly::Garbage]);
}

#[test]
fn g1a_aborted_read() {
    for level in [ReadCommitted, RepeatableRead] {
        let history = vec![
            ended(level, Outcome::Aborted, vec![write(A, 1)]),
            done(level, vec![read(A, &[1])]),
        ];
        assert_eq!(found(history), [Anomaly::AbortedRead]);
    }
    let taken_back = Act::Write {
        span: TOGETHER,
        key: A,
        value: 1,
        number: 0,
        kept: false,
    };
    let savepoint = vec![
        done(ReadCommitted, vec![taken_back]),
        done(ReadCommitted, vec![read(A, &[1])]),
    ];
    assert_eq!(found(savepoint), [Anomaly::AbortedRead]);
    let set = vec![
        ended(ReadCommitted, Outcome::Aborted, vec![write(S, 1)]),
        done(ReadCommitted, vec![read(S, &[1])]),
    ];
    assert_eq!(found(set), [Anomaly::AbortedRead]);
    let register = vec![
        ended(ReadCommitted, Outcome::Aborted, vec![numbered(R, 1, 1)]),
        done(ReadCommitted, vec![version(1, 1)]),
    ];
    assert_eq!(found(register), [Anomaly::AbortedRead]);
}

#[test]
fn g1b_intermediate_read() {
    let history = vec![
        done(ReadCommitted, vec![write(A, 1), write(A, 2)]),
        done(ReadCommitted, vec![read(A, &[1])]),
        done(ReadCommitted, vec![read(A, &[1, 2])]),
    ];
    assert_eq!(found(history), [Anomaly::IntermediateRead]);
    let register = vec![
        done(ReadCommitted, vec![numbered(R, 1, 1), numbered(R, 2, 2)]),
        done(ReadCommitted, vec![version(1, 1)]),
    ];
    assert_eq!(found(register), [Anomaly::IntermediateRead]);
}

#[test]
fn own_writes_unseen() {
    for level in [ReadCommitted, RepeatableRead] {
        let list = vec![
            done(level, vec![write(A, 1), read(A, &[])]),
            done(level, vec![read(A, &[1])]),
        ];
        assert_eq!(found(list), [Anomaly::OwnWriteUnseen]);
        let set = vec![done(level, vec![write(S, 1), read(S, &[])])];
        assert_eq!(found(set), [Anomaly::OwnWriteUnseen]);
        let register = vec![done(level, vec![numbered(R, 1, 1), version(0, 0)])];
        assert_eq!(found(register), [Anomaly::OwnWriteUnseen]);
    }
}

#[test]
fn lost_write() {
    let history = vec![
        done(ReadCommitted, vec![write(A, 1)]),
        done(ReadCommitted, vec![read(A, &[])]),
    ];
    assert_eq!(found(history), [Anomaly::LostWrite]);
    let gap = vec![done(ReadCommitted, vec![numbered(R, 1, 2)])];
    assert_eq!(found(gap), [Anomaly::LostWrite]);
}

#[test]
fn contradictions() {
    let orders = vec![
        done(ReadCommitted, vec![write(A, 1)]),
        done(ReadCommitted, vec![write(A, 2)]),
        done(ReadCommitted, vec![read(A, &[1, 2])]),
        done(ReadCommitted, vec![read(A, &[2, 1])]),
    ];
    assert_eq!(found(orders), [Anomaly::Contradiction]);
    let twice = vec![
        done(ReadCommitted, vec![write(A, 1)]),
        done(ReadCommitted, vec![read(A, &[1, 1])]),
    ];
    assert_eq!(found(twice), [Anomaly::LostWrite, Anomaly::Contradiction]);
}

#[test]
fn g0_dirty_write() {
    for level in [ReadCommitted, RepeatableRead] {
        let history = vec![
            done(level, vec![write(A, 1), write(B, 2)]),
            done(level, vec![write(A, 3), write(B, 4)]),
            done(ReadCommitted, vec![read(A, &[1, 3])]),
            done(ReadCommitted, vec![read(B, &[4, 2])]),
        ];
        assert_eq!(found(history), [Anomaly::DirtyWrite]);
    }
}

#[test]
fn g1c_circular_information() {
    for level in [ReadCommitted, RepeatableRead] {
        let history = vec![
            done(level, vec![write(A, 1), read(B, &[2])]),
            done(level, vec![write(B, 2), read(A, &[1])]),
        ];
        assert_eq!(found(history), [Anomaly::CircularInformation]);
    }
}

#[test]
fn lost_update() {
    let list = |level| {
        vec![
            done(level, vec![read(A, &[]), write(A, 1)]),
            done(level, vec![read(A, &[]), write(A, 2)]),
            done(ReadCommitted, vec![read(A, &[1, 2])]),
        ]
    };
    assert_eq!(found(list(RepeatableRead)), [Anomaly::LostUpdate]);
    // Appending loses nothing where the statement reads anew.
    assert_eq!(found(list(ReadCommitted)), []);
    let register = vec![
        done(RepeatableRead, vec![version(0, 0), numbered(R, 1, 1)]),
        done(RepeatableRead, vec![version(0, 0), numbered(R, 2, 1)]),
    ];
    assert_eq!(found(register), [Anomaly::LostUpdate]);
}

#[test]
fn a_lock_holds_until_the_end() {
    let locked = |values: &[u64]| Act::Read {
        span: TOGETHER,
        locked: true,
        saw: vec![saw(A, values)],
    };
    let both = |first: &[u64], second: &[u64]| {
        vec![
            done(ReadCommitted, vec![locked(first), write(A, 1)]),
            done(ReadCommitted, vec![locked(second), write(A, 2)]),
            done(ReadCommitted, vec![read(A, &[1, 2])]),
        ]
    };
    assert_eq!(found(both(&[], &[1])), []);
    assert_eq!(found(both(&[], &[])), [Anomaly::LostUpdate]);
}

#[test]
fn read_skew() {
    let history = |level| {
        vec![
            done(ReadCommitted, vec![write(A, 1), write(B, 2)]),
            done(level, vec![read(A, &[]), read(B, &[2])]),
            done(ReadCommitted, vec![read(A, &[1])]),
        ]
    };
    assert_eq!(found(history(RepeatableRead)), [Anomaly::ReadSkew]);
    assert_eq!(found(history(ReadCommitted)), []);
    // Within one statement no level allows it.
    let statement = vec![
        done(ReadCommitted, vec![write(A, 1), write(B, 2)]),
        done(
            ReadCommitted,
            vec![read_at(TOGETHER, vec![saw(A, &[]), saw(B, &[2])])],
        ),
        done(ReadCommitted, vec![read(A, &[1])]),
    ];
    assert_eq!(found(statement), [Anomaly::ReadSkew]);
    // Nor may a later statement see less.
    let back = vec![
        done(ReadCommitted, vec![write(A, 1), write(B, 2)]),
        done(ReadCommitted, vec![read(A, &[1]), read(B, &[])]),
        done(ReadCommitted, vec![read(B, &[2])]),
    ];
    assert_eq!(found(back), [Anomaly::ReadSkew]);
    // Also of a transaction that rolled back in the end.
    let aborted = vec![
        done(ReadCommitted, vec![write(A, 1), write(B, 2)]),
        ended(
            RepeatableRead,
            Outcome::Aborted,
            vec![read(A, &[]), read(B, &[2])],
        ),
        done(ReadCommitted, vec![read(A, &[1])]),
    ];
    assert_eq!(found(aborted), [Anomaly::ReadSkew]);
}

#[test]
fn phantoms() {
    let history = vec![
        done(ReadCommitted, vec![write(S, 1), write(A, 2)]),
        done(RepeatableRead, vec![read(S, &[]), read(A, &[2])]),
        done(ReadCommitted, vec![read(S, &[1])]),
    ];
    assert_eq!(found(history), [Anomaly::ReadSkew]);
    let twice = vec![
        done(ReadCommitted, vec![write(S, 1)]),
        done(RepeatableRead, vec![read(S, &[]), read(S, &[1])]),
    ];
    assert_eq!(found(twice), [Anomaly::NonRepeatableRead]);
}

#[test]
fn long_fork() {
    let history = |level| {
        vec![
            done(ReadCommitted, vec![write(A, 1)]),
            done(ReadCommitted, vec![write(B, 2)]),
            done(level, vec![read(A, &[1]), read(B, &[])]),
            done(level, vec![read(B, &[2]), read(A, &[])]),
        ]
    };
    assert_eq!(found(history(RepeatableRead)), [Anomaly::ReadSkew]);
    assert_eq!(found(history(ReadCommitted)), [Anomaly::ReadSkew]);
}

#[test]
fn write_skew_is_for_the_serializable_only() {
    let history = |level| {
        vec![
            done(level, vec![read(A, &[]), read(B, &[]), write(A, 1)]),
            done(level, vec![read(A, &[]), read(B, &[]), write(B, 2)]),
            done(ReadCommitted, vec![read(A, &[1]), read(B, &[2])]),
        ]
    };
    assert_eq!(found(history(RepeatableRead)), []);
    assert_eq!(found(history(Serializable)), [Anomaly::WriteSkew]);
}

#[test]
fn stale_reads() {
    let at = |from, to| Span { from, to };
    let history = |asked, level| {
        let reader = Transaction {
            level,
            acts: vec![read_at(at(asked, asked + 5), vec![saw(A, &[])])],
            outcome: Outcome::Committed,
            commit: at(asked + 6, asked + 7),
        };
        let writer = Transaction {
            level: ReadCommitted,
            acts: vec![Act::Write {
                span: at(1, 2),
                key: A,
                value: 1,
                number: 0,
                kept: true,
            }],
            outcome: Outcome::Committed,
            commit: at(3, 10),
        };
        let last = Transaction {
            level: ReadCommitted,
            acts: vec![read_at(at(100, 101), vec![saw(A, &[1])])],
            outcome: Outcome::Committed,
            commit: at(102, 103),
        };
        vec![reader, writer, last]
    };
    for level in [ReadCommitted, RepeatableRead] {
        assert_eq!(found(history(5, level)), []);
        assert_eq!(found(history(11, level)), [Anomaly::StaleRead]);
    }
    // Unanswered, a commit may have taken effect at any time.
    let mut unanswered = history(50, ReadCommitted);
    unanswered[1].outcome = Outcome::Unknown;
    unanswered[1].commit.to = NEVER;
    assert_eq!(found(unanswered), []);
}

#[test]
fn a_version_of_ones_own_that_is_rolled_back_is_nobody_elses() {
    let history = vec![
        ended(
            ReadCommitted,
            Outcome::Aborted,
            vec![numbered(R, 1, 1), version(1, 1)],
        ),
        done(ReadCommitted, vec![write(A, 5), numbered(R, 2, 1)]),
        done(ReadCommitted, vec![read(A, &[5]), version(1, 2)]),
    ];
    assert_eq!(found(history), []);
}
