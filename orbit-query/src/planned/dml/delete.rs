//! DELETE.

use super::returning::{Others, Returning};
use super::update::named_target;
use super::{Kind, Prepared, Running, Write, chosen, key_of, prepared, projected};
use crate::expr::{RowSource, StoredRow};
use crate::planned::bind::Binder;
use crate::planned::bind::from::target::{Verb, Written};
use crate::planned::statement::optimized;
use crate::rows::{Rows, Tag};
use datafusion::execution::context::SessionState;
use orbit_core::lock::RowLock;
use orbit_core::txn::Transaction;
use orbit_core::types::SqlType;
use orbit_core::{Error, Result};
use sqlparser::ast;
use std::sync::Arc;

pub fn prepare(binder: &mut Binder<'_>, state: &SessionState, delete: &ast::Delete) -> Prepared {
    let (ast::FromTable::WithFromKeyword(from) | ast::FromTable::WithoutKeyword(from)) =
        &delete.from;
    let [from] = from.as_slice() else {
        return Err(Error::unsupported("DELETE from several tables"));
    };
    if !from.joins.is_empty() || !delete.tables.is_empty() {
        return Err(Error::unsupported("DELETE with a join; write USING"));
    }
    let (name, alias) = named_target(&from.relation)?;
    let Written {
        target,
        mut relation,
        key,
    } = binder.target(name, alias, Verb::Delete)?;
    for item in delete.using.iter().flatten() {
        relation = binder.table_with_joins(item, Some(relation))?;
    }
    let (plan, scope) = chosen(binder, relation, delete.selection.as_ref())?;
    let mut exprs = vec![key.alias("key")];
    let mut column_types = vec![SqlType::Bytea];
    let items = delete.returning.as_deref();
    let others = items.map(|_| Others::of(&scope, &target));
    if let Some(others) = &others {
        others.select(&mut exprs, &mut column_types);
    }
    let plan = projected(plan, exprs)?;
    let returning = Returning::prepare(binder, state, &target, alias, items, others.as_ref())?;
    binder.settle_rights(&target);
    prepared(Write {
        input: Arc::new(optimized(state, plan)?),
        types: column_types.into(),
        table: target.table,
        kind: Kind::Delete,
        returning,
    })
}

impl Running<'_> {
    pub(super) async fn delete(&self, txn: &mut Transaction) -> Result<(Tag, Option<Rows>)> {
        let table = &self.write.table;
        let (rows, stored) = self.locked(txn, RowLock::Update).await?;
        let mut shown = self.write.returning.as_ref().map(|_| Vec::new());
        let mut count = 0;
        for (row, old) in rows.iter().zip(stored) {
            self.breathe().await?;
            if let Some(shown) = &mut shown {
                let source = StoredRow::new(&old, table)?;
                let mut values = (0..table.columns.len())
                    .map(|at| source.value(at).map(|value| value.to_owned()))
                    .collect::<Result<Vec<_>>>()?;
                values.extend(row.iter().skip(1).cloned());
                shown.push(values);
            }
            if txn.delete(table, key_of(row)?).await? {
                count += 1;
            }
        }
        let answer = self.returned(shown)?;
        Ok(self.answer(Tag::Delete(count), answer))
    }
}
