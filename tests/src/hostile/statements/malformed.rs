//! Not SQL at all, or SQL that means nothing; and texts that are no values of a type.

use super::{Case, Right, case};

/// What nonsense is made of.
const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "(",
    ")",
    ",",
    ";",
    "'",
    "\"",
    "$1",
    "$$",
    "/*",
    "--",
    "::",
    "*",
    "1",
    "h",
    "NULL",
    "CASE",
    "END",
    "UNION",
    "WITH",
    "[",
    "]",
    ".",
    "E'\\",
    "U&'\\",
    "\u{0}\u{1}",
    "\u{202e}",
    "JOIN",
    "ON",
    "GROUP BY",
    "INSERT INTO",
    "VALUES",
    "CREATE TABLE",
    "ALTER",
    "BEGIN",
    "ROLLBACK",
    "COPY",
    "LIMIT",
    "OVER",
    "ARRAY",
    "INTERVAL",
    "DEFAULT",
    "SET",
    "=",
    "<>",
    "||",
    "->>",
];

/// Every type that a text can be read as.
const TYPES: &[&str] = &[
    "bool",
    "int2",
    "int4",
    "int8",
    "float4",
    "float8",
    "numeric",
    "numeric(5,2)",
    "text",
    "varchar(3)",
    "char(3)",
    "bytea",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "interval",
    "uuid",
    "inet",
    "cidr",
    "json",
    "jsonb",
    "int[]",
    "text[]",
    "oid",
    "regclass",
    "name",
];

/// No values of most types, or just beyond their ends.
const TEXTS: &[&str] = &[
    "",
    " ",
    "x",
    "-",
    "+",
    "1e",
    "1e999999999",
    "-1e-999999999",
    "0x",
    "infinity",
    "-infinity",
    "nan",
    "9999999999999999999999999",
    "1.7976931348623157e309",
    "\\x0",
    "\\xzz",
    "{",
    "}",
    "{}",
    "{,}",
    "{{1},{2,3}}",
    "[1:2]={1}",
    "[2147483647:2147483647]={1}",
    "[-2147483648:2147483647]={1}",
    "null",
    "\"",
    "[1,",
    "{\"a\"",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "2000-02-30",
    "0000-00-00",
    "99999999-01-01",
    "24:00:01",
    "25:00",
    "2000-01-01 00:00:00+99",
    "2000-01-01 Nowhere/Zone",
    "P1Y2M3DT4H5M6S",
    "P",
    "1 year 2 mons -3 days",
    "999999999999 years",
    "178956971 years",
    "epoch",
    "now",
    "J999999999999",
    "00000000-0000-0000-0000-00000000000g",
    "t",
    "tru",
    "on",
    "0",
    "-0",
    "\u{feff}1",
    "١",
];

/// Words in any order.
pub(super) fn words() -> Vec<Case> {
    // In a block of its own, so that what happens to be a command undoes itself.
    let right: Right = &[
        "ok", "42", "0A000", "22", "54", "26000", "25P01", "3D000", "25", "3", "0", "53", "57014",
        "2BP01", "21000",
    ];
    let mut random = crate::Random(7);
    (0..600)
        .map(|at| {
            let length = 1 + random.below(12);
            let text: Vec<&str> = (0..length)
                .map(|_| WORDS[random.below(WORDS.len() as u64) as usize])
                .filter(|word| !word.contains('\0'))
                .collect();
            case(format!("words {at}"), text.join(" "), right)
        })
        .collect()
}

/// Texts that are no values, for every type.
pub(super) fn values() -> Vec<Case> {
    let right: Right = &["ok", "22", "42P01", "42602", "54", "42601"];
    let long = [
        "9".repeat(100_000),
        "{".repeat(100_000),
        "[".repeat(100_000),
        "1,".repeat(50_000),
    ];
    let texts = || TEXTS.iter().copied().chain(long.iter().map(String::as_str));
    let mut cases = Vec::new();
    for kind in TYPES {
        for text in texts() {
            let shown: String = text.chars().take(30).collect();
            let sql = format!("SELECT '{}'::{kind}", text.replace('\'', "''"));
            cases.push(case(format!("'{shown}'::{kind}"), sql, right));
        }
    }
    cases
}
