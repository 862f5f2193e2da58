//! BEGIN, COMMIT, ROLLBACK, savepoints, SET TRANSACTION.

use super::tokens::Tokens;
use super::utility::{IsolationLevel, Modes, Utility};
use orbit_core::Result;
use sqlparser::tokenizer::Token;

pub fn parse(tokens: &mut Tokens<'_>) -> Result<Option<Utility>> {
    if tokens.word("BEGIN") {
        transaction_word(tokens);
        let modes = modes(tokens)?;
        return Ok(Some(Utility::Begin {
            modes,
            start: false,
        }));
    }
    if tokens.words(&["START", "TRANSACTION"]) {
        let modes = modes(tokens)?;
        return Ok(Some(Utility::Begin { modes, start: true }));
    }
    if tokens.word("COMMIT") || tokens.word("END") {
        if let Some(utility) = two_phase(tokens, "COMMIT PREPARED")? {
            return Ok(Some(utility));
        }
        transaction_word(tokens);
        return Ok(Some(Utility::Commit {
            chain: chain(tokens)?,
        }));
    }
    if tokens.word("ROLLBACK") || tokens.word("ABORT") {
        if let Some(utility) = two_phase(tokens, "ROLLBACK PREPARED")? {
            return Ok(Some(utility));
        }
        transaction_word(tokens);
        if tokens.word("TO") {
            tokens.word("SAVEPOINT");
            return Ok(Some(Utility::RollbackTo(tokens.identifier()?)));
        }
        return Ok(Some(Utility::Rollback {
            chain: chain(tokens)?,
        }));
    }
    if tokens.word("SAVEPOINT") {
        return Ok(Some(Utility::Savepoint(tokens.identifier()?)));
    }
    if tokens.word("RELEASE") {
        tokens.word("SAVEPOINT");
        return Ok(Some(Utility::Release(tokens.identifier()?)));
    }
    if tokens.words(&["PREPARE", "TRANSACTION"]) {
        tokens.string()?;
        return Ok(Some(Utility::PrepareTransaction));
    }
    if tokens.words(&["SET", "TRANSACTION"]) || tokens.words(&["SET", "LOCAL", "TRANSACTION"]) {
        if tokens.word("SNAPSHOT") {
            return Ok(Some(Utility::SetSnapshot(tokens.string()?)));
        }
        return Ok(Some(Utility::SetTransaction(required_modes(tokens)?)));
    }
    if tokens.words(&["SET", "SESSION", "CHARACTERISTICS"]) {
        tokens.expect_word("AS")?;
        tokens.expect_word("TRANSACTION")?;
        return Ok(Some(Utility::SetCharacteristics(required_modes(tokens)?)));
    }
    Ok(None)
}

fn two_phase(tokens: &mut Tokens<'_>, what: &'static str) -> Result<Option<Utility>> {
    if !tokens.word("PREPARED") {
        return Ok(None);
    }
    let name = tokens.string()?;
    Ok(Some(Utility::FinishPrepared { name, what }))
}

fn transaction_word(tokens: &mut Tokens<'_>) {
    let _ = tokens.word("TRANSACTION") || tokens.word("WORK");
}

fn chain(tokens: &mut Tokens<'_>) -> Result<bool> {
    if !tokens.word("AND") {
        return Ok(false);
    }
    let not = tokens.word("NO");
    tokens.expect_word("CHAIN")?;
    Ok(!not)
}

fn required_modes(tokens: &mut Tokens<'_>) -> Result<Modes> {
    if tokens.at_end() {
        return Err(tokens.unexpected());
    }
    modes(tokens)
}

fn modes(tokens: &mut Tokens<'_>) -> Result<Modes> {
    let mut modes = Modes::default();
    let mut first = true;
    while !tokens.at_end() {
        // Commas between modes are optional in PostgreSQL.
        if !first {
            tokens.take(&Token::Comma);
        }
        first = false;
        if tokens.words(&["ISOLATION", "LEVEL"]) {
            modes.isolation = Some(isolation(tokens)?);
        } else if tokens.words(&["READ", "ONLY"]) {
            modes.read_only = Some(true);
        } else if tokens.words(&["READ", "WRITE"]) {
            modes.read_only = Some(false);
        } else if tokens.words(&["NOT", "DEFERRABLE"]) || tokens.word("DEFERRABLE") {
            // Only SERIALIZABLE READ ONLY transactions would wait; ours never need to.
        } else {
            return Err(tokens.unexpected());
        }
    }
    Ok(modes)
}

fn isolation(tokens: &mut Tokens<'_>) -> Result<IsolationLevel> {
    [
        (&["SERIALIZABLE"][..], IsolationLevel::Serializable),
        (&["REPEATABLE", "READ"], IsolationLevel::RepeatableRead),
        (&["READ", "COMMITTED"], IsolationLevel::ReadCommitted),
        (&["READ", "UNCOMMITTED"], IsolationLevel::ReadUncommitted),
    ]
    .into_iter()
    .find_map(|(words, level)| tokens.words(words).then_some(level))
    .ok_or_else(|| tokens.unexpected())
}
