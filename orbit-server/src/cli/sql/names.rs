//! What there is to name: the catalog as completion needs it, asked over the wire.

use tokio_postgres::{Client, SimpleQueryMessage};

/// Names as they are stored, without quotes.
#[derive(Clone, Debug, Default)]
pub struct Names {
    pub schemas: Vec<String>,
    pub relations: Vec<Relation>,
    pub functions: Vec<String>,
    pub roles: Vec<String>,
    pub settings: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Relation {
    pub schema: String,
    pub name: String,
    /// `r` a table, `v` a view, `i` an index, `S` a sequence.
    pub kind: char,
    pub columns: Vec<String>,
    /// Whether it is found without its schema.
    pub in_path: bool,
}

/// More than this is more than anybody reads through; a large catalog must not fill
/// the shell.
const MOST: usize = 20_000;

const RELATIONS: &str = "SELECT n.nspname, c.relname, c.relkind, pg_catalog.pg_table_is_visible(c.oid), c.oid \
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind IN ('r', 'v', 'i', 'S', 'm', 'p') ORDER BY 2 LIMIT 20000";
const COLUMNS: &str = "SELECT a.attrelid, a.attname FROM pg_catalog.pg_attribute a \
     WHERE a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum LIMIT 20000";
const SCHEMAS: &str = "SELECT nspname FROM pg_catalog.pg_namespace ORDER BY 1 LIMIT 20000";
const FUNCTIONS: &str = "SELECT DISTINCT proname FROM pg_catalog.pg_proc ORDER BY 1 LIMIT 20000";
const ROLES: &str = "SELECT rolname FROM pg_catalog.pg_roles ORDER BY 1 LIMIT 20000";
const SETTINGS: &str = "SELECT name FROM pg_catalog.pg_settings ORDER BY 1 LIMIT 20000";

impl Names {
    /// Whatever can't be read (inside a failed transaction, say) is left out.
    pub async fn read(client: &Client) -> Names {
        let mut names = Names {
            schemas: first(rows(client, SCHEMAS).await),
            functions: first(rows(client, FUNCTIONS).await),
            roles: first(rows(client, ROLES).await),
            settings: first(rows(client, SETTINGS).await),
            relations: Vec::new(),
        };
        let mut places = std::collections::HashMap::new();
        for row in rows(client, RELATIONS).await {
            let mut fields = row.into_iter().map(Option::unwrap_or_default);
            let mut next = || fields.next().unwrap_or_default();
            let relation = Relation {
                schema: next(),
                name: next(),
                kind: next().chars().next().unwrap_or('r'),
                in_path: next() == "t",
                columns: Vec::new(),
            };
            places.insert(next(), names.relations.len());
            names.relations.push(relation);
        }
        for row in rows(client, COLUMNS).await {
            let mut fields = row.into_iter().map(Option::unwrap_or_default);
            let (Some(oid), Some(column)) = (fields.next(), fields.next()) else {
                continue;
            };
            let relation = places.get(&oid).and_then(|at| names.relations.get_mut(*at));
            if let Some(relation) = relation {
                relation.columns.push(column);
            }
        }
        names
    }

    /// The relation a name (`t` or `s.t`, as written) means.
    pub fn relation(&self, written: &str) -> Option<&Relation> {
        let (schema, name) = match split_name(written) {
            (schema, name) if schema.is_empty() => (None, name),
            (schema, name) => (Some(schema), name),
        };
        self.relations.iter().find(|relation| {
            relation.name == name
                && match &schema {
                    Some(schema) => relation.schema == *schema,
                    None => relation.in_path,
                }
        })
    }
}

fn first(rows: Vec<Vec<Option<String>>>) -> Vec<String> {
    rows.into_iter()
        .filter_map(|row| row.into_iter().next().flatten())
        .collect()
}

async fn rows(client: &Client, sql: &str) -> Vec<Vec<Option<String>>> {
    let Ok(messages) = client.simple_query(sql).await else {
        return Vec::new();
    };
    messages
        .into_iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                let fields = (0..row.len()).map(|at| row.get(at).map(str::to_owned));
                Some(fields.collect())
            }
            _ => None,
        })
        .take(MOST)
        .collect()
}

/// `"My Schema".t` as (`My Schema`, `t`); names without quotes are folded.
pub fn split_name(written: &str) -> (String, String) {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut characters = written.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                if let Some(part) = parts.last_mut() {
                    part.push('"');
                }
            }
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            character => {
                let folded = match quoted {
                    true => character,
                    false => character.to_ascii_lowercase(),
                };
                if let Some(part) = parts.last_mut() {
                    part.push(folded);
                }
            }
        }
    }
    let name = parts.pop().unwrap_or_default();
    (parts.pop().unwrap_or_default(), name)
}

/// A stored name as a statement must write it.
pub fn quoted(name: &str) -> String {
    let plain = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && name.bytes().next().is_some_and(|b| !b.is_ascii_digit())
        && !super::complete::is_reserved(name);
    match plain {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_names_are_folded_and_stored_ones_quoted() {
        let split = |text| {
            let (schema, name) = split_name(text);
            format!("{schema}|{name}")
        };
        assert_eq!(split("T"), "|t");
        assert_eq!(split("S.\"My \"\"T\"\".x\""), "s|My \"T\".x");
        assert_eq!(quoted("flights"), "flights");
        assert_eq!(quoted("Order"), "\"Order\"");
        assert_eq!(quoted("order"), "\"order\"");
        assert_eq!(quoted("1st"), "\"1st\"");
    }
}
