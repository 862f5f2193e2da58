//! The `\d` family: what there is, asked of the catalog as psql asks it.

use super::ask::Asker;
use super::names::split_name;
use crate::cli::Failure;
use crate::cli::import::literal;
use crate::cli::table::{Grid, Output};
use crate::cli::visible::visible;
use orbit_core::{Error, state};

const OWN: &str = "n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' \
                   AND n.nspname !~ '^pg_toast'";

/// Runs `\NAME PATTERN`; `name` begins with `d`, or is `l`.
pub async fn run(asker: &mut Asker, name: &str, pattern: &str) -> Result<(), Failure> {
    let (plain, more) = match name.strip_suffix('+') {
        Some(plain) => (plain, true),
        None => (name, false),
    };
    let pattern = pattern.split_whitespace().next().unwrap_or_default();
    let (title, sql) = match plain {
        "d" if !pattern.is_empty() => return relations(asker, pattern, more).await,
        "d" => (
            "List of relations",
            relation_list("r','v','m','S','p", "", more),
        ),
        "dt" => ("List of relations", relation_list("r','p", pattern, more)),
        "dv" => ("List of relations", relation_list("v','m", pattern, more)),
        "ds" => ("List of relations", relation_list("S", pattern, more)),
        "di" => ("List of relations", relation_list("i", pattern, more)),
        "dn" => ("List of schemas", schemas(pattern, more)),
        "df" => ("List of functions", functions(pattern)),
        "du" | "dg" => return roles(asker, pattern).await,
        "l" => ("List of databases", databases(pattern)),
        _ => {
            return Err(Failure::Work(
                Error::new(
                    state::SYNTAX_ERROR,
                    format!("unknown command \\{}", visible(name)),
                )
                .with_hint("\\? lists what there is."),
            ));
        }
    };
    let grid = asker.rows(&sql).await?;
    if grid.rows.is_empty() && asker.output == Output::Table && plain.starts_with('d') {
        eprintln!(
            "Did not find any {}.",
            match plain {
                "dn" => "schemas",
                "df" => "functions",
                _ if pattern.is_empty() => "relations",
                _ => "such relation",
            }
        );
        return Ok(());
    }
    titled(asker, title, grid)
}

fn titled(asker: &mut Asker, title: &str, grid: Grid) -> Result<(), Failure> {
    let people = asker.output == Output::Table;
    let rows = grid.rows.len();
    if people {
        asker.write(&format!("{title}\n"))?;
    }
    asker.print(grid)?;
    if people {
        eprintln!("({rows} {})", if rows == 1 { "row" } else { "rows" });
    }
    Ok(())
}

/// The condition a pattern means: `*` and `?` as in a shell, `s.t` with a schema.
fn matching(pattern: &str, schema: &str, name: &str, visible: &str) -> String {
    let (of_schema, of_name) = parts(pattern);
    let mut conditions = Vec::new();
    if !of_name.is_empty() {
        conditions.push(format!("{name} ~ {}", literal(&format!("^({of_name})$"))));
    }
    match of_schema {
        Some(of_schema) => {
            conditions.push(format!(
                "{schema} ~ {}",
                literal(&format!("^({of_schema})$"))
            ));
        }
        None if !visible.is_empty() => conditions.push(visible.to_owned()),
        None => {}
    }
    match conditions.is_empty() {
        true => "true".to_owned(),
        false => conditions.join(" AND "),
    }
}

/// A pattern as regular expressions for the schema, if it names one, and the name.
fn parts(pattern: &str) -> (Option<String>, String) {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for character in pattern.chars() {
        if character == '.' && !quoted && parts.len() == 1 {
            parts.push(String::new());
            continue;
        }
        let Some(last) = parts.last_mut() else {
            break;
        };
        match character {
            '"' => quoted = !quoted,
            '*' if !quoted => last.push_str(".*"),
            '?' if !quoted => last.push('.'),
            character if character.is_alphanumeric() || character == '_' => match quoted {
                true => last.push(character),
                false => last.extend(character.to_lowercase()),
            },
            character => {
                last.push('\\');
                last.push(character);
            }
        }
    }
    let name = parts.pop().unwrap_or_default();
    (parts.pop(), name)
}

const KIND: &str = "CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' \
     WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' \
     WHEN 'p' THEN 'partitioned table' ELSE c.relkind::text END";

fn relation_list(kinds: &str, pattern: &str, more: bool) -> String {
    let (table, join) = match kinds {
        "i" => (
            ", c2.relname AS \"Table\"",
            "LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid \
             LEFT JOIN pg_catalog.pg_class c2 ON i.indrelid = c2.oid ",
        ),
        _ => ("", ""),
    };
    let sizes = match more {
        true => {
            ", pg_catalog.pg_size_pretty(pg_catalog.pg_table_size(c.oid)) AS \"Size\", \
             pg_catalog.obj_description(c.oid, 'pg_class') AS \"Description\""
        }
        false => "",
    };
    let own = match pattern {
        "" => format!("{OWN} AND "),
        _ => String::new(),
    };
    let matching = matching(
        pattern,
        "n.nspname",
        "c.relname",
        "pg_catalog.pg_table_is_visible(c.oid)",
    );
    format!(
        "SELECT n.nspname AS \"Schema\", c.relname AS \"Name\", {KIND} AS \"Type\", \
                pg_catalog.pg_get_userbyid(c.relowner) AS \"Owner\"{table}{sizes} \
         FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         {join}WHERE c.relkind IN ('{kinds}') AND {own}{matching} ORDER BY 1, 2"
    )
}

fn schemas(pattern: &str, more: bool) -> String {
    let comment = match more {
        true => ", pg_catalog.obj_description(n.oid, 'pg_namespace') AS \"Description\"",
        false => "",
    };
    let condition = match pattern {
        "" => "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'".to_owned(),
        pattern => matching(pattern, "n.nspname", "n.nspname", ""),
    };
    format!(
        "SELECT n.nspname AS \"Name\", pg_catalog.pg_get_userbyid(n.nspowner) AS \"Owner\"{comment} \
         FROM pg_catalog.pg_namespace n WHERE {condition} ORDER BY 1"
    )
}

fn functions(pattern: &str) -> String {
    let own = match pattern {
        "" => format!("{OWN} AND "),
        _ => String::new(),
    };
    let matching = matching(
        pattern,
        "n.nspname",
        "p.proname",
        "pg_catalog.pg_function_is_visible(p.oid)",
    );
    format!(
        "SELECT n.nspname AS \"Schema\", p.proname AS \"Name\", \
                pg_catalog.pg_get_function_result(p.oid) AS \"Result data type\", \
                pg_catalog.pg_get_function_arguments(p.oid) AS \"Argument data types\", \
                CASE p.prokind WHEN 'a' THEN 'agg' WHEN 'w' THEN 'window' WHEN 'p' THEN 'proc' ELSE 'func' END AS \"Type\" \
         FROM pg_catalog.pg_proc p LEFT JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
         WHERE {own}{matching} ORDER BY 1, 2, 4"
    )
}

fn databases(pattern: &str) -> String {
    let condition = matching(pattern, "d.datname", "d.datname", "");
    format!(
        "SELECT d.datname AS \"Name\", pg_catalog.pg_get_userbyid(d.datdba) AS \"Owner\", \
                pg_catalog.pg_encoding_to_char(d.encoding) AS \"Encoding\", \
                d.datcollate AS \"Collate\", d.datctype AS \"Ctype\" \
         FROM pg_catalog.pg_database d WHERE {condition} ORDER BY 1"
    )
}

async fn roles(asker: &mut Asker, pattern: &str) -> Result<(), Failure> {
    let condition = match pattern {
        "" => "r.rolname !~ '^pg_'".to_owned(),
        pattern => matching(pattern, "r.rolname", "r.rolname", ""),
    };
    let sql = format!(
        "SELECT r.rolname, r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolconnlimit \
         FROM pg_catalog.pg_roles r WHERE {condition} ORDER BY 1"
    );
    let found = asker.rows(&sql).await?;
    let mut grid = Grid::new(["Role name", "Attributes"].map(str::to_owned).to_vec());
    for row in found.rows {
        let field = |at: usize| row.get(at).and_then(Option::as_deref).unwrap_or_default();
        let mut attributes = Vec::new();
        for (at, wanted, name) in [
            (1, "t", "Superuser"),
            (2, "t", "Create role"),
            (3, "t", "Create DB"),
            (4, "f", "Cannot login"),
        ] {
            if field(at) == wanted {
                attributes.push(name.to_owned());
            }
        }
        if let Ok(limit @ 0..) = field(5).parse::<i64>() {
            attributes.push(format!("{limit} connections"));
        }
        grid.rows
            .push(vec![Some(field(0).to_owned()), Some(attributes.join(", "))]);
    }
    titled(asker, "List of roles", grid)
}

/// `\d NAME`: every relation that the pattern means, in full.
async fn relations(asker: &mut Asker, pattern: &str, more: bool) -> Result<(), Failure> {
    let condition = matching(
        pattern,
        "n.nspname",
        "c.relname",
        "pg_catalog.pg_table_is_visible(c.oid)",
    );
    let sql = format!(
        "SELECT c.oid, n.nspname, c.relname, c.relkind \
         FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE {condition} ORDER BY 2, 3"
    );
    let found = asker.rows(&sql).await?;
    if found.rows.is_empty() {
        return Err(Failure::Work(Error::new(
            state::UNDEFINED_TABLE,
            format!("Did not find any relation named \"{}\".", visible(pattern)),
        )));
    }
    for row in found.rows {
        let field = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
        relation(asker, &field(0), &field(1), &field(2), &field(3), more).await?;
    }
    Ok(())
}

async fn relation(
    asker: &mut Asker,
    oid: &str,
    schema: &str,
    name: &str,
    kind: &str,
    more: bool,
) -> Result<(), Failure> {
    let called = match kind {
        "v" => "View",
        "m" => "Materialized view",
        "i" => "Index",
        "S" => "Sequence",
        _ => "Table",
    };
    let title = format!("{called} \"{}.{}\"", visible(schema), visible(name));
    if kind == "S" {
        let sql = format!(
            "SELECT pg_catalog.format_type(seqtypid, NULL) AS \"Type\", seqstart AS \"Start\", \
                    seqmin AS \"Minimum\", seqmax AS \"Maximum\", seqincrement AS \"Increment\", \
                    CASE WHEN seqcycle THEN 'yes' ELSE 'no' END AS \"Cycles?\", seqcache AS \"Cache\" \
             FROM pg_catalog.pg_sequence WHERE seqrelid = {oid}"
        );
        let grid = asker.rows(&sql).await?;
        return shown(asker, &title, grid, &[]);
    }
    let grid = columns(asker, oid, more).await?;
    let mut notes = Vec::new();
    if asker.output == Output::Table {
        match kind {
            "v" | "m" if more => {
                let sql = format!("SELECT pg_catalog.pg_get_viewdef({oid}::oid, true)");
                notes.push("View definition:".to_owned());
                notes.extend(asker.rows(&sql).await?.rows.into_iter().flatten().flatten());
            }
            "r" | "p" => {
                indexes(asker, oid, &mut notes).await?;
                constraints(asker, oid, &mut notes).await?;
            }
            "i" => {
                let sql = format!("SELECT pg_catalog.pg_get_indexdef({oid}::oid)");
                notes.extend(asker.rows(&sql).await?.rows.into_iter().flatten().flatten());
            }
            _ => {}
        }
    }
    shown(asker, &title, grid, &notes)
}

fn shown(asker: &mut Asker, title: &str, grid: Grid, notes: &[String]) -> Result<(), Failure> {
    let people = asker.output == Output::Table;
    if people {
        asker.write(&format!("{title}\n"))?;
    }
    asker.print(grid)?;
    for note in notes.iter().filter(|_| people) {
        asker.write(&format!("{}\n", visible(note)))?;
    }
    Ok(())
}

async fn columns(asker: &Asker, oid: &str, more: bool) -> Result<Grid, Failure> {
    let sql = format!(
        "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), \
                (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) FROM pg_catalog.pg_attrdef d \
                 WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef), \
                a.attnotnull, a.attidentity, a.attgenerated, \
                pg_catalog.col_description(a.attrelid, a.attnum) \
         FROM pg_catalog.pg_attribute a \
         WHERE a.attrelid = {oid} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
    );
    let found = asker.rows(&sql).await?;
    let mut names = vec!["Column", "Type", "Nullable", "Default"];
    if more {
        names.push("Description");
    }
    let mut grid = Grid::new(names.into_iter().map(str::to_owned).collect());
    for row in found.rows {
        let field = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
        let default = match (field(4).as_str(), field(5).as_str()) {
            ("a", _) => "generated always as identity".to_owned(),
            ("d", _) => "generated by default as identity".to_owned(),
            (_, "s") => format!("generated always as ({}) stored", field(2)),
            _ => field(2),
        };
        let nullable = match field(3).as_str() {
            "t" => "not null",
            _ => "",
        };
        let mut shown = vec![
            Some(field(0)),
            Some(field(1)),
            Some(nullable.to_owned()),
            Some(default),
        ];
        if more {
            shown.push(Some(field(6)));
        }
        grid.rows.push(shown);
    }
    Ok(grid)
}

async fn indexes(asker: &Asker, oid: &str, notes: &mut Vec<String>) -> Result<(), Failure> {
    let sql = format!(
        "SELECT c2.relname, i.indisprimary, i.indisunique, \
                pg_catalog.pg_get_indexdef(i.indexrelid, 0, true), con.contype \
         FROM pg_catalog.pg_class c, pg_catalog.pg_class c2, pg_catalog.pg_index i \
              LEFT JOIN pg_catalog.pg_constraint con \
              ON (conrelid = i.indrelid AND conindid = i.indexrelid AND contype IN ('p','u','x')) \
         WHERE c.oid = {oid} AND c.oid = i.indrelid AND i.indexrelid = c2.oid \
         ORDER BY i.indisprimary DESC, c2.relname"
    );
    let found = asker.rows(&sql).await?;
    if !found.rows.is_empty() {
        notes.push("Indexes:".to_owned());
    }
    for row in found.rows {
        let field = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
        let definition = field(3);
        let how = definition
            .split_once(" USING ")
            .map_or(definition.as_str(), |(_, how)| how);
        let kind = match (field(1).as_str(), field(4).as_str(), field(2).as_str()) {
            ("t", ..) => "PRIMARY KEY, ",
            (_, "u", _) => "UNIQUE CONSTRAINT, ",
            (_, _, "t") => "UNIQUE, ",
            _ => "",
        };
        notes.push(format!("    \"{}\" {kind}{how}", field(0)));
    }
    Ok(())
}

async fn constraints(asker: &Asker, oid: &str, notes: &mut Vec<String>) -> Result<(), Failure> {
    let of = |column: &str, kind: char| {
        format!(
            "SELECT r.conname, pg_catalog.pg_get_constraintdef(r.oid, true), r.conrelid::regclass \
             FROM pg_catalog.pg_constraint r WHERE r.{column} = {oid} AND r.contype = '{kind}' \
             ORDER BY 1"
        )
    };
    for (title, sql, referenced) in [
        ("Check constraints:", of("conrelid", 'c'), false),
        ("Foreign-key constraints:", of("conrelid", 'f'), false),
        ("Referenced by:", of("confrelid", 'f'), true),
    ] {
        let found = asker.rows(&sql).await?;
        if !found.rows.is_empty() {
            notes.push(title.to_owned());
        }
        for row in found.rows {
            let field = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
            notes.push(match referenced {
                true => format!(
                    "    TABLE \"{}\" CONSTRAINT \"{}\" {}",
                    split_name(&field(2)).1,
                    field(0),
                    field(1)
                ),
                false => format!("    \"{}\" {}", field(0), field(1)),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_a_shell() {
        assert_eq!(parts("Fl*"), (None, "fl.*".to_owned()));
        assert_eq!(
            parts("s?.\"T*\""),
            (Some("s.".to_owned()), "T\\*".to_owned())
        );
        assert_eq!(parts("a$b"), (None, "a\\$b".to_owned()));
        assert_eq!(
            matching("t", "n", "c", "seen(c)"),
            "c ~ '^(t)$' AND seen(c)"
        );
        assert_eq!(
            matching("s.*", "n", "c", "seen(c)"),
            "c ~ '^(.*)$' AND n ~ '^(s)$'"
        );
    }
}
