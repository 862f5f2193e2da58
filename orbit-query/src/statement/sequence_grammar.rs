//! CREATE, ALTER and DROP SEQUENCE, and the options that identity columns share with them.

use super::dialect::OrbitDialect;
use super::names::Name;
use super::tokens::{Tokens, is_word};
use super::utility::Utility;
use crate::ddl::types::sql_type;
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// What a statement says of a sequence; `None`: nothing. `Some(None)`: NO MINVALUE and its like.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SequenceOptions {
    pub sql_type: Option<SqlType>,
    pub increment: Option<i64>,
    pub min: Option<Option<i64>>,
    pub max: Option<Option<i64>>,
    pub start: Option<i64>,
    /// `Some(None)`: from the start value.
    pub restart: Option<Option<i64>>,
    pub cache: Option<i64>,
    pub cycle: Option<bool>,
    /// `Some(None)`: OWNED BY NONE.
    pub owned_by: Option<Option<(Name, String)>>,
    /// What an identity column's sequence is to be called.
    pub name: Option<Name>,
}

/// `CREATE [TEMP] SEQUENCE`, `ALTER SEQUENCE`; `None` leaves the tokens as they were.
pub(super) fn parse(tokens: &mut Tokens<'_>) -> Result<Option<Utility>> {
    for (words, temporary) in [
        (&["CREATE", "SEQUENCE"][..], false),
        (&["CREATE", "TEMP", "SEQUENCE"], true),
        (&["CREATE", "TEMPORARY", "SEQUENCE"], true),
        (&["CREATE", "UNLOGGED", "SEQUENCE"], false),
    ] {
        if tokens.words(words) {
            let if_not_exists = tokens.words(&["IF", "NOT", "EXISTS"]);
            return Ok(Some(Utility::CreateSequence {
                name: tokens.name()?,
                if_not_exists,
                temporary,
                options: Box::new(options(tokens)?),
            }));
        }
    }
    // RENAME, OWNER and SET SCHEMA are every relation's.
    if is_word(tokens.peek(), "ALTER") && is_word(tokens.peek_nth(1), "SEQUENCE") {
        let mut ahead = Tokens::new(tokens.text(), tokens.rest());
        ahead.advance();
        ahead.advance();
        let if_exists = ahead.words(&["IF", "EXISTS"]);
        let name = ahead.name()?;
        let other = ahead.is_word("RENAME")
            || ahead.is_word("OWNER")
            || (ahead.is_word("SET") && is_word(ahead.peek_nth(1), "SCHEMA"));
        if other {
            return Ok(None);
        }
        let options = options(&mut ahead)?;
        ahead.expect_end()?;
        while tokens.advance().is_some() {}
        return Ok(Some(Utility::AlterSequence {
            name,
            if_exists,
            options: Box::new(options),
        }));
    }
    Ok(None)
}

/// Options in any order, up to something that is none.
pub(crate) fn options(tokens: &mut Tokens<'_>) -> Result<SequenceOptions> {
    let mut options = SequenceOptions::default();
    let again = || Error::new(state::SYNTAX_ERROR, "conflicting or redundant options");
    macro_rules! set {
        ($field:ident, $value:expr) => {
            if options.$field.replace($value).is_some() {
                return Err(again());
            }
        };
    }
    loop {
        if tokens.word("AS") {
            set!(sql_type, integer_type(tokens)?);
        } else if tokens.word("INCREMENT") {
            tokens.word("BY");
            set!(increment, number(tokens)?);
        } else if tokens.word("MINVALUE") {
            set!(min, Some(number(tokens)?));
        } else if tokens.words(&["NO", "MINVALUE"]) {
            set!(min, None);
        } else if tokens.word("MAXVALUE") {
            set!(max, Some(number(tokens)?));
        } else if tokens.words(&["NO", "MAXVALUE"]) {
            set!(max, None);
        } else if tokens.word("START") {
            tokens.word("WITH");
            set!(start, number(tokens)?);
        } else if tokens.word("RESTART") {
            tokens.word("WITH");
            let from = match tokens.peek() {
                Some(Token::Number(..) | Token::Minus | Token::Plus) => Some(number(tokens)?),
                _ => None,
            };
            set!(restart, from);
        } else if tokens.word("CACHE") {
            set!(cache, number(tokens)?);
        } else if tokens.word("CYCLE") {
            set!(cycle, true);
        } else if tokens.words(&["NO", "CYCLE"]) {
            set!(cycle, false);
        } else if tokens.words(&["SEQUENCE", "NAME"]) {
            set!(name, tokens.name()?);
        } else if tokens.words(&["OWNED", "BY"]) {
            set!(owned_by, owner(tokens)?);
        } else {
            return Ok(options);
        }
    }
}

/// `NONE`, or `[schema.]table.column`.
fn owner(tokens: &mut Tokens<'_>) -> Result<Option<(Name, String)>> {
    if tokens.word("NONE") {
        return Ok(None);
    }
    let first = tokens.identifier()?;
    let mut parts = vec![first];
    while tokens.take(&Token::Period) {
        parts.push(tokens.identifier()?);
    }
    let column = parts.pop().unwrap_or_default();
    let invalid = || {
        Error::new(state::SYNTAX_ERROR, "invalid OWNED BY option")
            .with_hint("Specify OWNED BY table.column or OWNED BY NONE.")
    };
    let name = parts.pop().ok_or_else(invalid)?;
    let schema = parts.pop();
    Ok(Some((Name { schema, name }, column)))
}

fn number(tokens: &mut Tokens<'_>) -> Result<i64> {
    let negative = tokens.take(&Token::Minus);
    if !negative {
        tokens.take(&Token::Plus);
    }
    let Some(Token::Number(digits, _)) = tokens.peek() else {
        return Err(tokens.unexpected());
    };
    let text = format!("{}{digits}", if negative { "-" } else { "" });
    tokens.advance();
    text.parse().map_err(|_| {
        Error::new(
            state::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("value \"{text}\" is out of range for type bigint"),
        )
    })
}

fn integer_type(tokens: &mut Tokens<'_>) -> Result<SqlType> {
    let name = tokens.identifier()?;
    match name.as_str() {
        "smallint" | "int2" => Ok(SqlType::Int2),
        "integer" | "int" | "int4" => Ok(SqlType::Int4),
        "bigint" | "int8" => Ok(SqlType::Int8),
        _ => {
            // A type that isn't there is another error.
            let parsed = OrbitDialect::parser(name.len())
                .try_with_sql(&name)
                .and_then(|mut parser| parser.parse_data_type());
            if let Ok(parsed) = parsed {
                sql_type(&parsed)?;
            }
            Err(Error::new(
                state::INVALID_PARAMETER_VALUE,
                "sequence type must be smallint, integer, or bigint",
            ))
        }
    }
}

/// The parser knows the options of an identity column in one order only: others are put
/// into it. `None`: nothing to do.
pub(super) fn ordered(text: &str, tokens: &[TokenWithSpan]) -> Result<Option<Vec<TokenWithSpan>>> {
    let mut out: Option<Vec<TokenWithSpan>> = None;
    let mut done = 0;
    let mut at = 0;
    while at + 2 < tokens.len() {
        let opens = is_word(tokens.get(at).map(|t| &t.token), "AS")
            && is_word(tokens.get(at + 1).map(|t| &t.token), "IDENTITY")
            && tokens.get(at + 2).map(|t| &t.token) == Some(&Token::LParen);
        if !opens {
            at += 1;
            continue;
        }
        let mut rest = Tokens::new(text, tokens.get(at + 3..).unwrap_or_default());
        let inside = rest.parenthesised()?;
        let mut reader = Tokens::new(text, inside);
        let options = options(&mut reader)?;
        reader.expect_end()?;
        let out = out.get_or_insert_with(Vec::new);
        out.extend_from_slice(tokens.get(done..at + 3).unwrap_or_default());
        let span = tokens.get(at + 2).map(|token| token.span);
        if let Some(span) = span {
            let written = spelled(&options).into_iter();
            out.extend(written.map(|token| TokenWithSpan { token, span }));
        }
        at += 3 + inside.len();
        done = at;
    }
    if let Some(out) = &mut out {
        out.extend_from_slice(tokens.get(done..).unwrap_or_default());
    }
    Ok(out)
}

fn spelled(options: &SequenceOptions) -> Vec<Token> {
    let mut out = Vec::new();
    let word = |keyword: Keyword, text: &str| {
        Token::Word(Word {
            value: text.to_owned(),
            quote_style: None,
            keyword,
        })
    };
    let push_number = |out: &mut Vec<Token>, value: i64| {
        if value < 0 {
            out.push(Token::Minus);
        }
        out.push(Token::Number(value.unsigned_abs().to_string(), false));
    };
    if let Some(value) = options.increment {
        out.push(word(Keyword::INCREMENT, "INCREMENT"));
        push_number(&mut out, value);
    }
    if let Some(Some(value)) = options.min {
        out.push(word(Keyword::MINVALUE, "MINVALUE"));
        push_number(&mut out, value);
    }
    if let Some(Some(value)) = options.max {
        out.push(word(Keyword::MAXVALUE, "MAXVALUE"));
        push_number(&mut out, value);
    }
    if let Some(value) = options.start {
        out.push(word(Keyword::START, "START"));
        push_number(&mut out, value);
    }
    if let Some(value) = options.cache {
        out.push(word(Keyword::CACHE, "CACHE"));
        push_number(&mut out, value);
    }
    if options.cycle == Some(true) {
        out.push(word(Keyword::CYCLE, "CYCLE"));
    }
    out
}
