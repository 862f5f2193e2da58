//! Completion: what could stand where the cursor is. A pure function of the text
//! before it, the text behind it and the catalog's names.

use super::names::{Names, Relation, quoted};
use parking_lot::Mutex;
use reedline::{Completer, CompletionResult, Span, Suggestion};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Offered at once; the rest comes with the next letter.
const MOST: usize = 200;

const STATEMENTS: &[&str] = &[
    "ABORT",
    "ALTER",
    "ANALYZE",
    "BEGIN",
    "CLOSE",
    "COMMENT",
    "COMMIT",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DECLARE",
    "DELETE",
    "DISCARD",
    "DROP",
    "END",
    "EXECUTE",
    "EXPLAIN",
    "FETCH",
    "GRANT",
    "INSERT",
    "LISTEN",
    "LOCK",
    "MERGE",
    "MOVE",
    "NOTIFY",
    "PREPARE",
    "RELEASE",
    "RESET",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SELECT",
    "SET",
    "SHOW",
    "START",
    "TABLE",
    "TRUNCATE",
    "UNLISTEN",
    "UPDATE",
    "VACUUM",
    "VALUES",
    "WITH",
];

const KEYWORDS: &[&str] = &[
    "ADD",
    "ALL",
    "AND",
    "ANY",
    "ARRAY",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CASCADE",
    "CASE",
    "CAST",
    "CHECK",
    "COLLATE",
    "COLUMN",
    "CONFLICT",
    "CONSTRAINT",
    "CROSS",
    "CURRENT_DATE",
    "CURRENT_TIMESTAMP",
    "CURRENT_USER",
    "DATABASE",
    "DEFAULT",
    "DESC",
    "DISTINCT",
    "DO",
    "ELSE",
    "END",
    "EXCEPT",
    "EXISTS",
    "FALSE",
    "FETCH",
    "FIRST",
    "FOR",
    "FOREIGN",
    "FROM",
    "FULL",
    "FUNCTION",
    "GROUP",
    "HAVING",
    "IF",
    "ILIKE",
    "IN",
    "INDEX",
    "INNER",
    "INTERSECT",
    "INTO",
    "IS",
    "ISOLATION",
    "JOIN",
    "KEY",
    "LAST",
    "LATERAL",
    "LEFT",
    "LEVEL",
    "LIKE",
    "LIMIT",
    "NATURAL",
    "NOT",
    "NOTHING",
    "NOWAIT",
    "NULL",
    "NULLS",
    "OFFSET",
    "ON",
    "ONLY",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PARTITION",
    "PRIMARY",
    "READ",
    "RECURSIVE",
    "REFERENCES",
    "RENAME",
    "RESTRICT",
    "RETURNING",
    "RIGHT",
    "ROLE",
    "ROW",
    "ROWS",
    "SCHEMA",
    "SEQUENCE",
    "SET",
    "SKIP",
    "TABLE",
    "TEMPORARY",
    "THEN",
    "TO",
    "TRANSACTION",
    "TRUE",
    "TYPE",
    "UNION",
    "UNIQUE",
    "UPDATE",
    "USING",
    "VALUES",
    "VIEW",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
];

/// Keywords that can't be a name without quotes.
const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "constraint",
    "create",
    "current_date",
    "current_role",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "from",
    "grant",
    "group",
    "having",
    "in",
    "initially",
    "intersect",
    "into",
    "lateral",
    "leading",
    "limit",
    "localtime",
    "localtimestamp",
    "not",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "placing",
    "primary",
    "references",
    "returning",
    "select",
    "session_user",
    "some",
    "symmetric",
    "table",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "when",
    "where",
    "window",
    "with",
    "authorization",
    "binary",
    "concurrently",
    "cross",
    "current_schema",
    "freeze",
    "full",
    "ilike",
    "inner",
    "is",
    "isnull",
    "join",
    "left",
    "like",
    "natural",
    "notnull",
    "outer",
    "overlaps",
    "right",
    "similar",
    "tablesample",
    "verbose",
];

pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// The shell's completer: names are read again by the shell after DDL.
pub struct FromCatalog {
    pub names: Arc<Mutex<Arc<Names>>>,
}

impl Completer for FromCatalog {
    fn complete(&mut self, line: &str, at: usize) -> CompletionResult {
        let names = self.names.lock().clone();
        let (before, behind) = line.split_at_checked(at).unwrap_or((line, ""));
        let (start, found) = suggestions(&names, before, behind);
        let suggestions: Vec<Suggestion> = found
            .into_iter()
            .map(|value| Suggestion {
                append_whitespace: !value.ends_with(['(', '.']),
                value: super::super::visible::visible(&value),
                span: Span::new(start, at),
                ..Suggestion::default()
            })
            .collect();
        CompletionResult::fresh(suggestions)
    }
}

/// Where the word at the cursor begins, and what it could become.
pub fn suggestions(names: &Names, before: &str, behind: &str) -> (usize, Vec<String>) {
    let statement_start = super::split::last_start(before);
    let statement = before.get(statement_start..).unwrap_or_default();
    let start = word_start(before).max(statement_start);
    let word = before.get(start..).unwrap_or_default();
    let head = before.get(statement_start..start).unwrap_or_default();
    if let Some(command) = statement.trim_start().strip_prefix('\\') {
        return backslash(names, command, before, start);
    }
    if super::split::is_inside_text(head) {
        return (start, Vec::new());
    }
    // Behind a dot: members of what stands before it.
    if let Some((owner, member)) = word.rsplit_once('.') {
        let whole = format!("{head} {behind}");
        let found = members(names, &whole, owner);
        let start = start + owner.len() + 1;
        return (start, chosen(found, member));
    }
    let last = last_word(head);
    let mut found = BTreeSet::new();
    match last.as_str() {
        "" => found.extend(STATEMENTS.iter().map(|word| (*word).to_owned())),
        "FROM" | "JOIN" | "INTO" | "UPDATE" | "TABLE" | "TRUNCATE" | "REFERENCES" | "COPY"
        | "ANALYZE" | "VACUUM" | "ONLY" => relations(names, &['r', 'v', 'm', 'p'], &mut found),
        "VIEW" => relations(names, &['v', 'm'], &mut found),
        "INDEX" => relations(names, &['i'], &mut found),
        "SEQUENCE" => relations(names, &['S'], &mut found),
        "SCHEMA" => found.extend(names.schemas.iter().map(|name| quoted(name))),
        "ROLE" | "USER" | "OWNER" => found.extend(names.roles.iter().map(|name| quoted(name))),
        "SHOW" | "SET" | "RESET" if head.trim().eq_ignore_ascii_case(&last) => {
            found.extend(names.settings.iter().cloned());
        }
        "CREATE" | "DROP" | "ALTER" => {
            let kinds = [
                "TABLE", "INDEX", "SCHEMA", "SEQUENCE", "VIEW", "ROLE", "UNIQUE",
            ];
            found.extend(kinds.iter().map(|kind| kind.to_string()));
        }
        // CREATE INDEX ... ON t, GRANT ... ON t; but a JOIN's ON takes columns.
        "ON" if ["CREATE", "GRANT", "REVOKE", "COMMENT"].contains(&first_word(head).as_str()) => {
            relations(names, &['r', 'v', 'm', 'p'], &mut found);
            found.extend(["TABLE", "COLUMN", "SCHEMA"].map(str::to_owned));
        }
        _ => {
            let whole = format!("{head} {behind}");
            columns(names, &whole, &mut found);
            found.extend(KEYWORDS.iter().map(|word| (*word).to_owned()));
            if !word.is_empty() {
                found.extend(names.functions.iter().map(|name| format!("{name}(")));
            }
        }
    }
    let lower = word.chars().any(|c| c.is_ascii_lowercase());
    let found = found.into_iter().map(|found| {
        let keyword = KEYWORDS.contains(&found.as_str()) || STATEMENTS.contains(&found.as_str());
        match keyword && lower {
            true => found.to_ascii_lowercase(),
            false => found,
        }
    });
    (start, chosen(found.collect(), word))
}

/// What begins with the word, whatever the case of its letters.
fn chosen(found: BTreeSet<String>, word: &str) -> Vec<String> {
    let wanted = word.trim_start_matches('"').to_lowercase();
    let mut chosen: Vec<String> = found
        .into_iter()
        .filter(|name| {
            name.trim_start_matches('"')
                .to_lowercase()
                .starts_with(&wanted)
        })
        .take(MOST)
        .collect();
    if let [only] = chosen.as_slice()
        && only == word
    {
        chosen.clear();
    }
    chosen
}

fn word_start(before: &str) -> usize {
    let mut quoted = before.matches('"').count() % 2 == 1;
    let mut start = before.len();
    for (at, character) in before.char_indices().rev() {
        let part = match character {
            '"' => {
                quoted = !quoted;
                true
            }
            _ if quoted => true,
            character => character.is_alphanumeric() || matches!(character, '_' | '.' | '$' | '\\'),
        };
        if !part {
            break;
        }
        start = at;
    }
    start
}

fn words(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '"' | '$')))
        .filter(|word| !word.is_empty())
}

/// The keyword just before the cursor; empty at the start of a statement. After a
/// comma, an operator or a parenthesis it is the last one of the clause.
fn last_word(head: &str) -> String {
    let clauses = [
        "FROM",
        "INTO",
        "SELECT",
        "WHERE",
        "SET",
        "BY",
        "ON",
        "USING",
        "RETURNING",
    ];
    let mut last = words(head)
        .next_back()
        .unwrap_or_default()
        .to_ascii_uppercase();
    if head.trim_end().ends_with(',')
        && let Some(clause) = words(head)
            .rev()
            .map(str::to_ascii_uppercase)
            .find(|word| clauses.contains(&word.as_str()))
    {
        last = match clause.as_str() {
            "FROM" => clause,
            _ => "SELECT".to_owned(),
        };
    } else if head
        .trim_end()
        .ends_with(['(', ')', '=', '<', '>', '+', '-', '*', '/', '|'])
        && !last.is_empty()
    {
        last = "SELECT".to_owned();
    }
    last
}

fn first_word(head: &str) -> String {
    words(head).next().unwrap_or_default().to_ascii_uppercase()
}

fn relations(names: &Names, kinds: &[char], found: &mut BTreeSet<String>) {
    let of_kind = names.relations.iter().filter(|r| kinds.contains(&r.kind));
    let own = |relation: &&Relation| relation.in_path && relation.schema != "pg_catalog";
    found.extend(of_kind.filter(own).map(|relation| quoted(&relation.name)));
    found.extend(
        names
            .schemas
            .iter()
            .map(|name| format!("{}.", quoted(name))),
    );
}

/// The relations a statement names, with the aliases it gives them.
fn mentioned<'a>(names: &'a Names, statement: &str) -> Vec<(String, &'a Relation)> {
    let all: Vec<&str> = words(statement).collect();
    let mut found = Vec::new();
    for (at, word) in all.iter().enumerate() {
        let Some(relation) = names.relation(word) else {
            continue;
        };
        if !matches!(relation.kind, 'r' | 'v' | 'm' | 'p') {
            continue;
        }
        found.push((relation.name.clone(), relation));
        let mut next = all.iter().skip(at + 1);
        let alias = match next.next() {
            Some(word) if word.eq_ignore_ascii_case("as") => next.next(),
            other => other,
        };
        if let Some(alias) = alias
            && !is_reserved(&alias.to_ascii_lowercase())
            && !KEYWORDS.contains(&alias.to_ascii_uppercase().as_str())
        {
            found.push((super::names::split_name(alias).1, relation));
        }
    }
    found
}

fn columns(names: &Names, statement: &str, found: &mut BTreeSet<String>) {
    let mentioned = mentioned(names, statement);
    for (_, relation) in &mentioned {
        found.extend(relation.columns.iter().map(|column| quoted(column)));
    }
    if mentioned.is_empty() {
        let own = names.relations.iter().filter(|relation| {
            relation.in_path
                && relation.schema != "pg_catalog"
                && matches!(relation.kind, 'r' | 'v')
        });
        found.extend(own.flat_map(|relation| relation.columns.iter().map(|column| quoted(column))));
    }
}

/// What can stand behind `owner.`: columns of a relation, relations of a schema.
fn members(names: &Names, statement: &str, owner: &str) -> BTreeSet<String> {
    let (schema, name) = super::names::split_name(owner);
    let mut found = BTreeSet::new();
    for (alias, relation) in mentioned(names, statement) {
        if alias == name && schema.is_empty() {
            found.extend(relation.columns.iter().map(|column| quoted(column)));
        }
    }
    if let Some(relation) = names.relation(owner) {
        found.extend(relation.columns.iter().map(|column| quoted(column)));
    }
    if schema.is_empty() {
        let inside = names
            .relations
            .iter()
            .filter(|relation| relation.schema == name);
        found.extend(inside.map(|relation| quoted(&relation.name)));
    }
    found
}

fn backslash(names: &Names, command: &str, before: &str, start: usize) -> (usize, Vec<String>) {
    let Some((name, _)) = command.split_once(char::is_whitespace) else {
        let start = before.len() - command.len() - 1;
        let found = super::help::COMMANDS
            .iter()
            .map(|(name, _)| format!("\\{name}"));
        return (start, chosen(found.collect(), &format!("\\{command}")));
    };
    let word = before.get(start..).unwrap_or_default();
    let mut found = BTreeSet::new();
    match name.trim_end_matches('+') {
        "d" => relations(names, &['r', 'v', 'm', 'p', 'i', 'S'], &mut found),
        "dt" => relations(names, &['r', 'p'], &mut found),
        "dv" => relations(names, &['v', 'm'], &mut found),
        "di" => relations(names, &['i'], &mut found),
        "ds" => relations(names, &['S'], &mut found),
        "copy" => relations(names, &['r', 'v', 'p'], &mut found),
        "dn" => found.extend(names.schemas.iter().map(|name| quoted(name))),
        "df" => found.extend(names.functions.iter().map(|name| quoted(name))),
        "du" => found.extend(names.roles.iter().map(|name| quoted(name))),
        "pset" => found.extend(["format", "null", "expanded"].map(str::to_owned)),
        "h" => found.extend(
            super::help::SYNTAX
                .iter()
                .map(|(name, _)| (*name).to_owned()),
        ),
        _ => {}
    }
    (start, chosen(found, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let relation = |schema: &str, name: &str, kind, columns: &[&str]| Relation {
            schema: schema.to_owned(),
            name: name.to_owned(),
            kind,
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            in_path: schema == "public",
        };
        Names {
            schemas: vec!["public".into(), "stock".into()],
            relations: vec![
                relation("public", "flights", 'r', &["carrier", "dep_delay", "Order"]),
                relation("public", "planes", 'r', &["tailnum", "seats"]),
                relation("public", "planes_pkey", 'i', &[]),
                relation("stock", "items", 'r', &["sku", "qty"]),
            ],
            functions: vec!["count".into(), "coalesce".into()],
            roles: vec!["orbit".into()],
            settings: vec!["TimeZone".into()],
        }
    }

    /// `|` is the cursor.
    fn complete(text: &str) -> Vec<String> {
        let (before, behind) = text.split_once('|').unwrap();
        suggestions(&names(), before, behind).1
    }

    #[test]
    fn statements_begin_with_their_words_in_the_case_that_is_typed() {
        assert_eq!(complete("SEL|"), ["SELECT"]);
        assert_eq!(complete("select 1; tr|"), ["truncate"]);
    }

    #[test]
    fn relations_stand_where_relations_stand() {
        assert_eq!(complete("SELECT * FROM f|"), ["flights"]);
        assert_eq!(complete("SELECT * FROM flights, p|"), ["planes", "public."]);
        assert_eq!(complete("SELECT * FROM stock.|"), ["items"]);
        assert_eq!(complete("DROP INDEX p|"), ["planes_pkey", "public."]);
        assert_eq!(complete("\\d fl|"), ["flights"]);
    }

    #[test]
    fn columns_are_those_of_the_relations_that_are_named() {
        assert_eq!(
            complete("SELECT ca| FROM flights"),
            ["carrier", "cascade", "case", "cast"]
        );
        assert_eq!(
            complete("SELECT f.| FROM flights f"),
            ["\"Order\"", "carrier", "dep_delay"]
        );
        assert_eq!(
            complete("SELECT * FROM planes p JOIN flights ON p.t|"),
            ["tailnum"]
        );
        assert_eq!(complete("SELECT sea| FROM flights"), Vec::<String>::new());
        assert_eq!(
            complete("UPDATE planes SET se|"),
            ["seats", "sequence", "set"]
        );
        assert_eq!(complete("SELECT cou| FROM flights"), ["count("]);
    }

    #[test]
    fn inside_a_text_nothing_is_offered() {
        assert!(complete("SELECT 'sel|").is_empty());
        assert!(complete("SELECT 1 -- sel|").is_empty());
    }

    #[test]
    fn commands_and_their_arguments() {
        assert_eq!(complete("\\ti|"), ["\\timing"]);
        assert_eq!(complete("\\pset f|"), ["format"]);
        assert_eq!(complete("SHOW t|"), ["TimeZone"]);
    }
}
