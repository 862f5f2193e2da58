//! Dates, times and intervals in definitions. What a literal means is decided when the
//! definition is made, by the styles, the zone and the moment of the session that makes it;
//! what is kept reads the same in every session. Which type a literal is of, the binder says.

use super::types::{serial, sql_type};
use crate::planned::Literal;
use crate::planned::alike::open;
use crate::session::Session;
use crate::statement::alter_grammar::{Action, ColumnAction};
use crate::statement::names::{Name, ReadString, fold};
use crate::statement::utility::Utility;
use crate::statement::visit;
use orbit_core::catalog::Relation;
use orbit_core::types::SqlType;
use orbit_core::value::text::{self, FormatSettings};
use orbit_core::{Error, Result};
use sqlparser::ast::{
    AlterTableOperation, ColumnDef, ColumnOption, CreateTable, Expr, Query, SetExpr,
    TableConstraint, Value, ValueWithSpan, Visitor, VisitorMut,
};
use sqlparser::tokenizer::{Location, Span};
use std::ops::ControlFlow;

/// The line of strings that are numbered; real ones begin with 1.
const NUMBERED: u64 = 0;

/// The statement with such literals settled, if it is one that keeps any.
pub async fn settled(session: &mut Session, utility: &Utility) -> Result<Option<Box<Utility>>> {
    let keeps = match utility {
        Utility::CreateTable(create) => create.query.is_none(),
        Utility::CreateTableLike { .. }
        | Utility::Alter(_)
        | Utility::CreateIndex(_)
        | Utility::CreateView(_) => true,
        _ => false,
    };
    if !keeps {
        return Ok(None);
    }
    let mut numbered = Box::new(utility.clone());
    let mut number = Number(Vec::new());
    walk(&mut numbered, &mut number);
    let strings = number.0;
    if !strings.iter().any(|written| may_differ(written)) {
        return Ok(None);
    }
    let mut settler = Settler {
        format: FormatSettings {
            now_micros: Some(session.moment().transaction_micros),
            ..session.format().clone()
        },
        index: matches!(utility, Utility::CreateIndex(_)),
        all: false,
    };
    let mut readings: Vec<Reading> = strings.iter().map(|_| Reading::None).collect();
    let (found, all) = match &*numbered {
        Utility::CreateView(create) => {
            let (found, all) = session.strings_of_query(&create.query).await?;
            (found, all && !joins_parts(&create.query))
        }
        other => (read(session, other)?, false),
    };
    for string in found {
        let place = place_of(string.at).and_then(|place| readings.get_mut(place));
        if let Some(reading) = place {
            reading.add(string);
        }
    }
    settler.all = all;
    let settled = strings.iter().zip(readings);
    let settled: Result<Vec<Option<String>>> = settled
        .map(|(written, reading)| settler.settled(written, reading))
        .collect();
    let mut changed = Box::new(utility.clone());
    walk(&mut changed, &mut Put(settled?.into_iter()));
    Ok(Some(changed))
}

/// Visits all that is kept of a statement, or read like it, always in the same order.
fn walk(utility: &mut Utility, visitor: &mut impl VisitorMut) {
    match utility {
        Utility::CreateTable(create) | Utility::CreateTableLike { create, .. } => {
            let _ = visit::visit_mut(create, visitor);
        }
        Utility::Alter(alter) => {
            for action in &mut alter.actions {
                match action {
                    Action::Add { what, .. } => {
                        let _ = visit::visit_mut(&mut **what, visitor);
                    }
                    Action::Column(
                        _,
                        ColumnAction::SetDefault(value)
                        | ColumnAction::Type {
                            using: Some(value), ..
                        },
                    ) => {
                        let _ = visit::visit_mut(value, visitor);
                    }
                    _ => {}
                }
            }
        }
        Utility::CreateIndex(create) => {
            let _ = visit::visit_mut(create, visitor);
        }
        Utility::CreateView(create) => {
            let _ = visit::visit_mut(&mut create.query, visitor);
        }
        _ => {}
    }
}

fn string_of(value: &Value) -> Option<&String> {
    match value {
        Value::SingleQuotedString(text)
        | Value::EscapedStringLiteral(text)
        | Value::UnicodeStringLiteral(text)
        | Value::NationalStringLiteral(text) => Some(text),
        Value::DollarQuotedString(text) => Some(&text.value),
        _ => None,
    }
}

/// Gives each string a place by which it is known again.
struct Number(Vec<String>);

impl VisitorMut for Number {
    type Break = ();

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<()> {
        if let Some(text) = string_of(&value.value) {
            self.0.push(text.clone());
            let at = Location::new(NUMBERED, self.0.len() as u64);
            value.span = Span::new(at, at);
        }
        ControlFlow::Continue(())
    }
}

fn place_of(at: Location) -> Option<usize> {
    let numbered = at.line == NUMBERED;
    let place = usize::try_from(at.column).ok().filter(|_| numbered)?;
    place.checked_sub(1)
}

/// Puts in what the strings have become.
struct Put(std::vec::IntoIter<Option<String>>);

impl VisitorMut for Put {
    type Break = ();

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<()> {
        if string_of(&value.value).is_some()
            && let Some(Some(settled)) = self.0.next()
        {
            value.value = Value::SingleQuotedString(settled);
        }
        ControlFlow::Continue(())
    }
}

/// What the binder reads the numbered strings of a statement as.
fn read(session: &mut Session, utility: &Utility) -> Result<Vec<ReadString>> {
    match utility {
        Utility::CreateTable(create) => Ok(of_table(session, create, Vec::new())),
        Utility::CreateTableLike { create, likes } => {
            let mut columns = Vec::new();
            for like in likes {
                columns.extend(columns_of(session, &like.source));
            }
            Ok(of_table(session, create, columns))
        }
        Utility::Alter(alter) => {
            let columns = columns_of(session, &alter.name);
            let mut reader = Reader::new(session, &alter.name.name, columns);
            reader.actions(&alter.actions);
            Ok(reader.found)
        }
        Utility::CreateIndex(create) => {
            let name = Name::of(&create.table_name)?;
            let columns = columns_of(session, &name);
            let mut reader = Reader::new(session, &name.name, columns);
            for column in &create.columns {
                reader.expr(&column.column.expr, None);
            }
            if let Some(predicate) = &create.predicate {
                reader.expr(predicate, Some(&SqlType::Bool));
            }
            Ok(reader.found)
        }
        _ => Ok(Vec::new()),
    }
}

/// Whether a query has parts of which one may give another's strings their type.
fn joins_parts(query: &Query) -> bool {
    struct Parts;
    impl Visitor for Parts {
        type Break = ();
        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            let mut body = &*query.body;
            while let SetExpr::Query(inner) = body {
                body = &inner.body;
            }
            match body {
                SetExpr::SetOperation { .. } => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    visit::visit(query, &mut Parts).is_break()
}

fn of_table(session: &mut Session, create: &CreateTable, columns: Columns) -> Vec<ReadString> {
    let name = Name::of(&create.name).map_or_else(|_| String::new(), |name| name.name);
    let mut reader = Reader::new(session, &name, columns);
    reader.columns.extend(create.columns.iter().filter_map(own));
    for column in &create.columns {
        reader.column(column);
    }
    for constraint in &create.constraints {
        reader.constraint(constraint);
    }
    reader.found
}

type Columns = Vec<(String, SqlType)>;

fn own(column: &ColumnDef) -> Option<(String, SqlType)> {
    let ty = serial(&column.data_type).or_else(|| sql_type(&column.data_type).ok())?;
    Some((fold(&column.name), ty))
}

fn columns_of(session: &mut Session, name: &Name) -> Columns {
    // Without a transaction, which some of these statements must not be in.
    let catalog = session.current_catalog();
    match name.relation(&catalog, session.settings()) {
        Some(Relation::Table(table)) => {
            let columns = table.columns.iter();
            let known = |column: &orbit_core::catalog::Column| {
                (column.name.clone(), column.sql_type.clone())
            };
            columns.map(known).collect()
        }
        Some(Relation::View(view)) => {
            let columns = view.columns.iter();
            let known = |column: &orbit_core::catalog::ViewColumn| {
                (column.name.clone(), column.sql_type.clone())
            };
            columns.map(known).collect()
        }
        _ => Vec::new(),
    }
}

/// Reads expressions over one relation's columns.
struct Reader<'a> {
    session: &'a mut Session,
    relation: String,
    columns: Columns,
    found: Vec<ReadString>,
}

impl Reader<'_> {
    fn new<'a>(session: &'a mut Session, relation: &str, columns: Columns) -> Reader<'a> {
        Reader {
            session,
            relation: relation.to_owned(),
            columns,
            found: Vec::new(),
        }
    }

    fn expr(&mut self, expr: &Expr, wanted: Option<&SqlType>) {
        let of = (self.relation.as_str(), self.columns.as_slice());
        self.found.extend(self.session.strings_of(expr, of, wanted));
    }

    fn column(&mut self, column: &ColumnDef) {
        let Some((_, ty)) = own(column) else {
            return;
        };
        for option in &column.options {
            match &option.option {
                ColumnOption::Default(value) => self.expr(value, Some(&ty)),
                ColumnOption::Check(check) => self.expr(&check.expr, Some(&SqlType::Bool)),
                ColumnOption::Generated {
                    generation_expr: Some(value),
                    ..
                } => self.expr(value, Some(&ty)),
                _ => {}
            }
        }
    }

    fn constraint(&mut self, constraint: &TableConstraint) {
        if let TableConstraint::Check(check) = constraint {
            self.expr(&check.expr, Some(&SqlType::Bool));
        }
    }

    fn actions(&mut self, actions: &[Action]) {
        // What a column is made of, the columns are as they were for.
        for action in actions {
            if let Action::Column(_, ColumnAction::Type { data_type, using }) = action
                && let (Ok(ty), Some(using)) = (sql_type(data_type), using)
            {
                self.expr(using, Some(&ty));
            }
        }
        // Columns of one command are there for its constraints, in their new types.
        for action in actions {
            match action {
                Action::Add { what, .. } => {
                    if let AlterTableOperation::AddColumn { column_def, .. } = &**what {
                        self.columns.extend(own(column_def));
                    }
                }
                Action::Column(name, ColumnAction::Type { data_type, .. }) => {
                    let known = self.columns.iter_mut().find(|(column, _)| column == name);
                    if let (Some((_, ty)), Ok(to)) = (known, sql_type(data_type)) {
                        *ty = to;
                    }
                }
                _ => {}
            }
        }
        for action in actions {
            match action {
                Action::Add { what, .. } => match &**what {
                    AlterTableOperation::AddColumn { column_def, .. } => self.column(column_def),
                    AlterTableOperation::AddConstraint { constraint, .. } => {
                        self.constraint(constraint);
                    }
                    _ => {}
                },
                Action::Column(name, ColumnAction::SetDefault(value)) => {
                    let known = self.columns.iter().find(|(column, _)| column == name);
                    if let Some((_, ty)) = known {
                        let ty = ty.clone();
                        self.expr(value, Some(&ty));
                    }
                }
                _ => {}
            }
        }
    }
}

/// What is known of a string.
enum Reading {
    None,
    As {
        read: String,
        ty: SqlType,
    },
    /// In one place as one type and in another as another.
    Several,
}

impl Reading {
    fn add(&mut self, string: ReadString) {
        let found = Reading::As {
            read: string.read,
            ty: string.ty,
        };
        *self = match (std::mem::replace(self, Reading::None), found) {
            (Reading::None, found) => found,
            (
                Reading::As { read, ty },
                Reading::As {
                    read: other,
                    ty: of,
                },
            ) if read == other && ty == of => Reading::As { read, ty },
            _ => Reading::Several,
        };
    }
}

struct Settler {
    /// The session's own.
    format: FormatSettings,
    /// An index says for itself what it makes of a moment that isn't settled.
    index: bool,
    /// What nothing reads is a text that is given out as it is.
    all: bool,
}

impl Settler {
    /// What a string becomes, if it isn't kept as it is.
    fn settled(&mut self, written: &str, reading: Reading) -> Result<Option<String>> {
        match reading {
            Reading::As { read, ty } => Ok(self.in_plain_form(&read, &ty)),
            Reading::None if self.all => Ok(None),
            Reading::None | Reading::Several => self.undecided(written).map(|()| None),
        }
    }

    /// A literal that isn't read alike by all gets the form of its type that is.
    fn in_plain_form(&self, read: &str, ty: &SqlType) -> Option<String> {
        let left = open(read, ty)?;
        if self.index && matches!(left, Literal::Zone | Literal::Moment) {
            return None;
        }
        let value = text::parse(read, ty, &self.format).ok()?;
        let mut bytes = Vec::new();
        let plain = FormatSettings::default();
        text::format(&value.as_ref(), ty, &plain, &mut bytes).ok()?;
        String::from_utf8(bytes).ok()
    }

    /// 0A000 for what this session reads in its own way, where it isn't known what it is.
    fn undecided(&self, written: &str) -> Result<()> {
        let begins = written.trim_start().as_bytes().first();
        if !begins.is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-') {
            return Ok(());
        }
        let plain = FormatSettings::default();
        let own = |ty| {
            let read = |format| text::parse(written, ty, format).ok();
            read(&FormatSettings {
                time_zone: plain.time_zone,
                ..self.format.clone()
            }) != read(&plain)
        };
        let (what, style, hint) = if own(&SqlType::Timestamp) {
            ("date", "DateStyle", "Write it as YYYY-MM-DD.")
        } else if own(&SqlType::Interval) {
            let hint = "Write interval in front of it.";
            ("interval", "IntervalStyle", hint)
        } else {
            return Ok(());
        };
        let what = format!("the {what} \"{written}\" in a definition under this {style}");
        Err(Error::unsupported(what).with_hint(hint))
    }
}

/// Whether a string could be a moment or an interval that isn't read alike by all.
fn may_differ(written: &str) -> bool {
    let of = |ty: SqlType| match written.trim_start().starts_with('{') {
        true => open(written, &SqlType::Array(Box::new(ty))).is_some(),
        false => open(written, &ty).is_some(),
    };
    use SqlType as T;
    [T::TimestampTz, T::Timestamp, T::Date, T::Time, T::Interval]
        .into_iter()
        .any(of)
}
