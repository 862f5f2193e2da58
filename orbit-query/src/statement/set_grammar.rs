//! SET, RESET, SHOW, DISCARD.

use super::tokens::Tokens;
use super::utility::Utility;
use orbit_core::{Error, Result, state};
use sqlparser::tokenizer::Token;
use std::time::Duration;

pub fn parse(tokens: &mut Tokens<'_>) -> Result<Option<Utility>> {
    if tokens.is_word("SELECT") {
        return Ok(set_config(tokens)
            .or_else(|| sleep(tokens))
            .or_else(|| export_snapshot(tokens)));
    }
    if tokens.word("SET") {
        return set(tokens).map(Some);
    }
    if tokens.word("RESET") {
        let name = if tokens.word("ALL") {
            None
        } else {
            Some(variable(tokens)?)
        };
        return Ok(Some(Utility::Reset(name)));
    }
    if tokens.word("SHOW") {
        let name = if tokens.word("ALL") {
            None
        } else {
            Some(variable(tokens)?)
        };
        return Ok(Some(Utility::Show(name)));
    }
    if tokens.word("DISCARD") {
        let (all, tag) = if tokens.word("ALL") {
            (true, "DISCARD ALL")
        } else if tokens.word("PLANS") {
            (false, "DISCARD PLANS")
        } else if tokens.word("SEQUENCES") {
            (false, "DISCARD SEQUENCES")
        } else if tokens.word("TEMP") || tokens.word("TEMPORARY") {
            (false, "DISCARD TEMP")
        } else {
            return Err(tokens.unexpected());
        };
        return Ok(Some(Utility::Discard { all, tag }));
    }
    Ok(None)
}

/// `SELECT set_config('name', 'value', false)`: a query in form, SET in effect.
fn set_config(tokens: &mut Tokens<'_>) -> Option<Utility> {
    let mut at = 1;
    if super::tokens::is_word(tokens.peek_nth(at), "pg_catalog") {
        at += 2;
    }
    let words = super::tokens::is_word(tokens.peek_nth(at), "set_config");
    let literal = |n: usize| match tokens.peek_nth(at + n) {
        Some(Token::SingleQuotedString(text)) => Some(text.clone()),
        _ => None,
    };
    let (name, value) = (literal(2)?, literal(4)?);
    let truth = |word| super::tokens::is_word(tokens.peek_nth(at + 6), word);
    let local = truth("true");
    let known = words
        && (local || truth("false"))
        && tokens.peek_nth(at + 1) == Some(&Token::LParen)
        && tokens.peek_nth(at + 3) == Some(&Token::Comma)
        && tokens.peek_nth(at + 5) == Some(&Token::Comma)
        && tokens.peek_nth(at + 7) == Some(&Token::RParen)
        && tokens.peek_nth(at + 8).is_none();
    if !known {
        return None;
    }
    while tokens.advance().is_some() {}
    Some(Utility::SetConfig {
        name: name.to_ascii_lowercase(),
        value,
        local,
    })
}

/// `SELECT pg_sleep(1.5)`: a query in form. The session waits, and no query thread.
fn sleep(tokens: &mut Tokens<'_>) -> Option<Utility> {
    let mut at = 1;
    if super::tokens::is_word(tokens.peek_nth(at), "pg_catalog") {
        at += 2;
    }
    let Some(Token::Number(seconds, _)) = tokens.peek_nth(at + 2) else {
        return None;
    };
    let known = super::tokens::is_word(tokens.peek_nth(at), "pg_sleep")
        && tokens.peek_nth(at + 1) == Some(&Token::LParen)
        && tokens.peek_nth(at + 3) == Some(&Token::RParen)
        && tokens.peek_nth(at + 4).is_none();
    if !known {
        return None;
    }
    let time = Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?;
    while tokens.advance().is_some() {}
    Some(Utility::Sleep(time))
}

/// `SELECT pg_export_snapshot()`: a query in form. The session knows its transaction.
fn export_snapshot(tokens: &mut Tokens<'_>) -> Option<Utility> {
    let mut at = 1;
    if super::tokens::is_word(tokens.peek_nth(at), "pg_catalog") {
        at += 2;
    }
    let known = super::tokens::is_word(tokens.peek_nth(at), "pg_export_snapshot")
        && tokens.peek_nth(at + 1) == Some(&Token::LParen)
        && tokens.peek_nth(at + 2) == Some(&Token::RParen)
        && tokens.peek_nth(at + 3).is_none();
    if !known {
        return None;
    }
    while tokens.advance().is_some() {}
    Some(Utility::ExportSnapshot)
}

/// A setting's name; the two that SQL spells with several words too.
pub(super) fn variable(tokens: &mut Tokens<'_>) -> Result<String> {
    if tokens.words(&["TIME", "ZONE"]) {
        return Ok("timezone".to_owned());
    }
    if tokens.words(&["TRANSACTION", "ISOLATION", "LEVEL"]) {
        return Ok("transaction_isolation".to_owned());
    }
    if tokens.words(&["SESSION", "AUTHORIZATION"]) {
        return Ok("session_authorization".to_owned());
    }
    let mut name = tokens.identifier()?;
    while tokens.take(&Token::Period) {
        name.push('.');
        name.push_str(&tokens.identifier()?);
    }
    Ok(name)
}

fn set(tokens: &mut Tokens<'_>) -> Result<Utility> {
    if tokens.word("CONSTRAINTS") {
        return constraints(tokens);
    }
    let local = tokens.word("LOCAL");
    if !local && super::tokens::is_word(tokens.peek_nth(1), "SESSION") {
        // SET SESSION SESSION AUTHORIZATION
        tokens.word("SESSION");
    }
    if tokens.words(&["SESSION", "AUTHORIZATION"]) {
        let value = match tokens.word("DEFAULT") {
            true => None,
            false => Some(one_value(tokens)?),
        };
        return Ok(Utility::Set {
            name: "session_authorization".to_owned(),
            value,
            local,
        });
    }
    if !local {
        tokens.word("SESSION");
    }
    if tokens.words(&["TIME", "ZONE"]) {
        let value = if tokens.word("LOCAL") || tokens.word("DEFAULT") {
            None
        } else {
            Some(time_zone(tokens)?)
        };
        return Ok(Utility::Set {
            name: "timezone".to_owned(),
            value,
            local,
        });
    }
    if tokens.word("SCHEMA") {
        let schema = tokens.string()?;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        let value = match !schema.is_empty() && schema.bytes().all(plain) {
            true => schema,
            false => format!("\"{}\"", schema.replace('"', "\"\"")),
        };
        return Ok(Utility::Set {
            name: "search_path".to_owned(),
            value: Some(value),
            local,
        });
    }
    if tokens.word("NAMES") {
        let value = if tokens.at_end() || tokens.word("DEFAULT") {
            None
        } else {
            Some(one_value(tokens)?)
        };
        return Ok(Utility::Set {
            name: "client_encoding".to_owned(),
            value,
            local,
        });
    }
    if tokens.word("ROLE") {
        let role = one_value(tokens)?;
        return Ok(Utility::Set {
            name: "role".to_owned(),
            value: Some(role),
            local,
        });
    }
    let (name, value) = assignment(tokens)?;
    Ok(Utility::Set { name, value, local })
}

/// `name = value`; `None`: its default.
pub(super) fn assignment(tokens: &mut Tokens<'_>) -> Result<(String, Option<String>)> {
    let name = variable(tokens)?;
    if !tokens.word("TO") {
        tokens.expect(&Token::Eq)?;
    }
    let value = if tokens.word("DEFAULT") {
        None
    } else {
        Some(values(tokens, &name)?)
    };
    Ok((name, value))
}

/// `SET CONSTRAINTS { ALL | name, ... } { DEFERRED | IMMEDIATE }`
fn constraints(tokens: &mut Tokens<'_>) -> Result<Utility> {
    let mut names = Vec::new();
    if !tokens.word("ALL") {
        names.push(tokens.name()?);
        while tokens.take(&Token::Comma) {
            names.push(tokens.name()?);
        }
    }
    let deferred = tokens.word("DEFERRED");
    if !deferred {
        tokens.expect_word("IMMEDIATE")?;
    }
    Ok(Utility::SetConstraints { names, deferred })
}

/// A zone by name, or an offset in hours as SQL has it: `-5`, `INTERVAL '+02:00' HOUR TO MINUTE`.
fn time_zone(tokens: &mut Tokens<'_>) -> Result<String> {
    if tokens.word("INTERVAL") {
        let offset = tokens.string()?;
        let _ = tokens.words(&["HOUR", "TO", "MINUTE"]);
        return Ok(offset);
    }
    one_value(tokens)
}

/// `a, 'b', "c"` as one text. Each item of a list keeps quotes it needs.
fn values(tokens: &mut Tokens<'_>, name: &str) -> Result<String> {
    let mut text = if name == "search_path" {
        list_item(tokens)?
    } else {
        one_value(tokens)?
    };
    while tokens.take(&Token::Comma) {
        text.push_str(", ");
        text.push_str(&list_item(tokens)?);
    }
    Ok(text)
}

fn list_item(tokens: &mut Tokens<'_>) -> Result<String> {
    let item = one_value(tokens)?;
    let plain = !item.is_empty()
        && item
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && !item.as_bytes()[0].is_ascii_digit();
    Ok(if plain {
        item
    } else {
        format!("\"{}\"", item.replace('"', "\"\""))
    })
}

fn one_value(tokens: &mut Tokens<'_>) -> Result<String> {
    let minus = tokens.take(&Token::Minus);
    if !minus {
        tokens.take(&Token::Plus);
    }
    match tokens.peek() {
        Some(Token::Number(digits, _)) => {
            tokens.advance();
            Ok(if minus {
                format!("-{digits}")
            } else {
                digits.clone()
            })
        }
        _ if minus => Err(tokens.unexpected()),
        Some(Token::Word(_)) => tokens.identifier(),
        Some(Token::Placeholder(_)) => {
            Err(Error::new(state::SYNTAX_ERROR, "SET takes no parameters")
                .with_hint("Use set_config()."))
        }
        _ => tokens.string(),
    }
}
