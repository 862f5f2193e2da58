//! What names and parameters mean inside an expression.

use orbit_core::catalog::Column;
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast::Ident;
use std::borrow::Cow;

/// An identifier as PostgreSQL reads it: lower case unless quoted.
pub fn fold(ident: &Ident) -> Cow<'_, str> {
    if ident.quote_style.is_some() || !ident.value.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Borrowed(&ident.value)
    } else {
        Cow::Owned(ident.value.to_ascii_lowercase())
    }
}

/// One relation whose columns an expression may name.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// Alias or table name; `None` if columns can't be qualified.
    pub qualifier: Option<String>,
    /// Set when the table may also be named with its schema.
    pub schema: Option<&'a str>,
    pub columns: Cow<'a, [(String, SqlType)]>,
}

/// The relations in view; columns are numbered through all of them.
#[derive(Clone, Debug, Default)]
pub struct Scope<'a> {
    sources: Vec<Source<'a>>,
}

impl<'a> Scope<'a> {
    pub fn none() -> Scope<'a> {
        Scope::default()
    }

    pub fn of_columns(columns: &'a [(String, SqlType)]) -> Scope<'a> {
        Scope {
            sources: vec![Source {
                qualifier: None,
                schema: None,
                columns: Cow::Borrowed(columns),
            }],
        }
    }

    /// A table under its alias, or under its own name.
    pub fn of_table(table: &'a orbit_core::catalog::Table, alias: Option<&str>) -> Scope<'a> {
        let mut scope = Scope::default();
        scope.push(
            alias.unwrap_or(&table.name).to_owned(),
            alias.is_none().then_some(table.schema.as_str()),
            &table.columns,
        );
        scope
    }

    pub fn push(&mut self, qualifier: String, schema: Option<&'a str>, columns: &[Column]) {
        self.sources.push(Source {
            qualifier: Some(qualifier),
            schema,
            columns: columns
                .iter()
                .map(|column| (column.name.clone(), column.sql_type.clone()))
                .collect(),
        });
    }

    /// `None` if nothing in view has this name.
    pub fn resolve(&self, path: &[Ident]) -> Result<Option<(usize, &SqlType)>> {
        let (schema, qualifier, name) = match path {
            [name] => (None, None, name),
            [qualifier, name] => (None, Some(fold(qualifier)), name),
            [schema, qualifier, name] => (Some(fold(schema)), Some(fold(qualifier)), name),
            _ => return Ok(None),
        };
        let name = fold(name);
        let mut found = None;
        let mut base = 0;
        for source in &self.sources {
            let in_view = match (&qualifier, &schema) {
                (None, _) => true,
                (Some(wanted), None) => source.qualifier.as_deref() == Some(wanted),
                (Some(wanted), Some(schema)) => {
                    source.qualifier.as_deref() == Some(wanted)
                        && source.schema == Some(schema.as_ref())
                }
            };
            if in_view
                && let Some(place) = source
                    .columns
                    .iter()
                    .position(|(column, _)| *column == name)
                && let Some((_, sql_type)) = source.columns.get(place)
            {
                if found.is_some() {
                    return Err(Error::new(
                        state::AMBIGUOUS_COLUMN,
                        format!("column reference \"{name}\" is ambiguous"),
                    ));
                }
                found = Some((base + place, sql_type));
            }
            base += source.columns.len();
        }
        Ok(found)
    }

    /// Whether `name` qualifies the columns of some relation in view.
    pub fn has_qualifier(&self, name: &str) -> bool {
        self.sources
            .iter()
            .any(|source| source.qualifier.as_deref() == Some(name))
    }
}

/// The types of `$1`, `$2`, ...: declared by the client, or found out from use.
#[derive(Clone, Debug, Default)]
pub struct Params {
    types: Vec<Option<SqlType>>,
}

/// PostgreSQL's limit: parameter counts travel as 16 bits.
const MAX_PARAMS: usize = 65_535;

impl Params {
    pub fn new(declared: &[Option<SqlType>]) -> Params {
        Params {
            types: declared
                .iter()
                .map(|declared| declared.clone().filter(|ty| *ty != SqlType::Unknown))
                .collect(),
        }
    }

    /// The 0-based number of a placeholder like `$3`.
    pub(crate) fn number(&mut self, placeholder: &str) -> Option<usize> {
        let number: usize = placeholder.strip_prefix('$')?.parse().ok()?;
        if number == 0 || number > MAX_PARAMS {
            return None;
        }
        if self.types.len() < number {
            self.types.resize(number, None);
        }
        Some(number - 1)
    }

    pub(crate) fn sql_type(&self, number: usize) -> Option<&SqlType> {
        self.types.get(number).and_then(Option::as_ref)
    }

    pub(crate) fn set(&mut self, number: usize, sql_type: SqlType) {
        if let Some(slot) = self.types.get_mut(number)
            && slot.is_none()
        {
            *slot = Some(sql_type);
        }
    }

    /// All types, once everything is compiled. A number that was skipped has no type: 42P18.
    pub fn finish(self) -> Result<Vec<SqlType>> {
        self.types
            .into_iter()
            .enumerate()
            .map(|(number, sql_type)| {
                sql_type.ok_or_else(|| {
                    Error::new(
                        state::INDETERMINATE_DATATYPE,
                        format!("could not determine data type of parameter ${}", number + 1),
                    )
                })
            })
            .collect()
    }
}
