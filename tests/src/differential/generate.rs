//! Random schemas, rows and statements, the same ones for the same seed.
//!
//! * [`expr`]: expressions of a wanted type over the columns in reach
//! * [`query`]: SELECTs as parts that can be taken away again
//! * [`change`]: INSERT, UPDATE and DELETE, many of which hit a constraint
//!
//! What is written has one right answer: no order that isn't asked for counts, LIMIT
//! comes with a total order, and nothing overflows or divides by zero, because when that
//! fails depends on the plan.

pub mod change;
pub mod expr;
pub mod query;

use crate::Random;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Int,
    Big,
    Numeric,
    Float,
    Text,
    Bool,
    Date,
    Stamp,
}

impl Type {
    pub const ALL: [Type; 8] = [
        Type::Int,
        Type::Big,
        Type::Numeric,
        Type::Float,
        Type::Text,
        Type::Bool,
        Type::Date,
        Type::Stamp,
    ];

    pub fn sql(self) -> &'static str {
        match self {
            Type::Int => "int",
            Type::Big => "bigint",
            Type::Numeric => "numeric(8,2)",
            Type::Float => "float8",
            Type::Text => "text",
            Type::Bool => "boolean",
            Type::Date => "date",
            Type::Stamp => "timestamp",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    pub ty: Type,
    pub not_null: bool,
    pub unique: bool,
}

#[derive(Clone, Debug)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
}

pub struct Generator {
    pub random: Random,
    pub tables: Vec<Table>,
    round: usize,
    names: usize,
}

impl Generator {
    pub fn new(seed: u64) -> Generator {
        Generator {
            random: Random(seed),
            tables: Vec::new(),
            round: 0,
            names: 0,
        }
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.random.below(100) < percent
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.random.below(from.len() as u64) as usize]
    }

    fn fresh(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    /// New tables with rows in them, in place of the old ones.
    pub fn schema(&mut self) -> Vec<String> {
        let mut statements: Vec<String> = self
            .tables
            .drain(..)
            .map(|table| format!("DROP TABLE {}", table.name))
            .collect();
        self.round += 1;
        self.names = 0;
        for number in 0..3 {
            let name = format!("r{}t{number}", self.round);
            let table = self.table(name, &mut statements);
            self.tables.push(table);
        }
        for at in 0..self.tables.len() {
            let table = self.tables[at].clone();
            let rows = 5 + self.random.below(25);
            for id in 0..rows {
                let values: Vec<String> = table.columns[1..]
                    .iter()
                    .map(|column| match column.unique {
                        true => self.unique_value(column.ty, id),
                        false => self.value(column.ty, !column.not_null),
                    })
                    .collect();
                statements.push(format!(
                    "INSERT INTO {} VALUES ({id}, {})",
                    table.name,
                    values.join(", ")
                ));
            }
        }
        statements
    }

    fn table(&mut self, name: String, statements: &mut Vec<String>) -> Table {
        let mut columns = vec![Column {
            name: "id".to_owned(),
            ty: Type::Int,
            not_null: true,
            unique: true,
        }];
        let mut parts = vec!["id int PRIMARY KEY".to_owned()];
        for number in 0..2 + self.random.below(5) {
            let column = Column {
                name: format!("c{number}"),
                ty: *self.pick(&Type::ALL),
                not_null: self.chance(25),
                unique: false,
            };
            let unique = self.chance(15) && !matches!(column.ty, Type::Bool);
            let mut part = format!("{} {}", column.name, column.ty.sql());
            if column.not_null {
                part.push_str(" NOT NULL");
            }
            if unique {
                part.push_str(" UNIQUE");
            } else if self.chance(20) {
                part.push_str(&format!(" DEFAULT {}", self.value(column.ty, false)));
            }
            if self.chance(15) && column.ty == Type::Int {
                part.push_str(&format!(" CHECK ({} < 1000)", column.name));
            }
            parts.push(part);
            columns.push(Column { unique, ..column });
        }
        statements.push(format!("CREATE TABLE {name} ({})", parts.join(", ")));
        if self.chance(60) {
            let column = self.pick(&columns).name.clone();
            statements.push(format!("CREATE INDEX ON {name} ({column}, id)"));
        }
        Table { name, columns }
    }

    fn unique_value(&mut self, ty: Type, id: u64) -> String {
        match ty {
            Type::Int | Type::Big => id.to_string(),
            Type::Numeric => format!("{id}.25"),
            Type::Float => format!("{id}.5"),
            Type::Text => format!("'u{id}'"),
            Type::Bool => "true".to_owned(),
            Type::Date => format!("'2024-01-01'::date + {id}"),
            Type::Stamp => format!("'2024-01-01'::timestamp + '{id} hours'"),
        }
    }

    /// A literal; few different ones, so that they meet.
    pub fn value(&mut self, ty: Type, null: bool) -> String {
        if null && self.chance(15) {
            return "NULL".to_owned();
        }
        let n = self.random.below(12);
        match ty {
            Type::Int => (n as i64 - 3).to_string(),
            Type::Big => ["0", "1", "-7", "3000000000", "5"][n as usize % 5].to_owned(),
            Type::Numeric => {
                ["0.5", "1.25", "-3.10", "100", "7.77", "2.50"][n as usize % 6].to_owned()
            }
            Type::Float => ["0.5", "1.25", "-2.75", "1024", "0"][n as usize % 5].to_owned(),
            Type::Text => ["'a'", "'b'", "'A'", "'ab'", "''", "'b c'", "'zeta'", "'é'"]
                [n as usize % 8]
                .to_owned(),
            Type::Bool => ["true", "false"][n as usize % 2].to_owned(),
            Type::Date => format!("date '2024-0{}-1{}'", 1 + n % 3, n % 4),
            Type::Stamp => format!("timestamp '2024-02-2{} 1{}:30'", n % 9, n % 5),
        }
    }

    pub fn statement(&mut self) -> Statement {
        match self.random.below(100) {
            0..72 => Statement::Query(Box::new(self.query())),
            72..90 => self.change(),
            _ => {
                let table = self.random.below(self.tables.len() as u64) as usize;
                let name = &self.tables[table].name;
                Statement::Other(format!("SELECT * FROM {name} ORDER BY id"))
            }
        }
    }
}

pub enum Statement {
    Query(Box<query::Select>),
    Change {
        sql: String,
        /// One row: which constraint fails first is settled.
        one_row: bool,
    },
    Other(String),
}

impl Statement {
    pub fn sql(&self) -> String {
        match self {
            Statement::Query(select) => select.sql(),
            Statement::Change { sql, .. } | Statement::Other(sql) => sql.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_writes_the_same() {
        let written = |seed| {
            let mut generator = Generator::new(seed);
            let mut all = generator.schema();
            all.extend((0..50).map(|_| generator.statement().sql()));
            all
        };
        assert_eq!(written(7), written(7));
        assert_ne!(written(7), written(8));
    }
}
