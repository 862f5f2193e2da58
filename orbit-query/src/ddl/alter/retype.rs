//! ALTER COLUMN ... TYPE. Where the stored bytes mean the same in the new type
//! (a longer varchar, a wider numeric) only the definition changes; otherwise
//! every row is written anew.

use super::put;
use crate::ddl::{constraints, rebuild, types};
use crate::expr::Env;
use crate::session::Session;
use orbit_core::catalog::{Index, Table, TableDef};
use orbit_core::types::SqlType;
use orbit_core::value::precision::{self, MOST_DIGITS};
use orbit_core::value::{Value, cast};
use orbit_core::{Error, Result, key, state};
use sqlparser::ast::{DataType, Expr};
use std::sync::Arc;

pub(super) async fn run(
    session: &mut Session,
    table: &Arc<Table>,
    place: usize,
    data_type: &DataType,
    using: Option<&Expr>,
) -> Result<()> {
    let Some(column) = table.columns.get(place) else {
        return Err(Error::internal("a column that is not there"));
    };
    let new_type = types::sql_type(data_type)?;
    let digits = types::precision(data_type)?;
    if let Some(warning) = types::reduced(data_type) {
        session.notice(warning);
    }
    let name = column.name.clone();
    if column.generated.is_some() {
        return Err(Error::unsupported(
            "changing the type of a generated column",
        ));
    }
    if let Some(other) = super::drop_column::generated_from(&table.def, &name)? {
        return Err(Error::new(
            state::FEATURE_NOT_SUPPORTED,
            "cannot alter type of a column used by a generated column",
        )
        .with_detail(format!(
            "Column \"{name}\" is used by generated column \"{other}\"."
        )));
    }
    refuse_views(session, table, &name)?;
    let over: Vec<Index> = computed_from(&table.def, &name)?;
    if !over.is_empty() {
        return Box::pin(without(session, table, place, data_type, using, &over)).await;
    }
    let in_key = table.primary_key_columns().contains(&place)
        || table
            .indexes
            .iter()
            .any(|index| index.columns.iter().any(|part| part.column == place));
    let integer = matches!(new_type, SqlType::Int2 | SqlType::Int4 | SqlType::Int8);
    if column.identity.is_some() && !integer {
        return Err(Error::new(
            state::INVALID_PARAMETER_VALUE,
            "identity column type must be smallint, integer, or bigint",
        ));
    }
    if in_key {
        key::check_type(&new_type)?;
    }
    check_references(session, table, place, &new_type)?;
    let mut target = table.def.clone();
    target.statistics = None;
    if let Some(changed) = target.columns.get_mut(place) {
        changed.sql_type = new_type.clone();
        changed.precision = digits;
    }
    if using.is_none() && !assignable(&column.sql_type, &new_type) {
        return Err(Error::new(
            state::DATATYPE_MISMATCH,
            format!(
                "column \"{name}\" cannot be cast automatically to type {}",
                new_type.base()
            ),
        )
        .with_hint(format!(
            "You might need to specify \"USING {}::{new_type}\".",
            crate::ddl::expressions::named(&name)
        )));
    }
    if column.default.is_some() && column.sequence.is_none() {
        recheck_default(session, table, place, &new_type).await?;
    }
    let keeps = |digits: Option<u8>| digits.unwrap_or(MOST_DIGITS);
    let as_precise = keeps(digits) >= keeps(column.precision);
    if using.is_none() && as_precise && same_bytes(&column.sql_type, &new_type) {
        session.table_writer(&Arc::new(Table::new(target.clone(), 0)?))?;
        return put(session, target);
    }
    // All values are written, those of older rows too.
    for column in &mut target.columns {
        column.missing = None;
    }
    let conversion = match using {
        None => None,
        Some(using) => Some(computed(session, table, &new_type, using)?),
    };
    let writer = session.table_writer(&Arc::new(Table::new(target.clone(), 0)?))?;
    let moment = session.moment();
    let format = session.settings().format.clone();
    let env = Env {
        params: &[],
        facts: &moment,
    };
    let definition = target.clone();
    rebuild::rewrite(session, table, target, |mut values| {
        let value = match &conversion {
            Some((writer, at)) => {
                let columns = values.get(..*at).unwrap_or(&values);
                writer.generated_value(*at, columns, &env)?
            }
            None => match values.get_mut(place) {
                Some(value) => cast::assign_with(std::mem::take(value), &new_type, &format)?,
                None => Value::Null,
            },
        };
        if let Some(slot) = values.get_mut(place) {
            *slot = match digits {
                Some(digits) => precision::fit(value, digits),
                None => value,
            };
        }
        rebuild::check_values(&definition, &values, place)?;
        writer.check_conditions_of(&values, &env)?;
        Ok(values)
    })
    .await
}

/// The indexes with expressions or conditions that use the column.
fn computed_from(table: &TableDef, name: &str) -> Result<Vec<Index>> {
    let mut found: Vec<Index> = Vec::new();
    for index in &table.indexes {
        for kept in table.computed.iter().filter(|kept| kept.index == index.id) {
            if crate::ddl::expressions::uses(&kept.expression, name)? {
                found.push(index.clone());
                break;
            }
        }
    }
    Ok(found)
}

/// Changes the type without these indexes, and makes them again for the new one.
async fn without(
    session: &mut Session,
    table: &Arc<Table>,
    place: usize,
    data_type: &DataType,
    using: Option<&Expr>,
    computed: &[Index],
) -> Result<()> {
    let mut target = table.def.clone();
    for index in computed {
        target.remove_index(index.id);
    }
    super::forget_indexes(session, table, &target)?;
    put(session, target)?;
    let bare = super::again(session, table)?;
    run(session, &bare, place, data_type, using).await?;
    for index in computed {
        let now = super::again(session, table)?;
        let recipe = crate::ddl::index::recipe(session, table, &now, index).await?;
        crate::ddl::index::make(session, &now, recipe).await?;
    }
    Ok(())
}

/// USING, as a column computed from the old ones.
fn computed(
    session: &mut Session,
    table: &Table,
    new_type: &SqlType,
    using: &Expr,
) -> Result<(crate::write::TableWriter, usize)> {
    let mut asked: TableDef = table.def.clone();
    asked.checks.clear();
    asked.indexes.clear();
    asked.computed.clear();
    for column in &mut asked.columns {
        constraints::forget_values(column);
    }
    let at = asked.columns.len();
    let Some(model) = asked.columns.first().cloned() else {
        return Err(Error::internal(
            "a table without columns has none to change",
        ));
    };
    asked.columns.push(orbit_core::catalog::Column {
        name: "?column?".to_owned(),
        sql_type: new_type.clone(),
        not_null: false,
        generated: Some(using.to_string()),
        precision: None,
        ..model
    });
    let writer = session.table_writer(&Arc::new(Table::new(asked, 0)?))?;
    Ok((writer, at))
}

/// The column's DEFAULT must fit the new type, too.
async fn recheck_default(
    session: &mut Session,
    table: &Table,
    place: usize,
    new_type: &SqlType,
) -> Result<()> {
    let Some(column) = table.columns.get(place) else {
        return Ok(());
    };
    let Some(default) = &column.default else {
        return Ok(());
    };
    let expr = crate::write::stored_expression(default)?;
    // A quoted literal is of the column's type; any other value is of its own.
    let value = session.constant(&expr).await?;
    let fits = match &value {
        Value::Null => true,
        Value::Text(_) => assignable(&column.sql_type, new_type),
        other => assignable(&cast::type_of(other), new_type),
    };
    if fits {
        return Ok(());
    }
    Err(Error::new(
        state::DATATYPE_MISMATCH,
        format!(
            "default for column \"{}\" cannot be cast automatically to type {}",
            column.name,
            new_type.base()
        ),
    ))
}

fn refuse_views(session: &mut Session, table: &Table, column: &str) -> Result<()> {
    let readers = super::in_views(session, table, column)?;
    let Some(view) = readers.first() else {
        return Ok(());
    };
    Err(Error::new(
        state::FEATURE_NOT_SUPPORTED,
        "cannot alter type of a column used by a view or rule",
    )
    .with_detail(format!(
        "rule _RETURN on view {view} depends on column \"{column}\""
    )))
}

/// Foreign keys over the column must stay possible.
fn check_references(
    session: &mut Session,
    table: &Table,
    place: usize,
    new_type: &SqlType,
) -> Result<()> {
    let catalog = session.transaction()?.current_catalog()?;
    for key in &table.foreign_keys {
        let Some(at) = key.columns.iter().position(|column| *column == place) else {
            continue;
        };
        let referenced = catalog.table_by_id(key.referenced);
        let theirs = referenced.and_then(|other| {
            let column = key.referenced_columns.get(at)?;
            other.columns.get(*column)
        });
        if let (Some(ours), Some(theirs)) = (table.columns.get(place), theirs)
            && !crate::ddl::foreign_keys::comparable(new_type, &theirs.sql_type)
        {
            return Err(crate::ddl::foreign_keys::incompatible(
                &key.name,
                (&ours.name, new_type),
                (&theirs.name, &theirs.sql_type),
            ));
        }
    }
    for other in catalog.referring(table.id) {
        for key in &other.foreign_keys {
            let mut columns = key.referenced_columns.iter();
            let at = columns.position(|column| *column == place);
            let (Some(at), true) = (at, key.referenced == table.id) else {
                continue;
            };
            let theirs = key.columns.get(at).and_then(|at| other.columns.get(*at));
            if let (Some(ours), Some(theirs)) = (table.columns.get(place), theirs)
                && !crate::ddl::foreign_keys::comparable(&theirs.sql_type, new_type)
            {
                return Err(crate::ddl::foreign_keys::incompatible(
                    &key.name,
                    (&theirs.name, &theirs.sql_type),
                    (&ours.name, new_type),
                ));
            }
        }
    }
    Ok(())
}

/// Whether every stored value of the one is, byte by byte, the same value of the other.
fn same_bytes(old: &SqlType, new: &SqlType) -> bool {
    match (old, new) {
        (old, new) if old == new => true,
        (SqlType::Varchar(_) | SqlType::Text, SqlType::Text | SqlType::Varchar(None)) => true,
        (SqlType::Varchar(Some(old)), SqlType::Varchar(Some(new))) => old <= new,
        (SqlType::Numeric(_), SqlType::Numeric(None)) => true,
        (SqlType::Numeric(Some((old, a))), SqlType::Numeric(Some((new, b)))) => {
            a == b && old <= new
        }
        _ => false,
    }
}

#[cfg(feature = "datafusion")]
fn assignable(from: &SqlType, to: &SqlType) -> bool {
    crate::planned::types::assignable(from, to)
}

#[cfg(not(feature = "datafusion"))]
fn assignable(from: &SqlType, to: &SqlType) -> bool {
    use SqlType::*;
    let number = |ty: &SqlType| matches!(ty, Int2 | Int4 | Int8 | Float4 | Float8 | Numeric(_));
    from == to || matches!(to, Text | Varchar(_) | Char(_)) || (number(from) && number(to))
}
