//! Files of statements: plain SQL with a few directives in comments.

use std::path::Path;

#[derive(Debug, Default)]
pub struct Script {
    pub name: String,
    /// The flights tables are loaded first.
    pub flights: bool,
    /// Errors' places in the statement are compared, too.
    pub positions: bool,
    pub statements: Vec<Statement>,
}

#[derive(Clone, Debug, Default)]
pub struct Statement {
    pub line: usize,
    pub sql: String,
    /// The lines after a COPY FROM STDIN.
    pub copy: Option<String>,
    /// The entry of the compatibility page that explains a difference.
    pub differs: Option<String>,
    /// The same, for a difference that only the extended protocol shows.
    pub differs_extended: Option<String>,
    pub compare: Compare,
    pub positions: bool,
    /// Not sent by the extended protocol.
    pub simple_only: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compare {
    /// Everything; rows in order only where the statement asks for one.
    #[default]
    All,
    /// Everything, rows in order.
    Ordered,
    /// Of an error only its SQLSTATE; notices not at all.
    State,
    /// As `All`, but zeros at a numeric's end say nothing.
    Values,
}

impl Script {
    pub fn read(path: &Path) -> Script {
        let text = std::fs::read_to_string(path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.file_stem().unwrap_or_default();
        Script::parse(&name.to_string_lossy(), &text).unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    pub fn parse(name: &str, text: &str) -> Result<Script, String> {
        let mut script = Script {
            name: name.to_owned(),
            ..Script::default()
        };
        let mut next = Statement::default();
        let mut lines = text.lines().enumerate();
        while let Some((at, line)) = lines.next() {
            let line_end = line.trim_end();
            if next.sql.is_empty() {
                let line = line_end.trim_start();
                if line.is_empty() {
                    continue;
                }
                if let Some(comment) = line.strip_prefix("--") {
                    directive(&mut script, &mut next, comment.trim())
                        .map_err(|wrong| format!("{name}.sql:{}: {wrong}", at + 1))?;
                    continue;
                }
                next.line = at + 1;
            }
            next.sql.push_str(line);
            next.sql.push('\n');
            if !line_end.ends_with(';') {
                continue;
            }
            let sql = next.sql.trim_end();
            next.sql = sql.strip_suffix(';').unwrap_or(sql).to_owned();
            if is_copy_in(&next.sql) {
                let mut data = String::new();
                for (_, line) in lines.by_ref() {
                    if line == "\\." {
                        break;
                    }
                    data.push_str(line);
                    data.push('\n');
                }
                next.copy = Some(data);
            }
            next.positions = script.positions;
            script.statements.push(std::mem::take(&mut next));
        }
        match next.sql.is_empty() {
            true => Ok(script),
            false => Err(format!("{name}.sql:{}: no `;` ends this", next.line)),
        }
    }
}

fn directive(script: &mut Script, next: &mut Statement, comment: &str) -> Result<(), String> {
    let Some((word, value)) = comment.split_once(": ") else {
        return Ok(());
    };
    let value = value.trim().to_owned();
    match word {
        "load" if value == "flights" => script.flights = true,
        "differs" => next.differs = Some(value),
        "differs extended" => next.differs_extended = Some(value),
        "compare" if value == "positions" => script.positions = true,
        "compare" if value == "state" => next.compare = Compare::State,
        "compare" if value == "values" => next.compare = Compare::Values,
        "compare" if value == "ordered" => next.compare = Compare::Ordered,
        "only" if value == "simple" => next.simple_only = true,
        "load" | "compare" | "only" => return Err(format!("{word} knows no {value:?}")),
        _ => {}
    }
    Ok(())
}

fn is_copy_in(sql: &str) -> bool {
    let words: Vec<String> = words(sql).map(|(_, word)| word).collect();
    words.first().is_some_and(|word| word == "copy")
        && words.windows(2).any(|pair| pair == ["from", "stdin"])
}

impl Statement {
    /// An ORDER BY of the statement itself, not of a part of it.
    pub fn ordered(&self) -> bool {
        if self.compare == Compare::Ordered {
            return true;
        }
        let outer: Vec<String> = words(&self.sql)
            .filter(|(depth, _)| *depth == 0)
            .map(|(_, word)| word)
            .collect();
        outer.windows(2).any(|pair| pair == ["order", "by"])
    }
}

/// The unquoted words of a statement in lower case, with the depth of parentheses.
fn words(sql: &str) -> impl Iterator<Item = (usize, String)> {
    let mut found = Vec::new();
    let (mut depth, mut word) = (0_usize, String::new());
    let mut letters = sql.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_alphanumeric() || letter == '_' {
            word.extend(letter.to_lowercase());
            continue;
        }
        if !word.is_empty() {
            found.push((depth, std::mem::take(&mut word)));
        }
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '\'' | '"' => {
                for inner in letters.by_ref() {
                    if inner == letter {
                        break;
                    }
                }
            }
            '-' if letters.peek() == Some(&'-') => {
                for inner in letters.by_ref() {
                    if inner == '\n' {
                        break;
                    }
                }
            }
            _ => {}
        }
    }
    if !word.is_empty() {
        found.push((depth, word));
    }
    found.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_with_a_semicolon_at_a_lines_end() {
        let text = "-- a comment\nSELECT 1;\n\n-- differs: x\n-- compare: state\nSELECT ';'\n FROM t; SELECT 2;\n\
                    COPY t FROM stdin;\n1\ta\n\\.\nSELECT 3;\n";
        let script = Script::parse("f", text).unwrap();
        let sql: Vec<&str> = script.statements.iter().map(|s| s.sql.as_str()).collect();
        assert_eq!(
            sql,
            [
                "SELECT 1",
                "SELECT ';'\n FROM t; SELECT 2",
                "COPY t FROM stdin",
                "SELECT 3"
            ]
        );
        assert_eq!(script.statements[1].differs.as_deref(), Some("x"));
        assert_eq!(script.statements[1].compare, Compare::State);
        assert_eq!(script.statements[1].line, 6);
        assert_eq!(script.statements[2].copy.as_deref(), Some("1\ta\n"));
        assert_eq!(script.statements[3].differs, None);
        assert!(Script::parse("f", "SELECT 1").is_err());
        assert!(Script::parse("f", "-- compare: rows\nSELECT 1;").is_err());
    }

    #[test]
    fn only_the_statements_own_order_counts() {
        let ordered = |sql: &str| {
            let statement = Statement {
                sql: sql.to_owned(),
                ..Statement::default()
            };
            statement.ordered()
        };
        assert!(ordered("SELECT a FROM t ORDER\n BY a"));
        assert!(ordered("WITH x AS (SELECT 1) SELECT ')' FROM x order by 1"));
        assert!(!ordered("SELECT sum(a) OVER (ORDER BY a) FROM t"));
        assert!(!ordered("SELECT 'order by' FROM t -- order by a"));
    }
}
