//! SELECTs.

use super::expr::Reach;
use super::{Generator, Type};

#[derive(Clone, Debug, Default)]
pub struct Select {
    with: Option<String>,
    distinct: bool,
    items: Vec<(String, Type)>,
    from: Vec<String>,
    filter: Option<String>,
    group: Vec<String>,
    having: Option<String>,
    set: Option<String>,
    ordered: bool,
    limit: Option<String>,
}

impl Select {
    pub fn sql(&self) -> String {
        let items: Vec<&str> = self.items.iter().map(|(item, _)| item.as_str()).collect();
        let mut sql = String::new();
        if let Some(with) = &self.with {
            sql.push_str(&format!("WITH {with} "));
        }
        sql.push_str(if self.distinct {
            "SELECT DISTINCT "
        } else {
            "SELECT "
        });
        sql.push_str(&items.join(", "));
        sql.push_str(&format!(" FROM {}", self.from.join(" ")));
        let clauses = [("WHERE", &self.filter), ("HAVING", &self.having)];
        for (word, clause) in clauses {
            if word == "HAVING" && !self.group.is_empty() {
                sql.push_str(&format!(" GROUP BY {}", self.group.join(", ")));
            }
            if let Some(clause) = clause {
                sql.push_str(&format!(" {word} {clause}"));
            }
        }
        if let Some(set) = &self.set {
            sql.push_str(&format!(" {set}"));
        }
        if self.ordered {
            let order: Vec<String> = (1..=self.items.len()).map(|at| at.to_string()).collect();
            sql.push_str(&format!(" ORDER BY {}", order.join(", ")));
        }
        if let Some(limit) = &self.limit {
            sql.push_str(&format!(" {limit}"));
        }
        sql
    }

    /// The same with one part less, in every way there is.
    pub fn smaller(&self) -> Vec<Select> {
        let mut all = Vec::new();
        let mut without = |change: &dyn Fn(&mut Select)| {
            let mut less = self.clone();
            change(&mut less);
            if less.sql() != self.sql() {
                all.push(less);
            }
        };
        without(&|select| select.limit = None);
        without(&|select| select.set = None);
        without(&|select| select.having = None);
        without(&|select| select.filter = None);
        without(&|select| select.distinct = false);
        if self.limit.is_none() {
            without(&|select| select.ordered = false);
        }
        if self.group.is_empty() && self.set.is_none() && self.items.len() > 1 {
            for at in 0..self.items.len() {
                without(&|select| drop(select.items.remove(at)));
            }
        }
        if self.from.len() > 1 {
            without(&|select| drop(select.from.pop()));
        }
        all
    }
}

impl Generator {
    fn table_as(&mut self, alias: &str) -> (String, Reach) {
        let table = self.tables[self.random.below(self.tables.len() as u64) as usize].clone();
        let reach = |prefix: &str| -> Reach {
            let columns = table.columns.iter();
            columns
                .map(|column| (format!("{prefix}.{}", column.name), column.ty))
                .collect()
        };
        if self.chance(80) {
            return (format!("{} AS {alias}", table.name), reach(alias));
        }
        // The same behind a subquery.
        let inner = reach("s");
        let filter = self.condition(&inner, 1);
        let columns: Vec<String> = inner.iter().map(|(name, _)| name.clone()).collect();
        let sql = format!(
            "(SELECT {} FROM {} AS s WHERE {filter}) AS {alias}",
            columns.join(", "),
            table.name
        );
        (sql, reach(alias))
    }

    /// FROM with one to three tables, and what can be named.
    fn sources(&mut self) -> (Vec<String>, Reach) {
        let first = self.fresh("a");
        let (sql, mut reach) = self.table_as(&first);
        let mut from = vec![sql];
        for _ in 0..self.random.below(3) {
            let alias = self.fresh("a");
            let (sql, more) = self.table_as(&alias);
            let on = match self.chance(75) {
                true => {
                    let int = |reach: &Reach| -> Vec<String> {
                        let ints = reach.iter().filter(|(_, ty)| *ty == Type::Int);
                        ints.map(|(name, _)| name.clone()).collect()
                    };
                    let (left, right) = (int(&reach), int(&more));
                    format!(
                        "{} = {}",
                        self.pick(&left).clone(),
                        self.pick(&right).clone()
                    )
                }
                false => String::new(),
            };
            reach.extend(more);
            let kind = *self.pick(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
            let extra = self.condition(&reach, 1);
            from.push(match (on.is_empty(), self.chance(30)) {
                // A full join wants a condition that can be hashed.
                (true, _) => format!("LEFT JOIN {sql} ON {extra}"),
                (false, true) if kind != "FULL JOIN" => format!("{kind} {sql} ON {on} AND {extra}"),
                (false, _) => format!("{kind} {sql} ON {on}"),
            });
        }
        (from, reach)
    }

    pub fn query(&mut self) -> Select {
        let (from, reach) = self.sources();
        let mut select = Select {
            from,
            ..Select::default()
        };
        if self.chance(65) {
            select.filter = Some(self.filter(&reach));
        }
        match self.random.below(10) {
            0..4 => self.plain(&mut select, &reach),
            4..7 => self.grouped(&mut select, &reach),
            7 | 8 => self.windowed(&mut select, &reach),
            _ => self.with_subqueries(&mut select, &reach),
        }
        if self.chance(15) {
            self.combine(&mut select);
        }
        select.ordered = self.chance(60);
        if select.ordered && self.chance(35) {
            let (limit, offset) = (self.random.below(8), self.random.below(4));
            select.limit = Some(format!("LIMIT {limit} OFFSET {offset}"));
        }
        select
    }

    fn filter(&mut self, reach: &Reach) -> String {
        if self.chance(70) {
            return self.condition(reach, 2);
        }
        let alias = self.fresh("q");
        let (sql, inner) = self.table_as(&alias);
        let (ty, mut both) = (
            *self.pick(&[Type::Int, Type::Text, Type::Numeric]),
            inner.clone(),
        );
        both.extend(reach.iter().cloned());
        let outer = self.expr(reach, ty, 1);
        let value = self.expr(&inner, ty, 1);
        let correlated = self.condition(&both, 1);
        let id = reach.iter().find(|(name, _)| name.ends_with(".id"));
        let id = id.map_or("1", |(name, _)| name.as_str());
        let not = if self.chance(40) { "NOT " } else { "" };
        match self.random.below(5) {
            0 => format!("{outer} {not}IN (SELECT {value} FROM {sql})"),
            1 => format!(
                "{not}EXISTS (SELECT 1 FROM {sql} WHERE {alias}.id = {id} AND {correlated})"
            ),
            2 => format!("{not}EXISTS (SELECT 1 FROM {sql} WHERE {correlated})"),
            3 => format!("{outer} {not}IN (SELECT {value} FROM {sql} WHERE {alias}.id = {id})"),
            _ => format!("{outer} >= ALL (SELECT {value} FROM {sql})"),
        }
    }

    fn plain(&mut self, select: &mut Select, reach: &Reach) {
        for _ in 0..1 + self.random.below(4) {
            let ty = *self.pick(&Type::ALL);
            let name = self.fresh("x");
            let item = self.expr(reach, ty, 2);
            select.items.push((format!("{item} AS {name}"), ty));
        }
        select.distinct = self.chance(20);
    }

    fn aggregate(&mut self, reach: &Reach) -> (String, Type) {
        let (int, numeric) = (
            self.expr(reach, Type::Int, 1),
            self.expr(reach, Type::Numeric, 1),
        );
        let ty = *self.pick(&[
            Type::Int,
            Type::Text,
            Type::Numeric,
            Type::Date,
            Type::Stamp,
        ]);
        let any = self.expr(reach, ty, 1);
        let (mut sql, ty) = match self.random.below(9) {
            0 => ("count(*)".to_owned(), Type::Big),
            1 => (format!("count({any})"), Type::Big),
            2 => (format!("count(DISTINCT {any})"), Type::Big),
            3 => (format!("sum({int})"), Type::Big),
            4 => (format!("sum({numeric})"), Type::Numeric),
            5 => (format!("min({any})"), ty),
            6 => (format!("max({any})"), ty),
            7 => (format!("avg({int})"), Type::Numeric),
            _ => {
                let condition = self.condition(reach, 1);
                (format!("bool_or({condition})"), Type::Bool)
            }
        };
        if self.chance(20) {
            let condition = self.condition(reach, 1);
            sql.push_str(&format!(" FILTER (WHERE {condition})"));
        }
        (sql, ty)
    }

    fn grouped(&mut self, select: &mut Select, reach: &Reach) {
        let keys = self.random.below(3);
        for _ in 0..keys {
            let ty = *self.pick(&Type::ALL);
            let key = self.expr(reach, ty, 1);
            // A constant there would be a position or an unknown literal.
            if reach.iter().any(|(name, _)| key.contains(name.as_str())) {
                select.items.push((key.clone(), ty));
                select.group.push(key);
            }
        }
        for _ in 0..1 + self.random.below(3) {
            let item = self.aggregate(reach);
            select.items.push(item);
        }
        if self.chance(25) {
            let (aggregate, ty) = self.aggregate(reach);
            let than = self.value(ty, false);
            select.having = Some(format!("{aggregate} >= {than}"));
        }
        if select.group.len() == 2 && self.chance(20) {
            select.group = vec![format!("ROLLUP ({})", select.group.join(", "))];
        }
    }

    fn windowed(&mut self, select: &mut Select, reach: &Reach) {
        let ids: Vec<String> = reach
            .iter()
            .filter(|(name, _)| name.ends_with(".id"))
            .map(|(name, _)| name.clone())
            .collect();
        for id in &ids {
            select.items.push((id.clone(), Type::Int));
        }
        // All keys together leave no ties.
        let total = ids.join(", ");
        for _ in 0..1 + self.random.below(2) {
            let by = self.expr(reach, Type::Text, 1);
            let partition =
                match self.chance(60) && reach.iter().any(|(name, _)| by.contains(name.as_str())) {
                    true => format!("PARTITION BY {by} "),
                    false => String::new(),
                };
            let int = self.expr(reach, Type::Int, 1);
            let frame = *self.pick(&[
                "",
                " ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
                " ROWS UNBOUNDED PRECEDING",
            ]);
            let (call, ty) = match self.random.below(7) {
                0 => (
                    format!("row_number() OVER ({partition}ORDER BY {total})"),
                    Type::Big,
                ),
                1 => (
                    format!("rank() OVER ({partition}ORDER BY {int})"),
                    Type::Big,
                ),
                2 => (
                    format!("sum({int}) OVER ({partition}ORDER BY {total}{frame})"),
                    Type::Big,
                ),
                3 => (
                    format!("lag({int}) OVER ({partition}ORDER BY {total})"),
                    Type::Int,
                ),
                4 => (
                    format!("first_value({int}) OVER ({partition}ORDER BY {total}{frame})"),
                    Type::Int,
                ),
                5 => (
                    format!("count(*) OVER ({})", partition.trim_end()),
                    Type::Big,
                ),
                _ => (
                    format!("max({int}) OVER ({partition}ORDER BY {int})"),
                    Type::Int,
                ),
            };
            let name = self.fresh("w");
            select.items.push((format!("{call} AS {name}"), ty));
        }
    }

    fn with_subqueries(&mut self, select: &mut Select, reach: &Reach) {
        self.plain(select, reach);
        select.distinct = false;
        let alias = self.fresh("q");
        let (sql, inner) = self.table_as(&alias);
        let (aggregate, ty) = self.aggregate(&inner);
        let mut both = inner;
        both.extend(reach.iter().cloned());
        let condition = self.condition(&both, 1);
        let name = self.fresh("x");
        select.items.push((
            format!("(SELECT {aggregate} FROM {sql} WHERE {condition}) AS {name}"),
            ty,
        ));
        if self.chance(40) {
            let with = self.fresh("w");
            let table = self.tables[0].name.clone();
            select.with = Some(format!(
                "{with} AS (SELECT id AS k, count(*) AS n FROM {table} GROUP BY id % 3, id)"
            ));
            select.from.push(format!(
                "CROSS JOIN (SELECT max(n) AS m FROM {with}) AS {with}"
            ));
            select.items.push((format!("{with}.m"), Type::Big));
        }
    }

    fn combine(&mut self, select: &mut Select) {
        let kind = *self.pick(&["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "EXCEPT ALL"]);
        let alias = self.fresh("u");
        let (sql, reach) = self.table_as(&alias);
        let types: Vec<Type> = select.items.iter().map(|(_, ty)| *ty).collect();
        let items: Vec<String> = types.iter().map(|ty| self.expr(&reach, *ty, 1)).collect();
        select.set = Some(format!("{kind} SELECT {} FROM {sql}", items.join(", ")));
    }
}
