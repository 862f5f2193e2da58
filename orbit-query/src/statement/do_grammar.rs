//! DO: the part of PL/pgSQL that scripts guard their statements with. Statements, IF, loops
//! over queries, EXECUTE, PERFORM and NULL; whatever else there is says that it isn't built.

use super::limits;
use super::tokens::{self, Piece, is_word};
use super::utility::Utility;
use orbit_core::{Error, Result, state};
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// How deep IFs may nest.
const DEEPEST: usize = 50;

/// What a block does, in order.
#[derive(Clone, Debug)]
pub enum Step {
    /// A statement; a query's rows have nowhere to go.
    Run(String),
    /// The query of a PERFORM: its rows are thrown away.
    Perform(String),
    /// The statements of a text that is put together.
    Execute(String),
    /// What is done for each row of a query.
    For {
        record: String,
        query: String,
        steps: Vec<Step>,
    },
    /// Conditions with what is done where they hold, and what is done else.
    If {
        branches: Vec<(String, Vec<Step>)>,
        otherwise: Vec<Step>,
    },
}

/// `DO [LANGUAGE name] 'code'`, the word DO being read already.
pub(super) fn parse(tokens: &mut tokens::Tokens<'_>) -> Result<Utility> {
    let mut language = None;
    let mut code = None;
    while !tokens.at_end() {
        if tokens.word("LANGUAGE") {
            language = Some(tokens.identifier()?);
        } else {
            code = Some(tokens.string()?);
        }
    }
    let code = code.ok_or_else(|| tokens.unexpected())?;
    if let Some(language) = language.filter(|language| language != "plpgsql") {
        return Err(Error::unsupported(format_args!(
            "DO in the language {language}"
        )));
    }
    Ok(Utility::Do(steps(&code)?))
}

fn unsupported(what: &str) -> Error {
    Error::unsupported(format_args!("{what} in DO")).with_hint(
        "A DO block may hold statements, IF, FOR over queries, EXECUTE, PERFORM and NULL.",
    )
}

fn wrong(token: Option<&TokenWithSpan>) -> Error {
    let message = match token {
        Some(token) => format!("syntax error at or near \"{}\"", token.token),
        None => "syntax error at end of input".to_owned(),
    };
    Error::new(state::SYNTAX_ERROR, message)
}

struct Reader<'c> {
    code: &'c str,
    pieces: Vec<Piece>,
    piece: usize,
    at: usize,
    /// The variables: records, for loops.
    records: Vec<String>,
}

/// Where a list of steps ended.
enum Ended {
    Elsif,
    Else,
    EndIf,
    EndLoop,
    End,
}

fn steps(code: &str) -> Result<Vec<Step>> {
    let pieces = tokens::split(code)?;
    for piece in &pieces {
        limits::check_tokens(&piece.tokens)?;
    }
    let mut reader = Reader {
        code,
        pieces,
        piece: 0,
        at: 0,
        records: Vec::new(),
    };
    if reader.word("DECLARE") {
        reader.declarations()?;
    }
    if !reader.word("BEGIN") {
        return Err(wrong(reader.token()));
    }
    let (steps, ended) = reader.list(0)?;
    match (ended, reader.token()) {
        (Ended::End, None) => Ok(steps),
        (_, token) => Err(wrong(token)),
    }
}

impl Reader<'_> {
    fn token(&self) -> Option<&TokenWithSpan> {
        self.pieces.get(self.piece)?.tokens.get(self.at)
    }

    fn is(&self, word: &str) -> bool {
        is_word(self.token().map(|token| &token.token), word)
    }

    fn word(&mut self, word: &str) -> bool {
        let is = self.is(word);
        self.at += usize::from(is);
        is
    }

    fn name(&mut self) -> Option<String> {
        let token = self.token()?;
        let Token::Word(word) = &token.token else {
            return None;
        };
        let name = super::names::fold(&sqlparser::ast::Ident {
            value: word.value.clone(),
            quote_style: word.quote_style,
            span: token.span,
        });
        self.at += 1;
        Some(name)
    }

    /// `r record; s record;` up to BEGIN.
    fn declarations(&mut self) -> Result<()> {
        while !self.is("BEGIN") {
            let name = self.name().ok_or_else(|| wrong(self.token()))?;
            if !self.word("RECORD") {
                return Err(unsupported("DECLARE of anything but a record"));
            }
            self.records.push(name);
            self.next_piece()?;
        }
        Ok(())
    }

    /// The next statement, where this one was read to its end.
    fn next_piece(&mut self) -> Result<()> {
        match self.token() {
            Some(token) => Err(wrong(Some(token))),
            None => {
                self.piece += 1;
                self.at = 0;
                Ok(())
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<(Vec<Step>, Ended)> {
        if depth > DEEPEST {
            return Err(limits::too_deep());
        }
        let mut steps = Vec::new();
        loop {
            if self.piece >= self.pieces.len() {
                return Err(wrong(None));
            }
            if self.word("ELSIF") || self.word("ELSEIF") {
                return Ok((steps, Ended::Elsif));
            }
            if self.word("ELSE") {
                return Ok((steps, Ended::Else));
            }
            if self.word("END") {
                let ended = if self.word("IF") {
                    Ended::EndIf
                } else if self.word("LOOP") {
                    Ended::EndLoop
                } else {
                    Ended::End
                };
                self.next_piece()?;
                return Ok((steps, ended));
            }
            if self.word("IF") {
                steps.push(self.conditional(depth)?);
                continue;
            }
            if self.word("FOR") {
                steps.push(self.each(depth)?);
                continue;
            }
            if self.word("EXECUTE") {
                steps.push(self.execute()?);
                self.next_piece()?;
                continue;
            }
            if self.word("NULL") {
                self.next_piece()?;
                continue;
            }
            let unbuilt = [
                "BEGIN",
                "CASE",
                "LOOP",
                "WHILE",
                "FOREACH",
                "RAISE",
                "RETURN",
                "EXIT",
                "CONTINUE",
                "GET",
                "OPEN",
                "ASSERT",
                "EXCEPTION",
                "DECLARE",
                "CALL",
            ];
            if let Some(word) = unbuilt.iter().find(|word| self.is(word)) {
                return Err(unsupported(word));
            }
            let perform = self.word("PERFORM");
            let rest = self.rest();
            if rest.is_empty() {
                return Err(wrong(self.token()));
            }
            steps.push(match perform {
                true => Step::Perform(format!("SELECT {rest}")),
                false => Step::Run(rest),
            });
            self.next_piece()?;
        }
    }

    /// What is left of this statement.
    fn rest(&mut self) -> String {
        let Some(piece) = self.pieces.get(self.piece) else {
            return String::new();
        };
        let tokens = piece.tokens.get(self.at..).unwrap_or_default();
        let text = tokens::text_of(self.code, tokens).to_owned();
        self.at = piece.tokens.len();
        text
    }

    fn conditional(&mut self, depth: usize) -> Result<Step> {
        let mut branches = Vec::new();
        loop {
            let condition = self.condition()?;
            let (steps, ended) = self.list(depth + 1)?;
            branches.push((condition, steps));
            let otherwise = match ended {
                Ended::Elsif => continue,
                Ended::EndIf => Vec::new(),
                Ended::Else => match self.list(depth + 1)? {
                    (steps, Ended::EndIf) => steps,
                    _ => return Err(wrong(self.token())),
                },
                Ended::End | Ended::EndLoop => return Err(wrong(self.token())),
            };
            return Ok(Step::If {
                branches,
                otherwise,
            });
        }
    }

    /// `r IN query LOOP ... END LOOP`.
    fn each(&mut self, depth: usize) -> Result<Step> {
        let record = self.name().ok_or_else(|| wrong(self.token()))?;
        if !self.records.contains(&record) {
            return Err(unsupported("FOR with anything but a declared record"));
        }
        if !self.word("IN") {
            return Err(wrong(self.token()));
        }
        let starts = ["SELECT", "WITH", "VALUES", "TABLE"];
        let bracket = self
            .token()
            .is_some_and(|token| token.token == Token::LParen);
        if !bracket && !starts.iter().any(|word| self.is(word)) {
            return Err(unsupported("FOR over anything but a query"));
        }
        let query = self.up_to("LOOP")?;
        match self.list(depth + 1)? {
            (steps, Ended::EndLoop) => Ok(Step::For {
                record,
                query,
                steps,
            }),
            _ => Err(wrong(self.token())),
        }
    }

    /// The text that EXECUTE runs, without INTO and USING.
    fn execute(&mut self) -> Result<Step> {
        let piece = self.pieces.get(self.piece);
        let tokens = piece.and_then(|piece| piece.tokens.get(self.at..));
        let mut words = tokens.unwrap_or_default().iter();
        let more = words.find(|token| {
            is_word(Some(&token.token), "INTO") || is_word(Some(&token.token), "USING")
        });
        if more.is_some() {
            return Err(unsupported("EXECUTE with INTO or USING"));
        }
        match self.rest() {
            text if text.is_empty() => Err(wrong(self.token())),
            text => Ok(Step::Execute(text)),
        }
    }

    /// The text up to THEN.
    fn condition(&mut self) -> Result<String> {
        self.up_to("THEN")
    }

    fn up_to(&mut self, end: &str) -> Result<String> {
        let Some(piece) = self.pieces.get(self.piece) else {
            return Err(wrong(None));
        };
        let tokens = piece.tokens.get(self.at..).unwrap_or_default();
        let (mut brackets, mut cases) = (0usize, 0usize);
        let mut found = None;
        for (place, token) in tokens.iter().enumerate() {
            match &token.token {
                Token::LParen => brackets += 1,
                Token::RParen => brackets = brackets.saturating_sub(1),
                token if is_word(Some(token), "CASE") => cases += 1,
                token if is_word(Some(token), "END") => cases = cases.saturating_sub(1),
                token if brackets == 0 && cases == 0 && is_word(Some(token), end) => {
                    found = Some(place);
                    break;
                }
                _ => {}
            }
        }
        let Some(place) = found.filter(|place| *place > 0) else {
            return Err(wrong(tokens.first()));
        };
        let text = tokens::text_of(self.code, tokens.get(..place).unwrap_or_default());
        let text = text.to_owned();
        self.at += place + 1;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_and_what_is_not_built_is_told() {
        let code = "BEGIN IF EXISTS (SELECT 1) THEN SET a = 1; NULL; ELSIF CASE WHEN true THEN false END \
                    THEN PERFORM f(); ELSE DELETE FROM t; END IF; SELECT 1; END;";
        let steps = steps(code).unwrap();
        let [
            Step::If {
                branches,
                otherwise,
            },
            Step::Run(last),
        ] = steps.as_slice()
        else {
            panic!("{steps:?}");
        };
        assert_eq!(branches[0].0, "EXISTS (SELECT 1)");
        assert!(matches!(branches[1].1.as_slice(), [Step::Perform(sql)] if sql == "SELECT f()"));
        assert!(matches!(otherwise.as_slice(), [Step::Run(sql)] if sql == "DELETE FROM t"));
        assert_eq!(last, "SELECT 1");
        for (code, expected) in [
            ("BEGIN RAISE NOTICE 'x'; END", state::FEATURE_NOT_SUPPORTED),
            ("DECLARE x int; BEGIN END", state::FEATURE_NOT_SUPPORTED),
            (
                "DECLARE r record; BEGIN FOR i IN 1..3 LOOP NULL; END LOOP; END",
                state::FEATURE_NOT_SUPPORTED,
            ),
            (
                "DECLARE r record; BEGIN FOR r IN SELECT 1 LOOP NULL; END IF; END",
                state::SYNTAX_ERROR,
            ),
            ("BEGIN SELECT 1;", state::SYNTAX_ERROR),
            ("BEGIN IF true THEN END", state::SYNTAX_ERROR),
            ("SELECT 1", state::SYNTAX_ERROR),
            ("", state::SYNTAX_ERROR),
        ] {
            assert!(super::steps(code).unwrap_err().is(expected), "{code}");
        }
    }
}
