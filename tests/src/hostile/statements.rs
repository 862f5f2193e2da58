//! Statements no application sends by mistake, each with the answers it may get.
//!
//! *   `length`: one part after another, tens of thousands of them
//! *   `nesting`: one part inside another, as deep
//! *   `exhaustion`: more memory or time than there is
//! *   `malformed`: no SQL at all, and no values of their types

mod exhaustion;
mod length;
mod malformed;
mod nesting;

/// A statement and the first letters of the SQLSTATEs that are right for it; `ok`
/// stands for an answer without an error.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub sql: String,
    pub right: Right,
}

type Right = &'static [&'static str];

const OK: Right = &["ok"];
/// A program limit (54), or done all the same.
const LIMIT: Right = &["ok", "54"];
/// Out of memory (53), too long (57014), over a limit, or done all the same.
const HUNGRY: Right = &["ok", "53", "54", "57014"];

fn case(name: impl Into<String>, sql: impl Into<String>, right: Right) -> Case {
    Case {
        name: name.into(),
        sql: sql.into(),
        right,
    }
}

pub const SETUP: &str = "
    CREATE TABLE h (id int PRIMARY KEY, n int, t text, j jsonb, a int[]);
    INSERT INTO h SELECT g, g % 10, 'text ' || g, '{\"a\": [1, 2]}', ARRAY[1, 2, 3]
        FROM generate_series(1, 1000) g;
    CREATE TABLE empty (id int PRIMARY KEY, n int)";

/// The statement that a short form stands for. In it `«piece»` is `n` pieces in a row,
/// `«piece¦between»` with something between them, `«open¦core¦close»` a core that `n` pairs
/// stand around, and `{n}` the number. A piece that is followed by what stands between may
/// count: `{at}` from 0, `{at+1}` from 1.
fn spelled(short: &str, n: usize) -> String {
    let mut sql = String::new();
    for (nth, part) in short.split(['«', '»']).enumerate() {
        let fields: Vec<&str> = part.split('¦').collect();
        match fields.as_slice() {
            _ if nth % 2 == 0 => sql += &part.replace("{n}", &n.to_string()),
            [piece, between] if piece.contains("{at") => {
                let pieces: Vec<String> = (0..n).map(|at| counted(piece, at)).collect();
                sql += &pieces.join(between);
            }
            [piece, between] => sql += &vec![*piece; n].join(between),
            [open, core, close] => {
                sql += &open.repeat(n);
                sql += core;
                sql += &close.repeat(n);
            }
            _ => sql += &part.repeat(n),
        }
    }
    sql
}

fn counted(piece: &str, at: usize) -> String {
    piece
        .replace("{at}", &at.to_string())
        .replace("{at+1}", &(at + 1).to_string())
        .replace("{at+2}", &(at + 2).to_string())
}

pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for size in [30, 400, 3_000, 10_000, 60_000] {
        cases.extend(length::cases(size));
    }
    for depth in [10, 60, 150, 1_000, 10_000, 100_000] {
        cases.extend(nesting::cases(depth));
    }
    cases.extend(elsewhere(&cases));
    cases.extend(exhaustion::cases());
    cases.extend(malformed::words());
    cases.extend(malformed::values());
    cases
}

/// Queries again where they are part of another statement.
fn elsewhere(cases: &[Case]) -> Vec<Case> {
    // What is odd about a form may be refused for what it is, never with a death.
    // Parameters that nobody gives are a violation of the extended protocol.
    let right: Right = &[
        "ok", "54", "53", "57014", "42", "0A000", "22", "21000", "08P01",
    ];
    let mut made = Vec::new();
    for Case { name, sql, .. } in cases {
        if !sql.starts_with("SELECT") || sql.len() >= 300_000 {
            continue;
        }
        for (place, before, after) in [
            ("explain", "EXPLAIN ", ""),
            ("in a subquery", "SELECT count(*) FROM (", ") AS inside"),
            ("exists", "SELECT EXISTS (", ")"),
            ("prepare", "PREPARE hostile AS ", ""),
            ("copy", "COPY (", ") TO STDOUT"),
        ] {
            let sql = format!("{before}{sql}{after}");
            made.push(case(format!("{place}: {name}"), sql, right));
        }
    }
    made
}
