//! COPY, in its present form `WITH (FORMAT csv, ...)` and in the old one
//! `WITH DELIMITER ',' CSV HEADER`.

use super::parse;
use super::tokens::{self, Tokens};
use super::utility::Utility;
use crate::copy::options::{CopyOptions, CopySource, CopyStatement};
use orbit_core::error::SqlState;
use orbit_core::{Error, Result, state};
use sqlparser::tokenizer::Token;

pub fn parse(tokens: &mut Tokens<'_>) -> Result<Utility> {
    let binary = tokens.is_word("BINARY") && tokens.rest().len() > 3 && tokens.word("BINARY");
    let source = if tokens.take(&Token::LParen) {
        let query = tokens.parenthesised()?;
        let sql = tokens::text_of(tokens.text(), query).to_owned();
        // Found wrong here rather than when it runs.
        parse::row_statement(&sql)?;
        CopySource::Query(sql)
    } else {
        let name = tokens.name()?;
        let columns = if tokens.take(&Token::LParen) {
            Some(column_list(tokens)?)
        } else {
            None
        };
        CopySource::Table { name, columns }
    };
    let from = if tokens.word("FROM") {
        true
    } else {
        tokens.expect_word("TO")?;
        false
    };
    if from && matches!(source, CopySource::Query(_)) {
        return Err(tokens.unexpected());
    }
    if !(tokens.word("STDIN") || tokens.word("STDOUT")) {
        let program = tokens.word("PROGRAM");
        tokens.string()?;
        return Err(no_files(program, from));
    }
    let mut options = CopyOptions::new(from);
    options.binary = binary;
    let _ = from && tokens.words(&["USING", "DELIMITERS"]) && {
        options.delimiter = Some(tokens.string()?);
        true
    };
    let with = tokens.word("WITH");
    if tokens.take(&Token::LParen) {
        for option in tokens.parenthesised()?.split_top_level() {
            let mut option = Tokens::new(tokens.text(), option);
            present_option(&mut option, &mut options)?;
            option.expect_end()?;
        }
    } else {
        while !tokens.at_end() && !tokens.is_word("WHERE") {
            old_option(tokens, &mut options)?;
        }
        let _ = with;
    }
    let mut filter = None;
    if tokens.word("WHERE") {
        if !from {
            return Err(Error::new(
                state::SYNTAX_ERROR,
                "WHERE clause not allowed with COPY TO",
            ));
        }
        let sql = tokens.take_rest();
        parse::expression(&sql)?;
        filter = Some(sql);
    }
    options.validate()?;
    Ok(Utility::Copy(Box::new(CopyStatement {
        source,
        from,
        options,
        filter,
    })))
}

/// Nobody may touch the server's files or programs by SQL, whoever it is.
fn no_files(program: bool, from: bool) -> Error {
    let (role, what) = match (program, from) {
        (true, _) => (
            "pg_execute_server_program",
            "to or from an external program",
        ),
        (false, true) => ("pg_read_server_files", "from a file"),
        (false, false) => ("pg_write_server_files", "to a file"),
    };
    Error::new(
        SqlState(*b"42501"),
        format!("must be superuser or have privileges of the {role} role to COPY {what}"),
    )
    .with_hint(
        "Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone.",
    )
}

/// Cuts at the commas that stand in no inner parentheses.
trait SplitTopLevel {
    fn split_top_level(&self) -> Vec<&[sqlparser::tokenizer::TokenWithSpan]>;
}

impl SplitTopLevel for [sqlparser::tokenizer::TokenWithSpan] {
    fn split_top_level(&self) -> Vec<&[sqlparser::tokenizer::TokenWithSpan]> {
        let mut depth = 0usize;
        self.split(|token| {
            match token.token {
                Token::LParen => depth += 1,
                Token::RParen => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && token.token == Token::Comma
        })
        .collect()
    }
}

/// After its opening parenthesis.
fn column_list(tokens: &mut Tokens<'_>) -> Result<Vec<String>> {
    let mut columns = vec![tokens.identifier()?];
    while tokens.take(&Token::Comma) {
        columns.push(tokens.identifier()?);
    }
    tokens.expect(&Token::RParen)?;
    Ok(columns)
}

fn present_option(option: &mut Tokens<'_>, options: &mut CopyOptions) -> Result<()> {
    let name = option.identifier()?;
    match name.as_str() {
        "format" => {
            let format = word_or_string(option)?;
            options.set_format(&format)?;
        }
        "freeze" => {
            boolean(option, "freeze")?;
        }
        "header" => {
            if option.word("MATCH") {
                options.header = true;
                options.header_match = true;
            } else {
                options.header = boolean(option, "header")?;
            }
        }
        "delimiter" => options.delimiter = Some(option.string()?),
        "null" => options.null = Some(option.string()?),
        "quote" => options.quote = Some(option.string()?),
        "escape" => options.escape = Some(option.string()?),
        "encoding" => encoding(&word_or_string(option)?)?,
        "force_quote" => {
            if option.take(&Token::Mul) {
                options.force_quote_all = true;
            } else {
                option.expect(&Token::LParen)?;
                options.force_quote = column_list(option)?;
            }
        }
        "force_not_null" => {
            option.expect(&Token::LParen)?;
            options.force_not_null = column_list(option)?;
        }
        "force_null" => {
            option.expect(&Token::LParen)?;
            options.force_null = column_list(option)?;
        }
        _ => {
            return Err(Error::new(
                state::SYNTAX_ERROR,
                format!("option \"{name}\" not recognized"),
            ));
        }
    }
    Ok(())
}

fn old_option(tokens: &mut Tokens<'_>, options: &mut CopyOptions) -> Result<()> {
    if tokens.word("BINARY") {
        return options.set_format("binary");
    }
    if tokens.word("CSV") {
        return options.set_format("csv");
    }
    if tokens.word("FREEZE") {
        return Ok(());
    }
    if tokens.word("HEADER") {
        options.header = true;
        return Ok(());
    }
    if tokens.words(&["FORCE", "QUOTE"]) {
        if tokens.take(&Token::Mul) {
            options.force_quote_all = true;
        } else {
            options.force_quote = bare_columns(tokens)?;
        }
        return Ok(());
    }
    if tokens.words(&["FORCE", "NOT", "NULL"]) {
        options.force_not_null = bare_columns(tokens)?;
        return Ok(());
    }
    if tokens.words(&["FORCE", "NULL"]) {
        options.force_null = bare_columns(tokens)?;
        return Ok(());
    }
    for word in [
        "DELIMITER",
        "DELIMITERS",
        "NULL",
        "QUOTE",
        "ESCAPE",
        "ENCODING",
    ] {
        if !tokens.word(word) {
            continue;
        }
        tokens.word("AS");
        let value = tokens.string()?;
        match word {
            "NULL" => options.null = Some(value),
            "QUOTE" => options.quote = Some(value),
            "ESCAPE" => options.escape = Some(value),
            "ENCODING" => encoding(&value)?,
            _ => options.delimiter = Some(value),
        }
        return Ok(());
    }
    Err(tokens.unexpected())
}

fn bare_columns(tokens: &mut Tokens<'_>) -> Result<Vec<String>> {
    let mut columns = vec![tokens.identifier()?];
    while tokens.take(&Token::Comma) {
        columns.push(tokens.identifier()?);
    }
    Ok(columns)
}

fn word_or_string(option: &mut Tokens<'_>) -> Result<String> {
    match option.peek() {
        Some(Token::Word(_)) => option.identifier(),
        _ => option.string(),
    }
}

fn boolean(option: &mut Tokens<'_>, name: &str) -> Result<bool> {
    if option.at_end() {
        return Ok(true);
    }
    let text = match option.peek() {
        Some(Token::Number(digits, _)) => {
            option.advance();
            digits.clone()
        }
        _ => word_or_string(option)?,
    };
    match text.to_ascii_lowercase().as_str() {
        "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => Err(Error::new(
            state::SYNTAX_ERROR,
            format!("{name} requires a Boolean value"),
        )),
    }
}

fn encoding(name: &str) -> Result<()> {
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    match plain.as_str() {
        "utf8" | "unicode" | "sqlascii" => Ok(()),
        _ => Err(Error::unsupported(format!("encoding \"{name}\""))),
    }
}
