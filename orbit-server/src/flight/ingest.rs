//! Bulk ingestion: a table made to hold the columns that come, or one that is there,
//! and then COPY's own way with rows in place of lines. All of it is one transaction.

use super::guest::{Guest, Held};
use super::put::Incoming;
use arrow::datatypes::Schema;
use arrow_flight::sql::{CommandStatementIngest, TableExistsOption, TableNotExistOption};
use orbit_core::{Error, Result, state};
use orbit_query::planned::inward_type;
use orbit_query::{Block, CopyIn, Outcome, Tag};

/// What is done before the rows come, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    drop: Option<IfExists>,
    create: Option<IfNotExists>,
}

type IfExists = bool;
type IfNotExists = bool;

/// What the client wants done about the table. That it is there, or isn't, is found by
/// the statements themselves, so nobody can come between.
pub fn steps(command: &CommandStatementIngest) -> Result<Steps> {
    use {TableExistsOption as Present, TableNotExistOption as Absent};
    let options = command.table_definition_options.unwrap_or_default();
    let (drop, create) = match (options.if_not_exist(), options.if_exists()) {
        (Absent::Create, Present::Fail) => (None, Some(false)),
        (Absent::Create, Present::Append) => (None, Some(true)),
        (Absent::Create, Present::Replace) => (Some(true), Some(false)),
        (Absent::Fail, Present::Append) => (None, None),
        (Absent::Fail, Present::Replace) => (Some(false), Some(false)),
        _ => {
            return Err(Error::new(
                state::INVALID_PARAMETER_VALUE,
                "the ingestion does not say what to do about the table",
            ));
        }
    };
    Ok(Steps { drop, create })
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn columns(schema: &Schema) -> String {
    let names = schema.fields().iter().map(|field| quoted(field.name()));
    names.collect::<Vec<_>>().join(", ")
}

/// A table whose columns hold those of the schema.
fn definition(table: &str, schema: &Schema, absent_only: IfNotExists) -> Result<String> {
    let mut columns = Vec::new();
    for field in schema.fields() {
        let nulls = if field.is_nullable() { "" } else { " NOT NULL" };
        let ty = inward_type(field)?;
        columns.push(format!("{} {ty}{nulls}", quoted(field.name())));
    }
    let condition = if absent_only { "IF NOT EXISTS " } else { "" };
    let columns = columns.join(", ");
    Ok(format!("CREATE TABLE {condition}{table} ({columns})"))
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
        // ADBC names no transaction here, and means the one that is open.
        if command.transaction_id.is_some() {
            self.check_transaction(command.transaction_id.as_ref())?;
        }
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
        self.session.resume();
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
        let steps = steps(command)?;
        if let Some(if_exists) = steps.drop {
            let condition = if if_exists { "IF EXISTS " } else { "" };
            self.command(&format!("DROP TABLE {condition}{table}"))
                .await?;
        }
        if let Some(absent_only) = steps.create {
            self.command(&definition(&table, &schema, absent_only)?)
                .await?;
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
        use {TableExistsOption as Present, TableNotExistOption as Absent};
        for (absent, present, drop, create) in [
            (Absent::Create, Present::Fail, None, Some(false)),
            (Absent::Create, Present::Append, None, Some(true)),
            (Absent::Create, Present::Replace, Some(true), Some(false)),
            (Absent::Fail, Present::Append, None, None),
            (Absent::Fail, Present::Replace, Some(false), Some(false)),
        ] {
            let wanted = Steps { drop, create };
            assert_eq!(steps(&wants(absent, present)).unwrap(), wanted);
        }
        assert!(steps(&wants(Absent::Fail, Present::Fail)).is_err());
        assert!(steps(&CommandStatementIngest::default()).is_err());
    }

    #[test]
    fn a_table_is_made_of_the_columns_that_come() {
        let schema = Schema::new(vec![
            Field::new("a\"b", DataType::Int64, false),
            Field::new("c", DataType::Utf8View, true),
            Field::new("d", DataType::Decimal128(10, 2), true),
        ]);
        assert_eq!(
            definition("\"t\"", &schema, false).unwrap(),
            "CREATE TABLE \"t\" (\"a\"\"b\" bigint NOT NULL, \"c\" text, \"d\" numeric(10,2))"
        );
        assert_eq!(columns(&schema), "\"a\"\"b\", \"c\", \"d\"");
    }
}
