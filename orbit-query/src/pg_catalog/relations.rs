//! Which relations `pg_catalog` and `information_schema` have, and their columns.
//!
//! The list is PostgreSQL 15's own, read out of a running server by
//! `system/generate.sh`; `system/relations.txt` holds one relation a line. The node's own,
//! in `system/orbit.txt`, are found by their names and not listed, as its tables are.

use datafusion::arrow::datatypes::{DataType, Field, IntervalUnit, Schema, SchemaRef, TimeUnit};
use orbit_core::types::Oid;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

pub const PG_CATALOG: &str = "pg_catalog";
pub const INFORMATION_SCHEMA: &str = "information_schema";

/// How a column's values are held. Types that only catalogs have are shown as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Oid,
    Text,
    Timestamp,
    Interval,
    Inet,
    Texts,
    Oids,
    Int2s,
    Floats,
}

impl Kind {
    fn of(type_name: &str) -> Kind {
        match type_name {
            "bool" => Kind::Bool,
            "int2" => Kind::Int2,
            "int4" => Kind::Int4,
            "int8" => Kind::Int8,
            "float4" => Kind::Float4,
            "float8" | "numeric" => Kind::Float8,
            "oid" | "xid" | "regtype" => Kind::Oid,
            "timestamptz" => Kind::Timestamp,
            "interval" => Kind::Interval,
            "inet" => Kind::Inet,
            "_oid" | "oidvector" | "_regtype" => Kind::Oids,
            "_int2" | "int2vector" => Kind::Int2s,
            "_float4" | "_float8" => Kind::Floats,
            list if list.starts_with('_') => Kind::Texts,
            _ => Kind::Text,
        }
    }

    pub fn arrow(self) -> DataType {
        let list = |item| DataType::List(Arc::new(Field::new("item", item, true)));
        match self {
            Kind::Bool => DataType::Boolean,
            Kind::Int2 => DataType::Int16,
            Kind::Int4 => DataType::Int32,
            Kind::Int8 => DataType::Int64,
            Kind::Float4 => DataType::Float32,
            Kind::Float8 => DataType::Float64,
            Kind::Oid => DataType::UInt32,
            Kind::Text => DataType::Utf8,
            Kind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Kind::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            Kind::Inet => DataType::Binary,
            Kind::Texts => list(DataType::Utf8),
            Kind::Oids => list(DataType::UInt32),
            Kind::Int2s => list(DataType::Int16),
            Kind::Floats => list(DataType::Float64),
        }
    }
}

#[derive(Debug)]
pub struct Column {
    pub name: &'static str,
    /// `pg_type.typname`.
    pub type_name: &'static str,
    pub kind: Kind,
    pub not_null: bool,
}

#[derive(Debug)]
pub struct Relation {
    pub schema: &'static str,
    pub name: &'static str,
    pub oid: Oid,
    /// `pg_class.relkind`: `r` or `v`.
    pub kind: &'static str,
    pub columns: Vec<Column>,
    /// Fields as plans carry them.
    pub arrow: SchemaRef,
    /// The same, each telling its type where the carrier doesn't.
    pub typed: SchemaRef,
}

impl Relation {
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|known| known.name == column)
    }
}

/// Every system relation.
pub struct Relations {
    all: Vec<Relation>,
    /// Of them the first so many are listed.
    listed: usize,
    by_name: HashMap<(&'static str, &'static str), usize>,
}

impl Relations {
    pub fn iter(&self) -> impl Iterator<Item = &Relation> {
        self.all.iter().take(self.listed)
    }

    pub fn named(&self, schema: &str, name: &str) -> Option<&Relation> {
        self.all.get(*self.by_name.get(&(schema, name))?)
    }
}

pub fn relations() -> &'static Relations {
    static RELATIONS: LazyLock<Relations> = LazyLock::new(|| {
        read(
            include_str!("system/relations.txt"),
            include_str!("system/orbit.txt"),
        )
    });
    &RELATIONS
}

fn read(listed: &'static str, own: &'static str) -> Relations {
    let mut all: Vec<Relation> = listed.lines().filter_map(relation).collect();
    let listed = all.len();
    all.extend(own.lines().filter_map(relation));
    let by_name = all
        .iter()
        .enumerate()
        .map(|(place, relation)| ((relation.schema, relation.name), place))
        .collect();
    Relations {
        all,
        listed,
        by_name,
    }
}

fn relation(line: &'static str) -> Option<Relation> {
    let mut words = line.split(' ');
    let (schema, name) = (words.next()?, words.next()?);
    let (oid, kind) = (words.next()?.parse().ok()?, words.next()?);
    let columns: Vec<Column> = words
        .filter_map(|word| {
            let (name, type_name) = word.split_once(':')?;
            let bare = type_name.trim_end_matches('!');
            Some(Column {
                name,
                type_name: bare,
                kind: Kind::of(bare),
                not_null: bare.len() < type_name.len(),
            })
        })
        .collect();
    let typed = Arc::new(Schema::new(
        columns.iter().map(field).collect::<Vec<Field>>(),
    ));
    // Plans compare the two sides of a recursion field by field, notes included.
    let bare = |column: &Column| Field::new(column.name, column.kind.arrow(), true);
    let arrow = Arc::new(Schema::new(
        columns.iter().map(bare).collect::<Vec<Field>>(),
    ));
    Some(Relation {
        schema,
        name,
        oid,
        kind,
        columns,
        arrow,
        typed,
    })
}

/// All fields are nullable: outer joins over them are common and nothing is won by saying more.
fn field(column: &Column) -> Field {
    let field = Field::new(column.name, column.kind.arrow(), true);
    match column.type_name {
        "name" | "char" | "varchar" | "oid" | "int2vector" | "oidvector" | "inet" => {
            let name = column.type_name.to_owned();
            field.with_metadata([("orbit.type".to_owned(), name)].into())
        }
        _ => field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_relation() {
        let lines = include_str!("system/relations.txt").lines().count();
        assert_eq!(relations().iter().count(), lines);
        let class = relations().named(PG_CATALOG, "pg_class").unwrap();
        assert_eq!(class.oid, 1259);
        assert_eq!(class.columns.len(), 33);
        assert!(class.columns[1].not_null);
    }
}
