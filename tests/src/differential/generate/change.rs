//! INSERT, UPDATE and DELETE.

use super::{Generator, Statement, Table};

impl Generator {
    pub fn change(&mut self) -> Statement {
        let table = self.tables[self.random.below(self.tables.len() as u64) as usize].clone();
        match self.random.below(10) {
            0..4 => self.insert(&table),
            4..8 => self.update(&table),
            _ => self.delete(&table),
        }
    }

    fn returning(&mut self, table: &Table) -> String {
        match self.chance(40) {
            true => format!(" RETURNING {}.*", table.name),
            false => String::new(),
        }
    }

    fn insert(&mut self, table: &Table) -> Statement {
        let rows = if self.chance(70) { 1 } else { 2 };
        let tuples: Vec<String> = (0..rows)
            .map(|_| {
                let mut values = vec![self.random.below(60).to_string()];
                for column in &table.columns[1..] {
                    let value = match self.chance(8) {
                        true => "DEFAULT".to_owned(),
                        false => self.value(column.ty, true),
                    };
                    values.push(value);
                }
                format!("({})", values.join(", "))
            })
            .collect();
        let conflict = match self.random.below(4) {
            0 => " ON CONFLICT DO NOTHING".to_owned(),
            1 => {
                let column =
                    table.columns[self.random.below(table.columns.len() as u64) as usize].clone();
                let set = match column.name.as_str() {
                    "id" => "id = excluded.id".to_owned(),
                    name => format!("{name} = excluded.{name}"),
                };
                format!(" ON CONFLICT (id) DO UPDATE SET {set}")
            }
            _ => String::new(),
        };
        let returning = self.returning(table);
        Statement::Change {
            sql: format!(
                "INSERT INTO {} VALUES {}{conflict}{returning}",
                table.name,
                tuples.join(", ")
            ),
            one_row: rows == 1,
        }
    }

    fn update(&mut self, table: &Table) -> Statement {
        let reach = table
            .columns
            .iter()
            .map(|column| (format!("{}.{}", table.name, column.name), column.ty))
            .collect();
        let at = 1 + self.random.below(table.columns.len() as u64 - 1) as usize;
        let column = table.columns[at].clone();
        let value = self.expr(&reach, column.ty, 1);
        let one_row = self.chance(50) || column.unique;
        let filter = match one_row {
            true => format!("{}.id = {}", table.name, self.random.below(40)),
            false => self.condition(&reach, 1),
        };
        let returning = self.returning(table);
        let from = match self.chance(25) {
            true => {
                let other = self.tables[self.random.below(self.tables.len() as u64) as usize]
                    .name
                    .clone();
                format!(
                    " FROM {other} AS o WHERE o.id = {}.id AND {filter}",
                    table.name
                )
            }
            false => format!(" WHERE {filter}"),
        };
        // Every value fits: a numeric(8,2) holds what few additions of small ones give.
        Statement::Change {
            sql: format!(
                "UPDATE {} SET {} = {value}{from}{returning}",
                table.name, column.name
            ),
            one_row,
        }
    }

    fn delete(&mut self, table: &Table) -> Statement {
        let returning = self.returning(table);
        let id = self.random.below(50);
        let sql = match self.chance(30) {
            true => {
                let other = self.tables[self.random.below(self.tables.len() as u64) as usize]
                    .name
                    .clone();
                format!(
                    "DELETE FROM {0} USING {other} AS o WHERE o.id = {0}.id AND o.id = {id}{returning}",
                    table.name
                )
            }
            false => format!("DELETE FROM {} WHERE id = {id}{returning}", table.name),
        };
        Statement::Change { sql, one_row: true }
    }
}
