//! Bulk ingestion: a table made to hold the columns that come, or one that is there,
//! and then COPY's own way with rows in place of lines. All of it is one transaction.

use super::guest::{Guest, Held};
use super::put::Incoming;
use arrow::datatypes::Schema;
use arrow_flight::sql::{CommandStatementIngest, TableExistsOption, TableNotExistOption};
use orbit_core::value::Value;
use orbit_core::{Error, Result, state};
use orbit_query::planned::inward_type;
use orbit_query::{Block, CopyIn, Outcome, Tag};

/// What is to be done first, by whether the table is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Create,
    Append,
    Replace,
}

/// As the client wants it, or why not.
pub fn step(command: &CommandStatementIngest, exists: bool) -> Result<Step> {
    let options = command.table_definition_options.unwrap_or_default();
    let absent = TableNotExistOption::try_from(options.if_not_exist);
    let present = TableExistsOption::try_from(options.if_exists);
    let table = &command.table;
    match (exists, absent, present) {
        (false, Ok(TableNotExistOption::Create), _) => Ok(Step::Create),
        (false, Ok(TableNotExistOption::Fail), _) => Err(Error::new(
            state::UNDEFINED_TABLE,
            format!("relation \"{table}\" does not exist"),
        )),
        (true, _, Ok(TableExistsOption::Append)) => Ok(Step::Append),
        (true, _, Ok(TableExistsOption::Replace)) => Ok(Step::Replace),
        (true, _, Ok(TableExistsOption::Fail)) => Err(Error::new(
            state::DUPLICATE_TABLE,
            format!("relation \"{table}\" already exists"),
        )),
        _ => Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            "the ingestion does not say what to do about the table",
        )),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn columns(schema: &Schema) -> String {
    let names = schema.fields().iter().map(|field| quoted(field.name()));
    names.collect::<Vec<_>>().join(", ")
}

/// A table whose columns hold those of the schema.
fn definition(table: &str, schema: &Schema) -> Result<String> {
    let mut columns = Vec::new();
    for field in schema.fields() {
        let nulls = if field.is_nullable() { "" } else { " NOT NULL" };
        let ty = inward_type(field)?;
        columns.push(format!("{} {ty}{nulls}", quoted(field.name())));
    }
    Ok(format!("CREATE TABLE {table} ({})", columns.join(", ")))
}

impl Held {
    pub async fn ingest(
        &mut self,
        command: CommandStatementIngest,
        incoming: &mut Incoming,
        guest: &Guest,
    ) -> Result<i64> {
        if command.temporary {
            return Err(Error::unsupported("ingestion into a temporary table"));
        }
        if let Some(catalog) = &command.catalog
            && catalog != crate::pg::DATABASE
        {
            return Err(Error::new(
                state::INVALID_CATALOG_NAME,
                format!("database \"{catalog}\" does not exist"),
            ));
        }
        self.check_transaction(command.transaction_id.as_ref())?;
        let own = self.session.block() == Block::Idle;
        if own {
            self.command("BEGIN").await?;
        }
        let done = self.ingest_within(&command, incoming, guest).await;
        if !own {
            return done;
        }
        if done.is_err() {
            self.session.fail();
        }
        let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = self.command(end).await;
        done.and_then(|rows| ended.map(|()| rows))
    }

    async fn ingest_within(
        &mut self,
        command: &CommandStatementIngest,
        incoming: &mut Incoming,
        guest: &Guest,
    ) -> Result<i64> {
        let cancel = self.session.cancel_token();
        let schema = incoming.schema(guest, &cancel).await?;
        if schema.fields().is_empty() {
            return Err(Error::new(
                state::INVALID_PARAMETER_VALUE,
                "rows without columns cannot be ingested",
            ));
        }
        let table = match &command.schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(&command.table)),
            None => quoted(&command.table),
        };
        let exists = self.exists(command).await?;
        let step = step(command, exists)?;
        if step == Step::Replace {
            self.command(&format!("DROP TABLE {table}")).await?;
        }
        if step != Step::Append {
            self.command(&definition(&table, &schema)?).await?;
        }
        let sql = format!("COPY {table} ({}) FROM STDIN", columns(&schema));
        let statement = self.session.prepare(&sql, &[]).await?;
        let Outcome::CopyIn(copy) = self.session.execute(&statement, &[]).await? else {
            return Err(Error::internal("COPY asked for nothing"));
        };
        match self.copy(copy, incoming, guest).await? {
            Tag::Copy(rows) => Ok(i64::try_from(rows).unwrap_or(i64::MAX)),
            _ => Err(Error::internal("COPY ended as something else")),
        }
    }

    async fn copy(
        &mut self,
        mut copy: CopyIn,
        incoming: &mut Incoming,
        guest: &Guest,
    ) -> Result<Tag> {
        let cancel = self.session.cancel_token();
        while let Some(batch) = incoming.next(guest, &cancel).await? {
            copy.push_batch(&mut self.session, &batch).await?;
        }
        copy.finish(&mut self.session).await
    }

    /// Whether names would find the table.
    async fn exists(&mut self, command: &CommandStatementIngest) -> Result<bool> {
        let schema = match &command.schema {
            Some(schema) => Value::Text(schema.clone()),
            None => Value::Null,
        };
        let found = self
            .query(
                "SELECT 1 FROM pg_catalog.pg_class c \
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                 WHERE c.relname = $1 AND c.relkind IN ('r', 'v') \
                 AND (n.nspname = $2 OR $2 IS NULL AND n.nspname = ANY (current_schemas(true)))",
                &[Value::Text(command.table.clone()), schema],
            )
            .await?;
        Ok(!found.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{DataType, Field};
    use arrow_flight::sql::TableDefinitionOptions;

    fn wants(absent: TableNotExistOption, present: TableExistsOption) -> CommandStatementIngest {
        CommandStatementIngest {
            table: "t".to_owned(),
            table_definition_options: Some(TableDefinitionOptions {
                if_not_exist: absent as i32,
                if_exists: present as i32,
            }),
            ..CommandStatementIngest::default()
        }
    }

    #[test]
    fn the_options_say_what_is_done() {
        use {TableExistsOption as Exists, TableNotExistOption as Absent};
        let create = wants(Absent::Create, Exists::Fail);
        assert_eq!(step(&create, false).unwrap(), Step::Create);
        assert!(step(&create, true).unwrap_err().is(state::DUPLICATE_TABLE));
        let append = wants(Absent::Fail, Exists::Append);
        assert_eq!(step(&append, true).unwrap(), Step::Append);
        assert!(step(&append, false).unwrap_err().is(state::UNDEFINED_TABLE));
        let replace = wants(Absent::Create, Exists::Replace);
        assert_eq!(step(&replace, true).unwrap(), Step::Replace);
        assert_eq!(step(&replace, false).unwrap(), Step::Create);
        let silent = CommandStatementIngest::default();
        assert!(step(&silent, true).is_err() && step(&silent, false).is_err());
    }

    #[test]
    fn a_table_is_made_of_the_columns_that_come() {
        let schema = Schema::new(vec![
            Field::new("a\"b", DataType::Int64, false),
            Field::new("c", DataType::Utf8View, true),
            Field::new("d", DataType::Decimal128(10, 2), true),
        ]);
        assert_eq!(
            definition("\"t\"", &schema).unwrap(),
            "CREATE TABLE \"t\" (\"a\"\"b\" bigint NOT NULL, \"c\" text, \"d\" numeric(10,2))"
        );
        assert_eq!(columns(&schema), "\"a\"\"b\", \"c\", \"d\"");
    }
}
