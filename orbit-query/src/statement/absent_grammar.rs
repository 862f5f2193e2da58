//! DROP of what a node has none of: with IF EXISTS, as migrations that go down and dumps with
//! --clean write it, it does nothing and says so.

use super::database_grammar::DatabaseStatement;
use super::names::Name;
use super::tokens::{Tokens, text_of};
use super::utility::Utility;
use orbit_core::error::SqlState;
use orbit_core::{Result, state};
use sqlparser::tokenizer::Token;

/// One thing that isn't there.
#[derive(Clone, Debug)]
pub struct Absent {
    /// As PostgreSQL calls it: `type "mood"`.
    pub what: String,
    pub code: SqlState,
    /// The table that it would be on.
    pub on: Option<Name>,
    /// A kind of relation, so what it names may be another kind: its name, and that kind's.
    pub relation: Option<(Name, &'static str)>,
}

/// What is dropped, what it is called where it is missing, and whether it is on a table.
const KINDS: &[(&[&str], &str, &str, bool)] = &[
    (&["TYPE"], "DROP TYPE", "type", false),
    (&["DOMAIN"], "DROP DOMAIN", "type", false),
    (&["COLLATION"], "DROP COLLATION", "collation", false),
    (&["PUBLICATION"], "DROP PUBLICATION", "publication", false),
    (&["SERVER"], "DROP SERVER", "server", false),
    (
        &["EVENT", "TRIGGER"],
        "DROP EVENT TRIGGER",
        "event trigger",
        false,
    ),
    (
        &["STATISTICS"],
        "DROP STATISTICS",
        "statistics object",
        false,
    ),
    (
        &["MATERIALIZED", "VIEW"],
        "DROP MATERIALIZED VIEW",
        "materialized view",
        false,
    ),
    (
        &["FOREIGN", "TABLE"],
        "DROP FOREIGN TABLE",
        "foreign table",
        false,
    ),
    (&["TRIGGER"], "DROP TRIGGER", "trigger", true),
    (&["RULE"], "DROP RULE", "rule", true),
    (&["POLICY"], "DROP POLICY", "policy", true),
    (&["FUNCTION"], "DROP FUNCTION", "function", false),
    (&["PROCEDURE"], "DROP PROCEDURE", "procedure", false),
    (&["ROUTINE"], "DROP ROUTINE", "routine", false),
    (&["AGGREGATE"], "DROP AGGREGATE", "aggregate", false),
];

pub(super) fn parse(tokens: &mut Tokens<'_>) -> Result<Option<Utility>> {
    let mut ahead = Tokens::new(tokens.text(), tokens.rest());
    if !ahead.word("DROP") {
        return Ok(None);
    }
    let kind = KINDS.iter().find(|(words, ..)| ahead.words(words));
    let Some((_, tag, kind, on_table)) = kind else {
        return Ok(None);
    };
    let if_exists = ahead.words(&["IF", "EXISTS"]);
    let mut absent = Vec::new();
    loop {
        absent.push(one(&mut ahead, kind, *on_table)?);
        if !ahead.take(&Token::Comma) {
            break;
        }
    }
    if !ahead.word("CASCADE") {
        ahead.word("RESTRICT");
    }
    ahead.expect_end()?;
    while tokens.advance().is_some() {}
    Ok(Some(Utility::Database(Box::new(
        DatabaseStatement::DropAbsent {
            tag,
            absent,
            if_exists,
        },
    ))))
}

fn one(tokens: &mut Tokens<'_>, kind: &str, on_table: bool) -> Result<Absent> {
    let name = tokens.name()?;
    let shown = match &name.schema {
        Some(schema) => format!("{schema}.{}", name.name),
        None => name.name.clone(),
    };
    if matches!(kind, "function" | "procedure" | "routine" | "aggregate") {
        let mut arguments = "";
        if tokens.take(&Token::LParen) {
            let inside = tokens.parenthesised()?;
            arguments = text_of(tokens.text(), inside);
        }
        return Ok(Absent {
            what: format!("{kind} {shown}({arguments})"),
            code: state::UNDEFINED_FUNCTION,
            on: None,
            relation: None,
        });
    }
    let on = match on_table {
        true => {
            tokens.expect_word("ON")?;
            Some(tokens.name()?)
        }
        false => None,
    };
    let relation = match kind {
        "materialized view" => Some("a materialized view"),
        "foreign table" => Some("a foreign table"),
        _ => None,
    };
    Ok(Absent {
        what: format!("{kind} \"{shown}\""),
        code: match relation {
            Some(_) => state::UNDEFINED_TABLE,
            None => state::UNDEFINED_OBJECT,
        },
        on,
        relation: relation.map(|kind| (name, kind)),
    })
}
