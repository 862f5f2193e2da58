//! Statements known by their shape: the text with its literals taken out.
//!
//! Many clients send literals in the text, each time others. One pass over the
//! bytes (`scan`) gives a key and the literals; the second time a shape comes
//! by, its point plan is there and the literals are its parameters. No syntax
//! tree is made.
//!
//! A literal becomes a parameter of the type PostgreSQL gives it from its text
//! alone: 5 is an integer, 5000000000 a bigint, 5.0 a numeric, and the key says
//! which; a quoted one takes its type from where it stands, as a parameter does,
//! and is read by that type's input function. So the plan for the shape is the
//! plan for the statement. A shape in which a literal means something else
//! (`ORDER BY 1`, `varchar(10)`) doesn't compile with parameters in those places
//! and is remembered as not normalisable.

mod scan;

#[cfg(test)]
mod tests;

use crate::point::PointPlan;
use crate::settings::Settings;
use crate::statement::Prepared;
use ahash::RandomState;
use lru::LruCache;
use orbit_core::catalog::Catalog;
use orbit_core::types::SqlType;
use orbit_core::value::text::FormatSettings;
use orbit_core::value::{Numeric, Value, text};
use orbit_core::{Error, Result};
use parking_lot::Mutex;
use scan::{Literal, LiteralKind, Scan, scan};
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Sessions on different cores seldom want the same shard at the same moment.
const SHARDS: usize = 8;

enum Entry {
    Plan(Arc<Prepared>),
    /// Not normalisable, as of this version of the catalog.
    FullText {
        catalog: u64,
    },
}

type Shard = Mutex<LruCache<Box<[u8]>, Entry, RandomState>>;

/// One for all sessions of an engine; bounded.
pub struct LiteralCache {
    shards: Vec<Shard>,
    hasher: RandomState,
}

impl LiteralCache {
    pub fn new(entries: usize) -> LiteralCache {
        let each = NonZeroUsize::new(entries / SHARDS).unwrap_or(NonZeroUsize::MIN);
        LiteralCache {
            shards: (0..SHARDS)
                .map(|_| Mutex::new(LruCache::with_hasher(each, RandomState::new())))
                .collect(),
            hasher: RandomState::new(),
        }
    }

    /// The point statement that `sql` is, and its literals as parameters.
    /// `None`: not one of the point path, or not a single statement; parse in full.
    pub fn prepare(
        &self,
        sql: &str,
        catalog: &Catalog,
        settings: &Settings,
    ) -> Result<Option<(Arc<Prepared>, Vec<Value>)>> {
        let Some(mut scan) = scan(sql) else {
            return Ok(None);
        };
        // Names mean what the search path makes of them.
        for schema in settings.search_path() {
            scan.key.push(0);
            scan.key.extend_from_slice(schema.as_bytes());
        }
        if let Some(generation) = settings.temporary_generation() {
            scan.key.extend_from_slice(&generation.to_be_bytes());
        }
        let hash = self.hasher.hash_one(scan.key.as_slice());
        let Some(shard) = self.shards.get((hash as usize) % SHARDS) else {
            return Ok(None);
        };
        let known = match shard.lock().get(scan.key.as_slice()) {
            Some(Entry::Plan(plan)) => Some(plan.clone()),
            Some(Entry::FullText { catalog: version }) if *version == catalog.version => {
                return Ok(None);
            }
            _ => None,
        };
        let plan = match known {
            Some(plan) if plan.is_current(catalog) => plan,
            _ => {
                let plan = compile(sql, &scan, catalog, settings);
                let entry = match &plan {
                    Some(plan) => Entry::Plan(plan.clone()),
                    None => Entry::FullText {
                        catalog: catalog.version,
                    },
                };
                shard.lock().put(scan.key.as_slice().into(), entry);
                match plan {
                    Some(plan) => plan,
                    None => return Ok(None),
                }
            }
        };
        let mut values = Vec::with_capacity(scan.literals.len());
        for (literal, ty) in scan.literals.iter().zip(&plan.params) {
            let read = value(sql, literal, ty, &settings.format);
            values.push(read.map_err(|error| placed(error, sql, literal))?);
        }
        Ok(Some((plan, values)))
    }
}

/// Compiles the shape, each literal a parameter. Errors are left to whoever
/// parses the statement in full: they may name what stands in the text.
fn compile(
    sql: &str,
    scan: &Scan,
    catalog: &Catalog,
    settings: &Settings,
) -> Option<Arc<Prepared>> {
    let mut shape = String::with_capacity(sql.len() + 4 * scan.literals.len());
    let mut copied = 0;
    for (number, literal) in scan.literals.iter().enumerate() {
        shape.push_str(sql.get(copied..literal.start)?);
        shape.push_str(&format!(" ${} ", number + 1));
        copied = literal.end;
    }
    shape.push_str(sql.get(copied..)?);
    if nests_deep(&shape) {
        return None;
    }
    let statement = crate::statement::parse::alone(&shape)?;
    let declared: Vec<Option<SqlType>> = scan
        .literals
        .iter()
        .map(|literal| match literal.kind {
            LiteralKind::Int4 => Some(SqlType::Int4),
            LiteralKind::Int8 => Some(SqlType::Int8),
            LiteralKind::Numeric => Some(SqlType::Numeric(None)),
            LiteralKind::Text { .. } => None,
        })
        .collect();
    let plan = PointPlan::compile(catalog, settings, &statement, &declared).ok()??;
    if plan.params().len() != declared.len() {
        return None;
    }
    Some(Arc::new(Prepared::point(shape, plan, &declared)))
}

/// No statement of the point path nests so. sqlparser tries one reading of a bracket
/// after another, which takes time that doubles with every level.
fn nests_deep(shape: &str) -> bool {
    const DEEP: usize = 8;
    let mut open = 0usize;
    shape.bytes().any(|byte| {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        open > DEEP
    })
}

/// What a type's input function says of a literal is said of its place, too.
fn placed(error: Error, sql: &str, literal: &Literal) -> Error {
    if !matches!(
        error.state().as_str(),
        "22P02" | "22003" | "22007" | "22008"
    ) {
        return error;
    }
    let before = sql
        .get(..literal.start)
        .map_or(0, |text| text.chars().count());
    error.at(u32::try_from(before + 1).unwrap_or(u32::MAX))
}

fn value(sql: &str, literal: &Literal, ty: &SqlType, format: &FormatSettings) -> Result<Value> {
    let text = sql.get(literal.content.clone()).unwrap_or_default();
    Ok(match literal.kind {
        LiteralKind::Int4 => Value::Int4(literal.number as i32),
        LiteralKind::Int8 => Value::Int8(literal.number),
        LiteralKind::Numeric => Value::Numeric(Numeric::parse(text)?),
        LiteralKind::Text { doubled: false } => match ty {
            SqlType::Text | SqlType::Varchar(_) => Value::Text(text.to_owned()),
            ty => text::parse(text, ty, format)?,
        },
        LiteralKind::Text { doubled: true } => text::parse(&text.replace("''", "'"), ty, format)?,
    })
}
