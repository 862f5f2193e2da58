//! What the shell says of itself: `\?` and `\h`.

/// Backslash commands: how they are written, and what they do.
pub const COMMANDS: &[(&str, &str)] = &[
    ("?", "this list"),
    ("c", "[DATABASE [USER [HOST [PORT]]]]  connect anew"),
    ("conninfo", "which node this is connected to, and as whom"),
    (
        "copy",
        "TABLE|(QUERY) FROM|TO 'FILE'|STDIN|STDOUT [WITH (...)]  between a table and a file here",
    ),
    (
        "d",
        "[PATTERN]  relations; for one: its columns, indexes, constraints",
    ),
    ("d+", "[PATTERN]  the same with sizes and comments"),
    ("df", "[PATTERN]  functions"),
    ("di", "[PATTERN]  indexes"),
    ("dn", "[PATTERN]  schemas"),
    ("ds", "[PATTERN]  sequences"),
    ("dt", "[PATTERN]  tables"),
    ("du", "[PATTERN]  roles"),
    ("dv", "[PATTERN]  views"),
    (
        "e",
        "[FILE]  edit the last statement (or a file) in $EDITOR, then run it",
    ),
    ("echo", "[TEXT]  print it"),
    ("g", "run the statement begun, or the last one again"),
    ("gx", "the same, one column a line"),
    ("h", "[STATEMENT]  how a statement is written"),
    ("i", "FILE  run a file"),
    ("l", "databases"),
    (
        "o",
        "[FILE]  send rows to a file; without one back to the screen",
    ),
    ("p", "print the last statement"),
    ("pset", "format table|json|csv, null TEXT, expanded on|off"),
    ("q", "leave (so does Ctrl-D)"),
    (
        "set",
        "[NAME [VALUE]]  variables, used as :NAME, :'NAME' or :\"NAME\"",
    ),
    ("timing", "[on|off]  show how long statements take"),
    ("unset", "NAME  forget a variable"),
    (
        "watch",
        "[SECONDS]  run the last statement again and again until Ctrl-C",
    ),
    ("x", "[on|off]  one column a line"),
];

/// The short forms; docs/sql has the rest.
pub const SYNTAX: &[(&str, &str)] = &[
    (
        "ALTER TABLE",
        "ALTER TABLE name {ADD [COLUMN] column type [constraint] | DROP [COLUMN] column | ALTER column {TYPE type | SET DEFAULT expr | DROP DEFAULT | SET NOT NULL | DROP NOT NULL} | ADD constraint | DROP CONSTRAINT name | RENAME ...}",
    ),
    ("ANALYZE", "ANALYZE [table, ...]"),
    ("BACKUP", "BACKUP TO STDOUT  (what `orbit backup` sends)"),
    (
        "BEGIN",
        "BEGIN [ISOLATION LEVEL {READ COMMITTED | REPEATABLE READ}] [READ ONLY]",
    ),
    ("COMMIT", "COMMIT [AND CHAIN]"),
    (
        "COPY",
        "COPY {table [(column, ...)] | (query)} {FROM STDIN | TO STDOUT} [WITH (FORMAT {text | csv}, HEADER, DELIMITER 'c', NULL 'text')]",
    ),
    (
        "CREATE INDEX",
        "CREATE [UNIQUE] INDEX [name] ON table (column [ASC | DESC] [NULLS {FIRST | LAST}], ...)",
    ),
    ("CREATE SCHEMA", "CREATE SCHEMA [IF NOT EXISTS] name"),
    (
        "CREATE TABLE",
        "CREATE TABLE [IF NOT EXISTS] name (column type [NOT NULL] [DEFAULT expr] [PRIMARY KEY] [UNIQUE] [CHECK (expr)] [REFERENCES table], ...)",
    ),
    (
        "DELETE",
        "DELETE FROM table [alias] [USING from] [WHERE condition] [RETURNING ...]",
    ),
    ("DROP TABLE", "DROP TABLE [IF EXISTS] name, ... [CASCADE]"),
    (
        "EXPLAIN",
        "EXPLAIN [(ANALYZE, VERBOSE, FORMAT {TEXT | JSON})] statement",
    ),
    (
        "INSERT",
        "INSERT INTO table [(column, ...)] {VALUES (...), ... | query} [ON CONFLICT [(column, ...)] {DO NOTHING | DO UPDATE SET ... [WHERE ...]}] [RETURNING ...]",
    ),
    (
        "MERGE",
        "MERGE INTO table [alias] USING from ON condition {WHEN [NOT] MATCHED [AND condition] THEN {UPDATE SET ... | DELETE | INSERT [(column, ...)] VALUES (...) | DO NOTHING}} ...",
    ),
    ("ROLLBACK", "ROLLBACK [TO SAVEPOINT name] [AND CHAIN]"),
    ("SAVEPOINT", "SAVEPOINT name"),
    (
        "SELECT",
        "[WITH ...] SELECT [DISTINCT [ON (...)]] expr [AS name], ... [FROM ...] [WHERE ...] [GROUP BY ...] [HAVING ...] [WINDOW ...] [{UNION | INTERSECT | EXCEPT} ...] [ORDER BY ...] [LIMIT n] [OFFSET n] [FOR UPDATE ...]",
    ),
    ("SET", "SET [LOCAL] name {TO | =} value"),
    ("SHOW", "SHOW {name | ALL}"),
    ("TRUNCATE", "TRUNCATE [TABLE] name, ... [CASCADE]"),
    (
        "UPDATE",
        "UPDATE table [alias] SET column = expr, ... [FROM from] [WHERE condition] [RETURNING ...]",
    ),
    ("VACUUM", "VACUUM [ANALYZE] [table, ...]"),
    ("VALUES", "VALUES (expr, ...), ... [ORDER BY ...] [LIMIT n]"),
];

pub fn commands() -> String {
    let mut text = String::new();
    for (name, what) in COMMANDS {
        text.push_str(&format!("  \\{name:<9} {what}\n"));
    }
    text.push_str("A statement ends with `;` and may take several lines. Tab completes.\n");
    text
}

/// The statements whose name begins like this; all names without one.
pub fn syntax(of: &str) -> String {
    let wanted = of.trim().trim_end_matches(';').to_ascii_uppercase();
    let found: Vec<_> = SYNTAX
        .iter()
        .filter(|(name, _)| name.starts_with(&wanted))
        .collect();
    match (wanted.is_empty(), found.is_empty()) {
        (true, _) => {
            let names: Vec<&str> = SYNTAX.iter().map(|(name, _)| *name).collect();
            format!("\\h STATEMENT, with one of: {}\n", names.join(", "))
        }
        (_, true) => format!("No help for \"{of}\". \\h alone lists what there is.\n"),
        _ => found
            .iter()
            .map(|(_, syntax)| format!("{syntax}\n"))
            .collect(),
    }
}
