//! Deciding how a statement finds its rows: a pure function of its conditions,
//! its order and the table's keys. Carrying it out is `cursor`'s.

mod computed;

pub(super) use computed::Computed;

use super::key::{KeyColumn, Limit, Limits, Operand};
use crate::expr::node::CompareOp;
use crate::expr::{Node, RowExpr};
use orbit_core::catalog::Table;
use orbit_core::store::Direction;
use orbit_core::types::SqlType;

/// Longer IN lists are a join, not a look-up.
const MAX_LIST: usize = 1024;
/// An index with more rows than this behind one key reads better as a scan.
const MAX_ROWS_BY_INDEX: u64 = 20_000;

/// How rows are found.
#[derive(Clone, Debug)]
pub(super) enum Access {
    /// All columns of the primary key are given.
    Key(Vec<Operand>),
    /// All columns are given, one of them (`place`) by a list.
    Keys {
        operands: Vec<Operand>,
        place: usize,
        list: Vec<Operand>,
    },
    /// A range of the primary key, or of the whole table.
    Table {
        operands: Vec<Operand>,
        limits: Limits,
    },
    /// An index, from its leading columns.
    Index {
        /// Place in `Table::indexes`.
        index: usize,
        operands: Vec<Operand>,
        limits: Limits,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Path {
    pub access: Access,
    pub direction: Direction,
    /// Columns of the key that is walked: the primary key's or the index's.
    pub columns: Vec<KeyColumn>,
    /// What the access doesn't guarantee by itself.
    pub filter: Option<RowExpr>,
    /// At most one row can come.
    pub unique: bool,
}

/// One column of ORDER BY.
#[derive(Clone, Copy, Debug)]
pub(super) struct OrderColumn {
    pub column: usize,
    pub descending: bool,
}

/// What the statement asks, as far as finding rows goes.
pub(super) struct Wanted<'a> {
    pub table: &'a Table,
    /// The conditions that must all hold.
    pub conditions: Vec<Node>,
    pub param_types: &'a dyn Fn(usize) -> Option<SqlType>,
    pub order: &'a [OrderColumn],
    pub limited: bool,
    /// Whether a read of the whole table may be done here.
    pub whole_table: bool,
    pub computed: Computed,
}

/// How one condition bears on one column.
enum Use {
    Equal(Operand),
    List(Vec<Operand>),
    Lower(Limit),
    Upper(Limit),
}

struct Condition {
    column: usize,
    usage: Use,
}

/// The cheapest way the point path knows; `None`: the planner's.
pub(super) fn choose(wanted: &Wanted<'_>) -> Option<Path> {
    let uses: Vec<Option<Condition>> = wanted
        .conditions
        .iter()
        .map(|node| usage(node, wanted))
        .collect();
    let primary: Option<Vec<KeyColumn>> = wanted
        .table
        .primary_key_columns()
        .iter()
        .map(|column| key_column(wanted.table, *column, false, false))
        .collect();
    let mut paths = vec![
        by_list(wanted, &uses, &primary.clone()?),
        by_key(wanted, &uses, &primary?, None),
    ];
    for (place, index) in wanted.table.indexes.iter().enumerate() {
        if !wanted.computed.has_all(place, &wanted.conditions) {
            continue;
        }
        let columns: Option<Vec<KeyColumn>> = index
            .columns
            .iter()
            .map(|column| {
                let place = wanted.computed.first_like(column.column);
                key_column(wanted.table, place, column.descending, true)
            })
            .collect();
        paths.push(by_key(wanted, &uses, &columns?, Some(place)));
    }
    paths
        .into_iter()
        .flatten()
        .min_by_key(|(cost, _)| *cost)
        .map(|(_, path)| path)
}

fn key_column(table: &Table, column: usize, descending: bool, nullable: bool) -> Option<KeyColumn> {
    Some(KeyColumn {
        column,
        sql_type: table.type_at(column)?.clone(),
        descending,
        nullable,
    })
}

fn on_column<'u>(
    uses: &'u [Option<Condition>],
    column: usize,
) -> impl Iterator<Item = (usize, &'u Use)> {
    uses.iter().enumerate().filter_map(move |(nth, condition)| {
        let condition = condition.as_ref()?;
        (condition.column == column).then_some((nth, &condition.usage))
    })
}

fn equal_on(uses: &[Option<Condition>], column: usize) -> Option<(usize, &Operand)> {
    on_column(uses, column).find_map(|(nth, usage)| match usage {
        Use::Equal(operand) => Some((nth, operand)),
        _ => None,
    })
}

/// The whole primary key, one column of it by a list.
fn by_list(
    wanted: &Wanted<'_>,
    uses: &[Option<Condition>],
    columns: &[KeyColumn],
) -> Option<(Cost, Path)> {
    let mut consumed = Vec::new();
    let mut operands = Vec::new();
    let mut found: Option<(usize, Vec<Operand>)> = None;
    let mut constant = Vec::new();
    for (place, column) in columns.iter().enumerate() {
        if let Some((nth, operand)) = equal_on(uses, column.column) {
            consumed.push(nth);
            operands.push(operand.clone());
            constant.push(column.column);
            continue;
        }
        let (nth, list) = on_column(uses, column.column).find_map(|(nth, usage)| match usage {
            Use::List(list) => Some((nth, list)),
            _ => None,
        })?;
        if found.is_some() {
            return None;
        }
        consumed.push(nth);
        // Stands for each item in turn.
        operands.push(list.first()?.clone());
        found = Some((place, list.clone()));
    }
    let (place, list) = found?;
    let direction = order_fits(wanted.order, columns, &constant, true)?;
    let path = Path {
        access: Access::Keys {
            operands,
            place,
            list,
        },
        direction,
        columns: columns.to_vec(),
        filter: rest(wanted, &consumed),
        unique: false,
    };
    Some((Cost::Keys, path))
}

/// Ways of finding rows, cheapest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cost {
    Key,
    UniqueIndex,
    Keys,
    KeyPrefix,
    IndexPrefix,
    KeyRange,
    IndexRange,
    WholeTable,
    WholeIndex,
}

/// Along the primary key (`index` is `None`) or an index, from its leading columns.
fn by_key(
    wanted: &Wanted<'_>,
    uses: &[Option<Condition>],
    columns: &[KeyColumn],
    index: Option<usize>,
) -> Option<(Cost, Path)> {
    let mut consumed = Vec::new();
    let mut operands = Vec::new();
    let mut constant = Vec::new();
    let mut limits = Limits::default();
    for column in columns {
        if let Some((nth, operand)) = equal_on(uses, column.column) {
            consumed.push(nth);
            operands.push(operand.clone());
            constant.push(column.column);
            continue;
        }
        // The first column without an equality may have bounds. Where it may be
        // NULL they stay in the filter too: NULLs lie at one end of the range.
        let never_null = !column.nullable
            || wanted
                .table
                .columns
                .get(column.column)
                .is_some_and(|column| column.not_null);
        for (nth, usage) in on_column(uses, column.column) {
            match usage {
                Use::Lower(limit) if limits.lower.is_none() => limits.lower = Some(limit.clone()),
                Use::Upper(limit) if limits.upper.is_none() => limits.upper = Some(limit.clone()),
                _ => continue,
            }
            if never_null {
                consumed.push(nth);
            }
        }
        break;
    }
    let whole = operands.is_empty() && limits.is_empty();
    let all_equal = !columns.is_empty() && operands.len() == columns.len();
    let definition = match index {
        None => None,
        Some(place) => Some(wanted.table.indexes.get(place)?),
    };
    let unique = all_equal && definition.is_none_or(|index| index.unique);
    let direction = if unique {
        Direction::Forward
    } else {
        order_fits(wanted.order, columns, &constant, index.is_none())?
    };
    let both = limits.lower.is_some() && limits.upper.is_some();
    let cost = match (index, whole) {
        (None, _) if unique => Cost::Key,
        (Some(_), _) if unique => Cost::UniqueIndex,
        (None, true) if wanted.whole_table => Cost::WholeTable,
        (None, true) if wanted.limited && wanted.conditions.is_empty() => Cost::WholeTable,
        (Some(_), true)
            if !wanted.order.is_empty()
                && (wanted.whole_table || (wanted.limited && wanted.conditions.is_empty())) =>
        {
            Cost::WholeIndex
        }
        (_, true) => return None,
        (None, false) if operands.is_empty() => Cost::KeyRange,
        (None, false) => Cost::KeyPrefix,
        (Some(_), false) if operands.is_empty() => {
            if !both && !wanted.limited && !wanted.whole_table {
                return None;
            }
            Cost::IndexRange
        }
        (Some(_), false) => {
            if !wanted.limited
                && !wanted.whole_table
                && rows_for_one_key(wanted.table, &constant) > MAX_ROWS_BY_INDEX
            {
                return None;
            }
            Cost::IndexPrefix
        }
    };
    let access = match index {
        None if unique => Access::Key(operands),
        None => Access::Table { operands, limits },
        Some(index) => Access::Index {
            index,
            operands,
            limits,
        },
    };
    let path = Path {
        access,
        direction,
        columns: columns.to_vec(),
        filter: rest(wanted, &consumed),
        unique,
    };
    Some((cost, path))
}

/// By the table's statistics, rows behind one value of these columns together.
fn rows_for_one_key(table: &Table, columns: &[usize]) -> u64 {
    let Some(statistics) = &table.statistics else {
        return 0;
    };
    // Expressions' values aren't counted.
    if columns.iter().any(|column| *column >= table.columns.len()) {
        return 0;
    }
    let distinct = columns
        .iter()
        .filter_map(|column| statistics.columns.get(*column))
        .map(|column| column.distinct.max(1))
        .max()
        .unwrap_or(1);
    statistics.rows / distinct
}

/// The conditions that are still to be checked on each row.
fn rest(wanted: &Wanted<'_>, consumed: &[usize]) -> Option<RowExpr> {
    let mut nodes: Vec<Node> = wanted
        .conditions
        .iter()
        .enumerate()
        .filter(|(nth, _)| !consumed.contains(nth))
        .map(|(_, node)| node.clone())
        .collect();
    let node = match nodes.len() {
        0 => return None,
        1 => nodes.pop()?,
        _ => Node::And(nodes),
    };
    Some(RowExpr::from_parts(node, SqlType::Bool))
}

/// Whether walking a key gives the wanted order, and in which direction.
/// `constant` columns are the same in all rows.
fn order_fits(
    order: &[OrderColumn],
    columns: &[KeyColumn],
    constant: &[usize],
    unique: bool,
) -> Option<Direction> {
    let mut order = order
        .iter()
        .filter(|column| !constant.contains(&column.column));
    let mut direction: Option<Direction> = None;
    for key in columns
        .iter()
        .filter(|column| !constant.contains(&column.column))
    {
        let Some(wanted) = order.next() else {
            return Some(direction.unwrap_or(Direction::Forward));
        };
        if wanted.column != key.column {
            return None;
        }
        let needed = if wanted.descending == key.descending {
            Direction::Forward
        } else {
            Direction::Backward
        };
        if direction.is_some_and(|direction| direction != needed) {
            return None;
        }
        direction = Some(needed);
    }
    // The whole of a unique key orders completely: what follows decides nothing.
    if order.next().is_some() && (!unique || columns.is_empty()) {
        return None;
    }
    Some(direction.unwrap_or(Direction::Forward))
}

fn usage(node: &Node, wanted: &Wanted<'_>) -> Option<Condition> {
    let operand = |node: &Node, column: usize| {
        let ty = wanted.table.type_at(column)?;
        if !node.is_constant() || !fits(node, ty, wanted.param_types) {
            return None;
        }
        Some(Operand(RowExpr::from_parts(node.clone(), ty.clone())))
    };
    match node {
        Node::Compare(op, sides) => {
            let (left, right) = sides.as_ref();
            let (column, op, other) = match wanted.computed.place_of(left) {
                Some(column) => (column, *op, right),
                None => (wanted.computed.place_of(right)?, op.mirrored(), left),
            };
            let operand = operand(other, column)?;
            let limit = |inclusive| Limit {
                operand: operand.clone(),
                inclusive,
            };
            let usage = match op {
                CompareOp::Eq => Use::Equal(operand),
                CompareOp::Gt => Use::Lower(limit(false)),
                CompareOp::GtEq => Use::Lower(limit(true)),
                CompareOp::Lt => Use::Upper(limit(false)),
                CompareOp::LtEq => Use::Upper(limit(true)),
                CompareOp::NotEq => return None,
            };
            Some(Condition { column, usage })
        }
        Node::In {
            operand: subject,
            list,
            negated: false,
        } if list.len() <= MAX_LIST => {
            let column = wanted.computed.place_of(subject)?;
            let list: Option<Vec<Operand>> =
                list.iter().map(|item| operand(item, column)).collect();
            Some(Condition {
                column,
                usage: Use::List(list?),
            })
        }
        _ => None,
    }
}

/// Whether a value has a place of its own among the keys of a column, so that
/// comparing keys is comparing values.
fn fits(node: &Node, column: &SqlType, param_types: &dyn Fn(usize) -> Option<SqlType>) -> bool {
    use orbit_core::value::Value;
    if let Node::Const(Value::Null) = node {
        return true;
    }
    let Some(ty) = static_type(node, param_types) else {
        return false;
    };
    let integer = |ty: &SqlType| matches!(ty, SqlType::Int2 | SqlType::Int4 | SqlType::Int8);
    let text = |ty: &SqlType| {
        matches!(
            ty,
            SqlType::Text | SqlType::Varchar(_) | SqlType::Char(_) | SqlType::Name
        )
    };
    match column {
        column if integer(column) => integer(&ty),
        SqlType::Numeric(_) => integer(&ty) || matches!(ty, SqlType::Numeric(_)),
        column if text(column) => text(&ty),
        SqlType::Inet | SqlType::Cidr => matches!(ty, SqlType::Inet | SqlType::Cidr),
        SqlType::Json
        | SqlType::Jsonb
        | SqlType::Interval
        | SqlType::Array(_)
        | SqlType::Void
        | SqlType::Record(_)
        | SqlType::Unknown => false,
        column => *column == ty,
    }
}

/// The type of a constant operand, where it shows from its form.
fn static_type(node: &Node, param_types: &dyn Fn(usize) -> Option<SqlType>) -> Option<SqlType> {
    use orbit_core::value::cast;
    match node {
        Node::Const(value) => Some(cast::type_of(value)),
        Node::Param(number) => param_types(*number),
        Node::Cast(_, ty, _) => Some(ty.clone()),
        Node::Negate(inner) => static_type(inner, param_types),
        Node::Arith(_, sides) => {
            let (left, right) = (
                static_type(&sides.0, param_types)?,
                static_type(&sides.1, param_types)?,
            );
            // Dates and integers mix; numbers have been brought to one type.
            (left == right && left != SqlType::Date).then_some(left)
        }
        Node::Concat(_) => Some(SqlType::Text),
        Node::Call(function, _) => function.key_type(),
        _ => None,
    }
}
