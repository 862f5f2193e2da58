//! The select list: its items, `*` spelled out, and the columns they become.

use super::{SortItem, SortTarget};
use crate::planned::bind::aggregate::sort_key;
use crate::planned::bind::peers::{distinct_rows, sortable};
use crate::planned::bind::query::sorted;
use crate::planned::bind::scope::Scope;
use crate::planned::bind::{Binder, Bound, BoundQuery, OutColumn, name};
use crate::planned::error::Told;
use crate::planned::fence;
use crate::planned::types;
use crate::planned::unnest::asks;
use crate::statement::limits::MAX_RESULT_COLUMNS;
use crate::statement::spelling::ALL_OF_ROW;
use ahash::AHashSet;
use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use orbit_core::types::SqlType;
use orbit_core::{Error, Result, state};
use sqlparser::ast::{self, SelectItem, SelectItemQualifiedWildcardKind, Spanned};

/// An item of the select list.
pub(in crate::planned) struct Item {
    pub name: String,
    pub bound: Bound,
    /// The syntax, for GROUP BY and ORDER BY to compare with.
    pub alias: Option<String>,
}

impl Binder<'_> {
    /// The select list, `*` spelled out. Over the catalogs, items may use the aliases before them.
    pub(in crate::planned) fn items(
        &mut self,
        scope: &Scope,
        projection: &[SelectItem],
    ) -> Result<Vec<Item>> {
        let mut items = Vec::with_capacity(projection.len());
        for item in projection {
            match item {
                SelectItem::UnnamedExpr(expr) if all_of_row(expr).is_some() => {
                    let row = all_of_row(expr).unwrap_or(expr);
                    let columns = self.columns_of_row(scope, row)?;
                    items.extend(columns.into_iter().map(|(name, bound)| Item {
                        name,
                        bound,
                        alias: None,
                    }));
                }
                SelectItem::UnnamedExpr(expr) => {
                    let bound = self.expr(scope, expr)?;
                    items.push(Item {
                        name: name::of_expr(expr),
                        bound,
                        alias: None,
                    });
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let bound = self.expr(scope, expr)?;
                    let name = types::fold(alias);
                    if self.reads_catalogs {
                        self.aliases.retain(|(known, _)| *known != name);
                        self.aliases.push((name.clone(), expr.clone()));
                    }
                    items.push(Item {
                        alias: Some(name.clone()),
                        name,
                        bound,
                    });
                }
                SelectItem::Wildcard(_) => {
                    if scope.relations.is_empty() {
                        return Err(Error::new(
                            state::SYNTAX_ERROR,
                            "SELECT * with no tables specified is not valid",
                        ));
                    }
                    for column in &scope.visible {
                        self.note_read(&column.bound);
                    }
                    items.extend(scope.visible.iter().map(|column| Item {
                        name: column.name.clone(),
                        bound: column.bound.clone(),
                        alias: None,
                    }));
                }
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    _,
                ) => {
                    let wanted = types::last_name(name);
                    let relation = scope
                        .relation(None, &wanted)
                        .ok_or_else(|| self.no_such_relation(scope, &wanted))
                        .map_err(|error| self.placed_in(error, name.span()))?;
                    for column in &relation.columns {
                        self.note_read(&column.bound);
                    }
                    items.extend(relation.columns.iter().map(|column| Item {
                        name: column.name.clone(),
                        bound: column.bound.clone(),
                        alias: None,
                    }));
                }
                other => return Err(Error::unsupported(format_args!("the select item {other}"))),
            }
        }
        self.aliases.clear();
        if items.len() > MAX_RESULT_COLUMNS {
            return Err(Error::new(
                state::TOO_MANY_COLUMNS,
                format!("target lists can have at most {MAX_RESULT_COLUMNS} entries"),
            ));
        }
        Ok(items)
    }

    /// The select list, DISTINCT and ORDER BY as plan nodes.
    pub(super) fn project(
        &mut self,
        plan: LogicalPlan,
        items: Vec<Item>,
        sort: Vec<SortItem>,
        distinct: bool,
    ) -> Result<BoundQuery> {
        let mut used = AHashSet::new();
        let mut exprs = Vec::with_capacity(items.len() + sort.len());
        let mut columns = Vec::with_capacity(items.len());
        if distinct && items.iter().any(|item| item.bound.ty == SqlType::Json) {
            return Err(Error::new(
                state::UNDEFINED_FUNCTION,
                "could not identify an equality operator for type json",
            ));
        }
        for item in items {
            let inner = distinct_name(&mut used, &item.name);
            // A parameter nothing decided is text from here on.
            let bound = if item.bound.param.is_some() {
                self.decided(item.bound)?
            } else {
                item.bound
            };
            exprs.push(bound.expr.alias(&inner));
            columns.push(OutColumn {
                name: item.name,
                ty: bound.ty,
                column: Column::new_unqualified(inner),
                origin: bound.origin,
            });
        }
        let late = match distinct || sort.is_empty() {
            true => Vec::new(),
            false => worked_out_late(&exprs, &sort)?,
        };
        let mut keys: Vec<Sort> = Vec::with_capacity(sort.len());
        let mut hidden = 0;
        for item in sort {
            let expr = match item.target {
                SortTarget::Item(place) => {
                    let column = &columns[place];
                    sortable(Expr::Column(column.column.clone()), &column.ty)
                }
                SortTarget::Expr(bound) => {
                    if distinct {
                        return Err(Error::new(
                            state::INVALID_COLUMN_REFERENCE,
                            "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
                        ));
                    }
                    hidden += 1;
                    let inner = distinct_name(&mut used, &format!("__sort_{hidden}"));
                    exprs.push(bound.expr.alias(&inner));
                    sortable(Expr::Column(Column::new_unqualified(inner)), &bound.ty)
                }
            };
            keys.push(sort_key(expr, &item.options));
        }
        let mut kept: Vec<Expr> = columns
            .iter()
            .map(|column| Expr::Column(column.column.clone()))
            .collect();
        for place in late.iter().rev() {
            let late = exprs.remove(*place);
            kept[*place] = with_columns_of(&late, &mut exprs, &mut used)?;
        }
        let mut plan = LogicalPlanBuilder::from(plan)
            .project(exprs)
            .told()?
            .build()
            .told()?;
        if distinct {
            plan = distinct_rows(plan)?;
        }
        if !keys.is_empty() {
            plan = sorted(plan, keys)?;
        }
        if !late.is_empty() {
            plan = fence::around(plan, fence::own());
        }
        if hidden > 0 || !late.is_empty() {
            plan = LogicalPlanBuilder::from(plan)
                .project(kept)
                .told()?
                .build()
                .told()?;
        }
        Ok(BoundQuery { plan, columns })
    }
}

/// The items that are worked out once the rows are sorted: those that are volatile and
/// aren't sorted by.
fn worked_out_late(items: &[Expr], sort: &[SortItem]) -> Result<Vec<usize>> {
    let mut late = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let is_key = |key: &SortItem| matches!(key.target, SortTarget::Item(at) if at == place);
        if item.is_volatile() && !sort.iter().any(is_key) && !asks(item)? {
            late.push(place);
        }
    }
    Ok(late)
}

/// The item as of a plan that has, besides others, the columns that it looks at: they are
/// put among `exprs` under names of their own.
fn with_columns_of(
    item: &Expr,
    exprs: &mut Vec<Expr>,
    used: &mut AHashSet<String>,
) -> Result<Expr> {
    let whole = item.clone().transform(|expr| {
        Ok(match expr {
            Expr::Column(_) => {
                let inner = distinct_name(used, "__late");
                exprs.push(expr.alias(&inner));
                Transformed::yes(Expr::Column(Column::new_unqualified(inner)))
            }
            other => Transformed::no(other),
        })
    });
    Ok(whole.told()?.data)
}

/// The row of `(row).*`.
fn all_of_row(item: &ast::Expr) -> Option<&ast::Expr> {
    let ast::Expr::Function(function) = item else {
        return None;
    };
    if types::last_name(&function.name) != ALL_OF_ROW {
        return None;
    }
    match &function.args {
        ast::FunctionArguments::List(list) => match list.args.as_slice() {
            [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(row))] => Some(row),
            _ => None,
        },
        _ => None,
    }
}

/// A name inside the plan that no other column has.
pub(in crate::planned) fn distinct_name(used: &mut AHashSet<String>, wish: &str) -> String {
    let mut name = wish.to_owned();
    let mut count = 1;
    while !used.insert(name.clone()) {
        count += 1;
        name = format!("{wish}#{count}");
    }
    name
}
