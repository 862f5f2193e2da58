//! Names and statements: from a file's name and header to a table.

use crate::cli::Failure;
use orbit_core::types::SqlType;
use orbit_core::{Error, state};
use std::path::Path;

/// PostgreSQL cuts longer names.
const MAX_NAME: usize = 63;

/// `flights-2013.csv.gz` -> `flights_2013`.
pub fn table_name(path: &Path) -> String {
    let file = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let file = file.unwrap_or_default();
    let stem = file
        .split('.')
        .find(|part| !part.is_empty())
        .unwrap_or("import");
    plain_name(stem).unwrap_or_else(|| "import".to_owned())
}

/// Lower case letters, digits and `_`, as SQL takes a name without quotes.
/// `None` if nothing is left.
fn plain_name(text: &str) -> Option<String> {
    let mut name = String::new();
    for c in text.trim().chars() {
        match c {
            c if c.is_alphanumeric() => name.extend(c.to_lowercase()),
            _ if name.is_empty() || name.ends_with('_') => {}
            _ => name.push('_'),
        }
    }
    let name = name.trim_end_matches('_');
    if name.is_empty() {
        return None;
    }
    let mut name = match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("_{name}"),
        false => name.to_owned(),
    };
    while name.len() > MAX_NAME {
        name.pop();
    }
    Some(name)
}

/// Column names from a header: plain, none twice.
pub fn column_names(header: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(header.len());
    for (at, text) in header.iter().enumerate() {
        let base = plain_name(text).unwrap_or_else(|| format!("column{}", at + 1));
        let mut name = base.clone();
        let mut copy = 1;
        while names.contains(&name) {
            copy += 1;
            name = format!("{base}_{copy}");
        }
        names.push(name);
    }
    names
}

pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `public.flights` -> `"public"."flights"`.
pub fn quoted_path(table: &str) -> String {
    table.split('.').map(quoted).collect::<Vec<_>>().join(".")
}

pub fn literal(text: &str) -> String {
    if text.contains('\\') {
        format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

pub fn create_table(
    table: &str,
    columns: &[(String, String)],
    primary_key: &[String],
) -> Result<String, Failure> {
    for key in primary_key {
        if !columns.iter().any(|(name, _)| name == key) {
            return Err(no_column(key, columns, "--primary-key"));
        }
    }
    let mut parts: Vec<String> = columns
        .iter()
        .map(|(name, sql_type)| format!("{} {sql_type}", quoted(name)))
        .collect();
    if !primary_key.is_empty() {
        let key: Vec<_> = primary_key.iter().map(|name| quoted(name)).collect();
        parts.push(format!("PRIMARY KEY ({})", key.join(", ")));
    }
    Ok(format!(
        "CREATE TABLE {} ({})",
        quoted_path(table),
        parts.join(", ")
    ))
}

/// The types of the columns as SQL text: as inferred, or as `--types` has it.
pub fn column_types(
    columns: &[(String, SqlType)],
    given: &[(String, String)],
) -> Result<Vec<(String, String)>, Failure> {
    let mut out: Vec<(String, String)> = columns
        .iter()
        .map(|(name, sql_type)| (name.clone(), sql_type.to_string()))
        .collect();
    for (name, sql_type) in given {
        match out.iter_mut().find(|(column, _)| column == name) {
            Some(column) => column.1.clone_from(sql_type),
            None => return Err(no_column(name, &out, "--types")),
        }
    }
    Ok(out)
}

fn no_column(name: &str, columns: &[(String, String)], flag: &str) -> Failure {
    let error = Error::new(
        state::UNDEFINED_COLUMN,
        format!("{flag} names \"{name}\", which the file doesn't have"),
    );
    let names = columns.iter().map(|(name, _)| name.as_str());
    Failure::Usage(match orbit_core::profile::suggest(name, names.clone()) {
        Some(meant) => error.with_hint(format!("Did you mean \"{meant}\"?")),
        None => error.with_hint(format!(
            "Its columns are {}.",
            names.collect::<Vec<_>>().join(", ")
        )),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_headers_become_plain_names() {
        for (file, table) in [
            ("/data/flights-2013-01.csv.gz", "flights_2013_01"),
            ("2013 Übersicht.csv", "_2013_übersicht"),
            (".csv", "csv"),
            ("---.csv", "import"),
        ] {
            assert_eq!(table_name(Path::new(file)), table);
        }
        let header = ["Id", "Last Name", "last_name", "", "a-b (c)"].map(str::to_owned);
        assert_eq!(
            column_names(&header),
            ["id", "last_name", "last_name_2", "column4", "a_b_c"]
        );
        assert_eq!(plain_name(&"é".repeat(60)).unwrap().len(), 62);
    }

    #[test]
    fn a_table_is_created_with_given_types_and_key() {
        let columns = [
            ("id".to_owned(), SqlType::Int4),
            ("x\"y".to_owned(), SqlType::Text),
        ];
        let given = [("id".to_owned(), "bigint".to_owned())];
        let types = column_types(&columns, &given).unwrap();
        assert_eq!(
            create_table("s.t", &types, &["id".to_owned()]).unwrap(),
            "CREATE TABLE \"s\".\"t\" (\"id\" bigint, \"x\"\"y\" text, PRIMARY KEY (\"id\"))"
        );
        let error = create_table("t", &types, &["idd".to_owned()])
            .unwrap_err()
            .to_string();
        assert!(error.contains("Did you mean \"id\"?"), "{error}");
        assert!(column_types(&columns, &[("nope".into(), "int".into())]).is_err());
    }

    #[test]
    fn literals_are_quoted() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\b'"), "E'a\\\\b'''");
    }
}
