//! Everything that has an oid, and how it is written: names, index and
//! constraint definitions, default expressions.

use super::relations::{INFORMATION_SCHEMA, PG_CATALOG, Relation, relations};
use orbit_core::catalog::{Catalog, Check, Index, IndexColumn, PrimaryKey, Table};
use orbit_core::types::{Oid, SqlType};
use std::collections::HashMap;
use std::sync::Arc;

/// Constraint oids of CHECKs start here: the catalog gives them none of their own.
const FIRST_CHECK_OID: Oid = 0x8000_0000;
/// Likewise `pg_attrdef`'s, in a quarter of their own.
const FIRST_DEFAULT_OID: Oid = 0x4000_0000;
/// How many checks or defaults of one table have oids apart from the next table's.
const PER_TABLE: Oid = 64;

/// Something in `pg_class`.
#[derive(Clone)]
pub enum Object {
    Table(Arc<Table>),
    PrimaryKey(Arc<Table>),
    Index(Arc<Table>, usize),
    System(&'static Relation),
}

impl Object {
    pub fn schema(&self) -> &str {
        match self {
            Object::Table(table) | Object::PrimaryKey(table) | Object::Index(table, _) => {
                &table.schema
            }
            Object::System(relation) => relation.schema,
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Object::Table(table) => &table.name,
            Object::PrimaryKey(table) => match &table.primary_key {
                Some(key) => &key.constraint,
                None => "",
            },
            Object::Index(table, place) => match table.indexes.get(*place) {
                Some(index) => &index.name,
                None => "",
            },
            Object::System(relation) => relation.name,
        }
    }

    /// The columns of an index; `None` for other relations.
    pub fn index_columns(&self) -> Option<Vec<IndexColumn>> {
        match self {
            Object::PrimaryKey(table) => Some(key_columns(table.primary_key.as_ref()?)),
            Object::Index(table, place) => Some(table.indexes.get(*place)?.columns.clone()),
            Object::Table(_) | Object::System(_) => None,
        }
    }

    /// The table an index belongs to, or the table itself.
    pub fn table(&self) -> Option<&Arc<Table>> {
        match self {
            Object::Table(table) | Object::PrimaryKey(table) | Object::Index(table, _) => {
                Some(table)
            }
            Object::System(_) => None,
        }
    }
}

pub fn key_columns(key: &PrimaryKey) -> Vec<IndexColumn> {
    let column = |column: &usize| IndexColumn {
        column: *column,
        descending: false,
    };
    key.columns.iter().map(column).collect()
}

/// Something in `pg_constraint`.
#[derive(Clone)]
pub enum Constraint {
    PrimaryKey(Arc<Table>),
    Unique(Arc<Table>, usize),
    Check(Arc<Table>, usize),
}

pub struct Objects {
    by_oid: HashMap<Oid, Object>,
    by_name: HashMap<(String, String), Oid>,
    constraints: HashMap<Oid, Constraint>,
}

impl Objects {
    pub fn new(catalog: &Catalog) -> Objects {
        let mut objects = Objects {
            by_oid: HashMap::new(),
            by_name: HashMap::new(),
            constraints: HashMap::new(),
        };
        for relation in relations().iter() {
            objects.put(relation.oid, Object::System(relation));
        }
        for table in catalog.tables() {
            objects.put(table.oid, Object::Table(table.clone()));
            if let Some(key) = &table.primary_key {
                objects.put(key.oid, Object::PrimaryKey(table.clone()));
                let constraint = Constraint::PrimaryKey(table.clone());
                objects.constraints.insert(key.oid, constraint);
            }
            for (place, index) in table.indexes.iter().enumerate() {
                objects.put(index.oid, Object::Index(table.clone(), place));
                if index.constraint {
                    let constraint = Constraint::Unique(table.clone(), place);
                    objects.constraints.insert(index.oid, constraint);
                }
            }
            for place in 0..table.checks.len() {
                let constraint = Constraint::Check(table.clone(), place);
                objects
                    .constraints
                    .insert(check_oid(table, place), constraint);
            }
        }
        objects
    }

    fn put(&mut self, oid: Oid, object: Object) {
        let name = (object.schema().to_owned(), object.name().to_owned());
        self.by_name.insert(name, oid);
        self.by_oid.insert(oid, object);
    }

    pub fn get(&self, oid: Oid) -> Option<&Object> {
        self.by_oid.get(&oid)
    }

    pub fn constraint(&self, oid: Oid) -> Option<&Constraint> {
        self.constraints.get(&oid)
    }

    /// A relation by its schema and name, each as stored.
    pub fn named(&self, schema: &str, name: &str) -> Option<Oid> {
        self.by_name
            .get(&(schema.to_owned(), name.to_owned()))
            .copied()
    }

    /// As `regclass` reads it: an oid, or a name with or without schema, quoted or folded.
    pub fn find(&self, text: &str, search_path: &[String]) -> Option<Oid> {
        if let Ok(oid) = text.trim().parse() {
            return Some(oid);
        }
        let mut parts = split_name(text)?;
        let name = parts.pop()?;
        match parts.pop() {
            Some(schema) => self.named(&schema, &name),
            None => self.named(PG_CATALOG, &name).or_else(|| {
                search_path
                    .iter()
                    .find_map(|schema| self.named(schema, &name))
            }),
        }
    }

    /// Whether the unqualified name finds this relation.
    pub fn is_visible(&self, oid: Oid, search_path: &[String]) -> Option<bool> {
        let object = self.get(oid)?;
        let quoted = quote(object.name());
        Some(self.find(&quoted, search_path) == Some(oid))
    }

    /// As `regclass` prints it: with the schema only where the name alone would not find it.
    pub fn written(&self, oid: Oid, search_path: &[String]) -> String {
        let Some(object) = self.get(oid) else {
            return match oid {
                0 => "-".to_owned(),
                _ => oid.to_string(),
            };
        };
        let name = quote(object.name());
        match self.find(&name, search_path) == Some(oid) {
            true => name,
            false => format!("{}.{name}", quote(object.schema())),
        }
    }
}

pub fn is_system_schema(schema: &str) -> bool {
    schema == PG_CATALOG || schema == INFORMATION_SCHEMA
}

pub fn check_oid(table: &Table, place: usize) -> Oid {
    FIRST_CHECK_OID.wrapping_add(nth(table, place))
}

pub fn default_oid(table: &Table, place: usize) -> Oid {
    FIRST_DEFAULT_OID.wrapping_add(nth(table, place))
}

fn nth(table: &Table, place: usize) -> Oid {
    let place = Oid::try_from(place).unwrap_or(PER_TABLE);
    (table.oid.wrapping_mul(PER_TABLE).wrapping_add(place)) % FIRST_DEFAULT_OID
}

/// An identifier as SQL writes it, quoted where it must be.
pub fn quote(name: &str) -> String {
    let mut characters = name.chars();
    let plain = characters
        .next()
        .is_some_and(|first| first.is_ascii_lowercase() || first == '_')
        && characters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '$')
        && !is_reserved(name);
    match plain {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// PostgreSQL's reserved words that look like names.
fn is_reserved(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "all",
        "analyse",
        "analyze",
        "and",
        "any",
        "array",
        "as",
        "asc",
        "asymmetric",
        "authorization",
        "between",
        "bigint",
        "binary",
        "bit",
        "boolean",
        "both",
        "case",
        "cast",
        "char",
        "character",
        "check",
        "coalesce",
        "collate",
        "collation",
        "column",
        "concurrently",
        "constraint",
        "create",
        "cross",
        "current_catalog",
        "current_date",
        "current_role",
        "current_schema",
        "current_time",
        "current_timestamp",
        "current_user",
        "dec",
        "decimal",
        "default",
        "deferrable",
        "desc",
        "distinct",
        "do",
        "else",
        "end",
        "except",
        "exists",
        "extract",
        "false",
        "fetch",
        "float",
        "for",
        "foreign",
        "freeze",
        "from",
        "full",
        "grant",
        "greatest",
        "group",
        "grouping",
        "having",
        "ilike",
        "in",
        "initially",
        "inner",
        "inout",
        "int",
        "integer",
        "intersect",
        "interval",
        "into",
        "is",
        "isnull",
        "join",
        "lateral",
        "leading",
        "least",
        "left",
        "like",
        "limit",
        "localtime",
        "localtimestamp",
        "national",
        "natural",
        "nchar",
        "none",
        "normalize",
        "not",
        "notnull",
        "null",
        "nullif",
        "numeric",
        "offset",
        "on",
        "only",
        "or",
        "order",
        "out",
        "outer",
        "overlaps",
        "overlay",
        "placing",
        "position",
        "precision",
        "primary",
        "real",
        "references",
        "returning",
        "right",
        "row",
        "select",
        "session_user",
        "setof",
        "similar",
        "smallint",
        "some",
        "substring",
        "symmetric",
        "table",
        "tablesample",
        "then",
        "time",
        "timestamp",
        "to",
        "trailing",
        "treat",
        "trim",
        "true",
        "union",
        "unique",
        "user",
        "using",
        "values",
        "varchar",
        "variadic",
        "verbose",
        "when",
        "where",
        "window",
        "with",
        "xmlattributes",
        "xmlconcat",
        "xmlelement",
        "xmlexists",
        "xmlforest",
        "xmlnamespaces",
        "xmlparse",
        "xmlpi",
        "xmlroot",
        "xmlserialize",
        "xmltable",
    ];
    WORDS.binary_search(&word).is_ok()
}

/// The parts of a possibly qualified, possibly quoted name; `None` if it is malformed.
pub fn split_name(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut characters = text.trim().chars().peekable();
    let mut quoted = false;
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                part.push('"');
            }
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(std::mem::take(&mut part)),
            _ if quoted => part.push(c),
            _ => part.extend(c.to_lowercase()),
        }
    }
    parts.push(part);
    (!quoted && parts.iter().all(|part| !part.is_empty())).then_some(parts)
}

fn column_name(table: &Table, place: usize) -> String {
    let column = table.columns.get(place);
    column.map_or(String::new(), |column| quote(&column.name))
}

/// One column of an index, as `pg_get_indexdef(oid, n, true)` gives it.
pub fn index_column(table: &Table, column: &IndexColumn) -> String {
    column_name(table, column.column)
}

/// `CREATE INDEX ...`. Pretty: the table's schema only where it is needed.
pub fn index_definition(object: &Object, table_name: &str) -> Option<String> {
    let table = object.table()?;
    let columns = object.index_columns()?;
    let unique = match object {
        Object::PrimaryKey(_) => true,
        Object::Index(table, place) => table.indexes.get(*place)?.unique,
        Object::Table(_) | Object::System(_) => return None,
    };
    let columns: Vec<String> = columns
        .iter()
        .map(|column| {
            let name = index_column(table, column);
            match column.descending {
                true => format!("{name} DESC"),
                false => name,
            }
        })
        .collect();
    Some(format!(
        "CREATE {}INDEX {} ON {table_name} USING btree ({})",
        if unique { "UNIQUE " } else { "" },
        quote(object.name()),
        columns.join(", "),
    ))
}

pub fn constraint_definition(constraint: &Constraint) -> Option<String> {
    let list = |table: &Table, columns: Vec<IndexColumn>| {
        let names: Vec<String> = columns.iter().map(|c| index_column(table, c)).collect();
        names.join(", ")
    };
    Some(match constraint {
        Constraint::PrimaryKey(table) => {
            let key = table.primary_key.as_ref()?;
            format!("PRIMARY KEY ({})", list(table, key_columns(key)))
        }
        Constraint::Unique(table, place) => {
            let index: &Index = table.indexes.get(*place)?;
            format!("UNIQUE ({})", list(table, index.columns.clone()))
        }
        Constraint::Check(table, place) => {
            let check: &Check = table.checks.get(*place)?;
            format!("CHECK ({})", check.expression)
        }
    })
}

/// A column's DEFAULT as PostgreSQL shows it: a plain string literal carries its type.
pub fn default_expression(table: &Table, place: usize) -> Option<String> {
    let column = table.columns.get(place)?;
    let text = column.default.as_deref()?.trim();
    let inner = text
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    let is_literal = inner.is_some_and(|inner| !inner.replace("''", "").contains('\''));
    if !is_literal {
        return Some(text.to_owned());
    }
    let name = match &column.sql_type {
        SqlType::Char(_) => "bpchar".to_owned(),
        SqlType::Varchar(_) => "character varying".to_owned(),
        SqlType::Numeric(_) => "numeric".to_owned(),
        other => other.to_string(),
    };
    Some(format!("{text}::{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_and_quoted() {
        assert_eq!(split_name("Public.Flights").unwrap(), ["public", "flights"]);
        assert_eq!(split_name("\"A.b\".c").unwrap(), ["A.b", "c"]);
        assert_eq!(split_name("\"say \"\"hi\"\"\"").unwrap(), ["say \"hi\""]);
        assert!(split_name("a..b").is_none());
        assert!(split_name("\"open").is_none());
        assert_eq!(quote("flights"), "flights");
        assert_eq!(quote("Flights"), "\"Flights\"");
        assert_eq!(quote("order"), "\"order\"");
        assert_eq!(quote("a\"b"), "\"a\"\"b\"");
    }
}
