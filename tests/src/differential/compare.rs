//! When two servers said the same.

use super::script::{Compare, Statement};
use crate::wire::{Part, Reply, Report};

/// OIDs from here on are given out by a server as things are created.
const FIRST_OWN_OID: u32 = 16_384;
const NUMERIC: u32 = 1_700;
const FLOATS: [u32; 2] = [700, 701];

/// `None` where `ours` is as good as `theirs`; else what differs, in a word or two.
pub fn difference(statement: &Statement, ours: &Reply, theirs: &Reply) -> Option<String> {
    if let Some(lost) = &ours.lost {
        return Some(lost.clone());
    }
    if ours.parts.len() != theirs.parts.len() {
        return Some("number of results".to_owned());
    }
    let weak = statement.compare == Compare::State;
    let short = |part: &Part| match statement.compare {
        Compare::Values => shortened(part),
        _ => part.clone(),
    };
    for (ours, theirs) in ours.parts.iter().zip(&theirs.parts) {
        let (ours, theirs) = (&short(ours), &short(theirs));
        if let Some(difference) = part(ours, theirs, statement.ordered(), weak) {
            return Some(difference);
        }
        if let (Part::Error(ours), Part::Error(theirs)) = (ours, theirs)
            && statement.positions
            && ours.position != theirs.position
        {
            let shown = |position: &str| match position {
                "" => "none".to_owned(),
                position => position.to_owned(),
            };
            let (ours, theirs) = (shown(&ours.position), shown(&theirs.position));
            return Some(format!("position: {ours}, PostgreSQL {theirs}"));
        }
    }
    if weak {
        return None;
    }
    if ours.notices.len() != theirs.notices.len() {
        return Some("number of notices".to_owned());
    }
    let mut notices = ours.notices.iter().zip(&theirs.notices);
    notices.find_map(|(ours, theirs)| Some(format!("notice: {}", report(ours, theirs)?)))
}

/// Numerics without the zeros at their end.
fn shortened(part: &Part) -> Part {
    let mut part = part.clone();
    if let Part::Rows { columns, rows, .. } = &mut part {
        for row in rows {
            for (value, (_, oid)) in row.iter_mut().zip(columns.iter()) {
                if let Some(text) = value
                    && *oid == NUMERIC
                    && text.contains('.')
                {
                    *text = text.trim_end_matches('0').trim_end_matches('.').to_owned();
                }
            }
        }
    }
    part
}

fn part(ours: &Part, theirs: &Part, ordered: bool, weak: bool) -> Option<String> {
    let differs = |yes: bool, what: &str| yes.then(|| what.to_owned());
    match (ours, theirs) {
        (Part::Error(ours), Part::Error(theirs)) if weak => {
            differs(ours.state != theirs.state, "SQLSTATE")
        }
        (Part::Error(ours), Part::Error(theirs)) => report(ours, theirs),
        (Part::Done { tag: ours }, Part::Done { tag: theirs }) => differs(ours != theirs, "tag"),
        (Part::Empty, Part::Empty) => None,
        (
            Part::Copied { lines, tag },
            Part::Copied {
                lines: their_lines,
                tag: their_tag,
            },
        ) => {
            let rows =
                |lines: &[String]| lines.iter().map(|line| vec![Some(line.clone())]).collect();
            let (lines, theirs) = (rows(lines), rows(their_lines));
            differs(!same_rows(lines, theirs, ordered, &|_| false), "rows")
                .or(differs(tag != their_tag, "tag"))
        }
        (
            Part::Rows { columns, rows, tag },
            Part::Rows {
                columns: their_columns,
                rows: their_rows,
                tag: their_tag,
            },
        ) => {
            let names = |columns: &[(String, u32)]| -> Vec<String> {
                columns.iter().map(|(name, _)| name.clone()).collect()
            };
            let is_float = |at: usize| {
                let oid = columns.get(at).map(|(_, oid)| *oid);
                oid.is_some_and(|oid| FLOATS.contains(&oid))
            };
            let own = |oid: u32| oid.min(FIRST_OWN_OID);
            let types = |columns: &[(String, u32)]| -> Vec<u32> {
                columns.iter().map(|(_, oid)| own(*oid)).collect()
            };
            differs(names(columns) != names(their_columns), "column names")
                .or(differs(
                    types(columns) != types(their_columns),
                    "column types",
                ))
                .or(differs(rows.len() != their_rows.len(), "number of rows"))
                .or(differs(
                    !same_rows(rows.clone(), their_rows.clone(), ordered, &is_float),
                    "rows",
                ))
                .or(differs(tag != their_tag, "tag"))
        }
        _ => Some("kind of answer".to_owned()),
    }
}

fn report(ours: &Report, theirs: &Report) -> Option<String> {
    let fields = [
        ("severity", &ours.severity, &theirs.severity),
        ("SQLSTATE", &ours.state, &theirs.state),
        ("message", &ours.message, &theirs.message),
        ("DETAIL", &ours.detail, &theirs.detail),
        ("HINT", &ours.hint, &theirs.hint),
        ("schema name", &ours.schema, &theirs.schema),
        ("table name", &ours.table, &theirs.table),
        ("column name", &ours.column, &theirs.column),
        ("type name", &ours.datatype, &theirs.datatype),
        ("constraint name", &ours.constraint, &theirs.constraint),
    ];
    let mut fields = fields.into_iter();
    fields.find_map(|(name, ours, theirs)| (ours != theirs).then(|| name.to_owned()))
}

type Rows = Vec<Vec<Option<String>>>;

fn same_rows(
    mut ours: Rows,
    mut theirs: Rows,
    ordered: bool,
    is_float: &dyn Fn(usize) -> bool,
) -> bool {
    if !ordered {
        ours.sort();
        theirs.sort();
    }
    ours.len() == theirs.len()
        && ours.iter().zip(&theirs).all(|(ours, theirs)| {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .zip(theirs)
                    .enumerate()
                    .all(|(at, pair)| match pair {
                        (Some(ours), Some(theirs)) if is_float(at) => {
                            ours == theirs || close(ours, theirs)
                        }
                        (ours, theirs) => ours == theirs,
                    })
        })
}

/// Floats that agree in their first 12 digits: the last ones of a sum depend on the
/// order of addition, which no standard fixes.
fn close(ours: &str, theirs: &str) -> bool {
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    let long = |text: &str| text.contains(['.', 'e']) && digits(text) >= 14;
    if !long(ours) && !long(theirs) {
        return false;
    }
    match (ours.parse::<f64>(), theirs.parse::<f64>()) {
        (Ok(ours), Ok(theirs)) => (ours - theirs).abs() <= 1e-12 * ours.abs().max(theirs.abs()),
        _ => false,
    }
}

/// A reply in a few lines, for people.
pub fn show(reply: &Reply) -> String {
    let mut lines = Vec::new();
    for part in &reply.parts {
        match part {
            Part::Error(error) => lines.push(show_report(error)),
            Part::Done { tag } => lines.push(tag.clone()),
            Part::Empty => lines.push("(an empty statement)".to_owned()),
            Part::Copied { lines: copied, tag } => {
                lines.extend(copied.iter().take(12).cloned());
                lines.push(tag.clone());
            }
            Part::Rows { columns, rows, tag } => {
                let columns: Vec<String> = columns
                    .iter()
                    .map(|(name, oid)| format!("{name}:{oid}"))
                    .collect();
                lines.push(columns.join(" | "));
                for row in rows.iter().take(12) {
                    let values: Vec<&str> = row
                        .iter()
                        .map(|value| value.as_deref().unwrap_or("NULL"))
                        .collect();
                    lines.push(values.join(" | "));
                }
                if rows.len() > 12 {
                    lines.push(format!("… {} rows", rows.len()));
                }
                lines.push(tag.clone());
            }
        }
    }
    lines.extend(reply.notices.iter().map(show_report));
    lines.extend(reply.lost.clone());
    lines.join("\n")
}

fn show_report(report: &Report) -> String {
    let mut text = format!("{} {}: {}", report.severity, report.state, report.message);
    let more = [
        ("DETAIL", &report.detail),
        ("HINT", &report.hint),
        ("schema", &report.schema),
        ("table", &report.table),
        ("column", &report.column),
        ("type", &report.datatype),
        ("constraint", &report.constraint),
    ];
    for (name, value) in more {
        if !value.is_empty() {
            text.push_str(&format!("\n  {name}: {value}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Reply {
        rows_of(23, rows)
    }

    fn rows_of(oid: u32, rows: &[&[&str]]) -> Reply {
        let rows = rows
            .iter()
            .map(|row| row.iter().map(|value| Some((*value).to_owned())).collect())
            .collect();
        let part = Part::Rows {
            columns: vec![("a".to_owned(), oid)],
            rows,
            tag: "SELECT".to_owned(),
        };
        Reply {
            parts: vec![part],
            ..Reply::default()
        }
    }

    #[test]
    fn order_counts_only_where_it_was_asked_for() {
        let (ours, theirs) = (rows(&[&["1"], &["2"]]), rows(&[&["2"], &["1"]]));
        let mut statement = Statement::default();
        assert_eq!(difference(&statement, &ours, &theirs), None);
        statement.compare = Compare::Ordered;
        assert_eq!(
            difference(&statement, &ours, &theirs).as_deref(),
            Some("rows")
        );
    }

    #[test]
    fn only_floats_may_end_differently() {
        let statement = Statement::default();
        let differ = |oid: u32, a: &str, b: &str| {
            difference(&statement, &rows_of(oid, &[&[a]]), &rows_of(oid, &[&[b]])).is_some()
        };
        let (ours, theirs) = ("0.30000000000000004", "0.30000000000000001");
        for oid in FLOATS {
            assert!(!differ(oid, ours, theirs));
            assert!(differ(oid, "1.5", "1.6"));
            assert!(differ(oid, "0.30000000000000004", "0.3000000001"));
        }
        for oid in [NUMERIC, 25] {
            assert!(differ(oid, ours, theirs));
        }
    }

    #[test]
    fn every_field_of_an_error_counts() {
        let error = |detail: &str| Reply {
            parts: vec![Part::Error(Report {
                state: "23505".to_owned(),
                detail: detail.to_owned(),
                ..Report::default()
            })],
            ..Reply::default()
        };
        let mut statement = Statement::default();
        assert!(difference(&statement, &error("a"), &error("b")).is_some());
        statement.compare = Compare::State;
        assert_eq!(difference(&statement, &error("a"), &error("b")), None);
    }
}
