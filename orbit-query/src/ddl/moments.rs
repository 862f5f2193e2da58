//! Dates, times and intervals in definitions. What a literal means is decided when the
//! definition is made, by the styles and the zone of the session that makes it; what is
//! kept reads the same in every session.

use super::types::sql_type;
use crate::session::Session;
use crate::statement::alter_grammar::{Action, ColumnAction};
use crate::statement::names::{Name, fold};
use crate::statement::utility::Utility;
use crate::statement::visit;
use ahash::{AHashMap, AHashSet};
use orbit_core::catalog::{Column, Relation};
use orbit_core::types::SqlType;
use orbit_core::value::datetime::{DateOrder, IntervalStyle, find_zone};
use orbit_core::value::text::{self, FormatSettings};
use orbit_core::{Error, Result};
use sqlparser::ast::{
    AlterTableOperation, BinaryOperator, ColumnDef, ColumnOption, DataType, Expr, Function,
    FunctionArg, FunctionArgExpr, FunctionArguments, Value, VisitMut, VisitorMut,
};
use sqlparser::tokenizer::Span;
use std::ops::ControlFlow;

/// How far an expression is looked into for its type.
const MAX_DEPTH: usize = 16;

/// The statement with such literals settled, if it is one that keeps any.
pub fn settled(session: &mut Session, utility: &Utility) -> Result<Option<Box<Utility>>> {
    let mut columns = Columns::default();
    let mut zones = true;
    match utility {
        Utility::CreateTable(create) if create.query.is_none() => columns.define(&create.columns),
        Utility::CreateTableLike { create, .. } => columns.define(&create.columns),
        Utility::Alter(alter) => {
            columns.add_relation(session, &alter.name);
            for action in &alter.actions {
                if let Action::Add { what, .. } = action
                    && let AlterTableOperation::AddColumn { column_def, .. } = &**what
                {
                    columns.define(std::slice::from_ref(column_def));
                }
            }
        }
        Utility::CreateIndex(create) => {
            columns.add_relation(session, &Name::of(&create.table_name)?);
            // An index says for itself what it makes of a moment without a zone.
            zones = false;
        }
        Utility::CreateView(create) => {
            let mut names = Vec::new();
            let _ = visit::relations(&create.query, |name| {
                names.push(Name::of(name));
                ControlFlow::<()>::Continue(())
            });
            for name in names.into_iter().flatten() {
                columns.add_relation(session, &name);
            }
        }
        _ => return Ok(None),
    }
    let mut settler = Settler {
        format: session.format().clone(),
        variants: variants(zones),
        columns,
        decided: AHashSet::new(),
        refused: None,
    };
    let mut changed = Box::new(utility.clone());
    match &mut *changed {
        Utility::CreateTable(create) | Utility::CreateTableLike { create, .. } => {
            create.columns.iter_mut().for_each(|of| settler.column(of));
            settler.walk(create);
        }
        Utility::Alter(alter) => {
            for action in &mut alter.actions {
                settler.action(action);
            }
        }
        Utility::CreateIndex(create) => settler.walk(create),
        Utility::CreateView(create) => settler.walk(&mut create.query),
        _ => {}
    }
    match settler.refused {
        Some(error) => Err(error),
        None => Ok(Some(changed)),
    }
}

/// Sessions that could read a literal differently; the first is the one that all read by.
fn variants(zones: bool) -> Vec<FormatSettings> {
    let plain = FormatSettings::default();
    let order = |date_order| FormatSettings {
        date_order,
        ..FormatSettings::default()
    };
    let mut variants = vec![
        plain.clone(),
        order(DateOrder::Dmy),
        order(DateOrder::Ymd),
        FormatSettings {
            interval_style: IntervalStyle::Standard,
            ..plain.clone()
        },
    ];
    if zones && let Some(time_zone) = find_zone("Asia/Tokyo") {
        variants.push(FormatSettings { time_zone, ..plain });
    }
    variants
}

/// Types of the columns that a definition may name; `None`: two of the name differ.
#[derive(Default)]
struct Columns(AHashMap<String, Option<SqlType>>);

impl Columns {
    fn add(&mut self, name: String, sql_type: SqlType) {
        let known = self.0.entry(name).or_insert_with(|| Some(sql_type.clone()));
        if known.as_ref() != Some(&sql_type) {
            *known = None;
        }
    }

    fn define(&mut self, columns: &[ColumnDef]) {
        for column in columns {
            if let Ok(sql_type) = sql_type(&column.data_type) {
                self.add(fold(&column.name), sql_type);
            }
        }
    }

    fn stored(&mut self, columns: &[Column]) {
        for column in columns {
            self.add(column.name.clone(), column.sql_type.clone());
        }
    }

    fn add_relation(&mut self, session: &mut Session, name: &Name) {
        // Without a transaction, which some of these statements must not be in.
        let catalog = session.current_catalog();
        match name.relation(&catalog, session.settings()) {
            Some(Relation::Table(table)) => self.stored(&table.columns),
            Some(Relation::View(view)) => {
                for column in &view.columns {
                    self.add(column.name.clone(), column.sql_type.clone());
                }
            }
            _ => {}
        }
    }

    fn get(&self, name: &str) -> Option<SqlType> {
        self.0.get(name).cloned().flatten()
    }
}

struct Settler {
    /// The session's own.
    format: FormatSettings,
    variants: Vec<FormatSettings>,
    columns: Columns,
    /// Where literals stand whose type is known.
    decided: AHashSet<Span>,
    refused: Option<Error>,
}

impl VisitorMut for Settler {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Cast {
                expr: inner,
                data_type,
                ..
            } => self.named_type(inner, data_type),
            Expr::TypedString(typed) => {
                if let Ok(sql_type) = sql_type(&typed.data_type) {
                    self.value(&mut typed.value.value, &sql_type);
                }
            }
            Expr::Interval(interval) if interval.leading_field.is_none() => {
                self.literal(&mut interval.value, &SqlType::Interval);
            }
            Expr::BinaryOp { left, op, right } => self.operator(left, op, right),
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
                self.alike(&mut [left, right]);
            }
            Expr::Between {
                expr, low, high, ..
            } => self.alike(&mut [expr, low, high]),
            Expr::InList { expr, list, .. } => {
                let mut all: Vec<&mut Expr> = vec![expr];
                all.extend(list);
                self.alike(&mut all);
            }
            Expr::AnyOp { left, right, .. } | Expr::AllOp { left, right, .. } => {
                if let Some(element) = self.type_of(left, 0) {
                    let list = SqlType::Array(Box::new(element));
                    self.literal(right, &list);
                }
            }
            Expr::Like { pattern, .. } | Expr::ILike { pattern, .. } => {
                self.literal(pattern, &SqlType::Text);
            }
            Expr::Function(function) => self.arguments(function),
            Expr::Value(value) => {
                if !self.decided.contains(&value.span) {
                    self.undecided(&value.value);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Settler {
    fn walk(&mut self, node: &mut impl VisitMut) {
        let _ = visit::visit_mut(node, self);
    }

    fn column(&mut self, column: &mut ColumnDef) {
        let Ok(sql_type) = sql_type(&column.data_type) else {
            return;
        };
        for option in &mut column.options {
            if let ColumnOption::Default(value) = &mut option.option {
                self.literal(value, &sql_type);
            }
        }
    }

    fn action(&mut self, action: &mut Action) {
        match action {
            Action::Add { what, .. } => {
                if let AlterTableOperation::AddColumn { column_def, .. } = &mut **what {
                    self.column(column_def);
                }
                self.walk(&mut **what);
            }
            Action::Column(name, ColumnAction::SetDefault(value)) => {
                if let Some(sql_type) = self.columns.get(name) {
                    self.literal(value, &sql_type);
                }
                self.walk(value);
            }
            Action::Column(
                _,
                ColumnAction::Type {
                    using: Some(using), ..
                },
            ) => self.walk(using),
            _ => {}
        }
    }

    fn named_type(&mut self, inner: &mut Expr, data_type: &DataType) {
        let Ok(sql_type) = sql_type(data_type) else {
            return;
        };
        self.literal(inner, &sql_type);
        if let (Expr::Array(array), SqlType::Array(element)) = (inner, sql_type) {
            for item in &mut array.elem {
                self.literal(item, &element);
            }
        }
    }

    fn literal(&mut self, expr: &mut Expr, sql_type: &SqlType) {
        match expr {
            Expr::Nested(inner) => self.literal(inner, sql_type),
            Expr::Value(value) => {
                self.decided.insert(value.span);
                self.value(&mut value.value, sql_type);
            }
            _ => {}
        }
    }

    /// A literal that isn't read alike by all gets the form of its type that is.
    fn value(&self, value: &mut Value, sql_type: &SqlType) {
        let Value::SingleQuotedString(written) = value else {
            return;
        };
        if !self.differs(written, sql_type) {
            return;
        }
        let mut bytes = Vec::new();
        let shown = text::parse(written, sql_type, &self.format).and_then(|value| {
            let plain = FormatSettings::default();
            text::format(&value.as_ref(), sql_type, &plain, &mut bytes)
        });
        if let (Ok(()), Ok(shown)) = (shown, String::from_utf8(bytes)) {
            *written = shown;
        }
    }

    fn differs(&self, written: &str, sql_type: &SqlType) -> bool {
        let element = match sql_type {
            SqlType::Array(element) => element,
            other => other,
        };
        let of_time = matches!(
            element,
            SqlType::Date | SqlType::Timestamp | SqlType::TimestampTz | SqlType::Interval
        );
        // The moment that is now is told anew each time.
        let moments = ["now", "today", "tomorrow", "yesterday"];
        let lower = written.to_ascii_lowercase();
        if !of_time || moments.iter().any(|moment| lower.contains(moment)) {
            return false;
        }
        let mut read = self
            .variants
            .iter()
            .map(|format| text::parse(written, sql_type, format).ok());
        let first = read.next();
        read.any(|other| Some(other) != first)
    }

    /// 0A000 for what this session reads in its own way, where it isn't known what it is.
    fn undecided(&mut self, value: &Value) {
        let Value::SingleQuotedString(written) = value else {
            return;
        };
        let begins = written.trim_start().as_bytes().first();
        let a_number = begins.is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-');
        if !a_number || self.refused.is_some() {
            return;
        }
        let plain = FormatSettings::default();
        let own = |sql_type| {
            let read = |format| text::parse(written, sql_type, format).ok();
            read(&FormatSettings {
                time_zone: plain.time_zone,
                ..self.format.clone()
            }) != read(&plain)
        };
        if own(&SqlType::Timestamp) {
            let what = format!("the date \"{written}\" in a definition under this DateStyle");
            self.refused = Some(Error::unsupported(what).with_hint("Write it as YYYY-MM-DD."));
        } else if own(&SqlType::Interval) {
            let what =
                format!("the interval \"{written}\" in a definition under this IntervalStyle");
            self.refused =
                Some(Error::unsupported(what).with_hint("Write interval in front of it."));
        }
    }

    fn operator(&mut self, left: &mut Expr, op: &BinaryOperator, right: &mut Expr) {
        use BinaryOperator as B;
        match op {
            B::Eq | B::NotEq | B::Lt | B::LtEq | B::Gt | B::GtEq => {
                self.alike(&mut [left, right]);
            }
            B::Plus | B::Minus => {
                let types = (self.type_of(left, 0), self.type_of(right, 0));
                for (known, other, first) in [(types.0, right, true), (types.1, left, false)] {
                    let wanted = match known {
                        Some(SqlType::Timestamp | SqlType::TimestampTz) if *op == B::Plus => {
                            SqlType::Interval
                        }
                        Some(SqlType::Interval) if *op == B::Plus || first => SqlType::Interval,
                        Some(moment @ (SqlType::Timestamp | SqlType::TimestampTz)) => moment,
                        Some(SqlType::Date) if *op == B::Minus => SqlType::Date,
                        _ => continue,
                    };
                    self.literal(other, &wanted);
                    break;
                }
            }
            // Of texts, patterns and documents.
            B::StringConcat
            | B::PGRegexMatch
            | B::PGRegexIMatch
            | B::PGRegexNotMatch
            | B::PGRegexNotIMatch
            | B::Arrow
            | B::LongArrow
            | B::HashArrow
            | B::HashLongArrow => {
                let of_array = |of: Option<SqlType>| matches!(of, Some(SqlType::Array(_)));
                if !of_array(self.type_of(left, 0)) && !of_array(self.type_of(right, 0)) {
                    self.literal(left, &SqlType::Text);
                    self.literal(right, &SqlType::Text);
                }
            }
            _ => {}
        }
    }

    /// Literals among operands of one type take that type.
    fn alike(&mut self, operands: &mut [&mut Expr]) {
        let known = operands.iter().find_map(|expr| self.type_of(expr, 0));
        if let Some(sql_type) = known {
            for expr in operands {
                self.literal(expr, &sql_type);
            }
        }
    }

    fn arguments(&mut self, function: &mut Function) {
        let name = function.name.0.last().and_then(|part| part.as_ident());
        let Some(name) = name.map(fold) else {
            return;
        };
        let FunctionArguments::List(list) = &mut function.args else {
            return;
        };
        let mut arguments: Vec<&mut Expr> = list
            .args
            .iter_mut()
            .filter_map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                _ => None,
            })
            .collect();
        match (name.as_str(), arguments.as_mut_slice()) {
            ("coalesce" | "greatest" | "least" | "nullif", all) => self.alike(all),
            ("to_char", [_, template]) => self.literal(template, &SqlType::Text),
            // These have no arguments of time.
            (
                "left" | "right" | "lpad" | "rpad" | "replace" | "split_part" | "position"
                | "strpos" | "concat" | "concat_ws" | "format" | "lower" | "upper" | "length"
                | "nextval" | "regexp_replace" | "btrim" | "ltrim" | "rtrim" | "to_date"
                | "to_timestamp" | "to_number" | "md5",
                all,
            ) => {
                for expr in all {
                    self.literal(expr, &SqlType::Text);
                }
            }
            _ => {}
        }
    }

    fn type_of(&self, expr: &Expr, depth: usize) -> Option<SqlType> {
        if depth > MAX_DEPTH {
            return None;
        }
        let inner = |expr: &Expr| self.type_of(expr, depth + 1);
        match expr {
            Expr::Nested(expr) => inner(expr),
            Expr::Identifier(ident) => self.columns.get(&fold(ident)),
            Expr::CompoundIdentifier(path) => self.columns.get(&fold(path.last()?)),
            Expr::Cast { data_type, .. } => sql_type(data_type).ok(),
            Expr::TypedString(typed) => sql_type(&typed.data_type).ok(),
            Expr::Interval(_) => Some(SqlType::Interval),
            Expr::BinaryOp { left, op, right } => {
                let minus = match op {
                    BinaryOperator::Plus => false,
                    BinaryOperator::Minus => true,
                    _ => return None,
                };
                match (inner(left)?, inner(right)) {
                    (SqlType::Date, Some(SqlType::Interval)) => Some(SqlType::Timestamp),
                    (SqlType::Date, _) if minus => None,
                    (SqlType::Timestamp | SqlType::TimestampTz, Some(right))
                        if minus && right != SqlType::Interval =>
                    {
                        Some(SqlType::Interval)
                    }
                    (
                        left @ (SqlType::Date
                        | SqlType::Timestamp
                        | SqlType::TimestampTz
                        | SqlType::Interval),
                        Some(_),
                    ) => Some(left),
                    _ => None,
                }
            }
            Expr::Function(function) => {
                let name = fold(function.name.0.last()?.as_ident()?);
                Some(match name.as_str() {
                    "now"
                    | "current_timestamp"
                    | "transaction_timestamp"
                    | "statement_timestamp"
                    | "clock_timestamp" => SqlType::TimestampTz,
                    "current_date" => SqlType::Date,
                    "localtimestamp" => SqlType::Timestamp,
                    "age" | "justify_days" | "justify_hours" | "justify_interval"
                    | "make_interval" => SqlType::Interval,
                    "lower" | "upper" | "btrim" | "to_char" | "concat" | "substr" | "replace"
                    | "left" | "right" => SqlType::Text,
                    "max" | "min" | "coalesce" | "greatest" | "least" | "date_trunc" => {
                        let FunctionArguments::List(list) = &function.args else {
                            return None;
                        };
                        let found = list.args.iter().find_map(|argument| match argument {
                            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => inner(expr),
                            _ => None,
                        })?;
                        match found {
                            SqlType::Date if name == "date_trunc" => SqlType::TimestampTz,
                            found => found,
                        }
                    }
                    _ => return None,
                })
            }
            _ => None,
        }
    }
}
