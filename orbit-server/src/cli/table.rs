//! Rows on a terminal: as a table, as JSON, as CSV.

use super::visible::visible;
use clap::ValueEnum;
use comfy_table::{
    Cell, CellAlignment, ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle,
};

const STYLE: TableStyle = TableStyle::new()
    .top_border(LineStyle::new('┌', '─', '┬', '┐'))
    .header_lines(ContentLineStyle::new('│', '│', '│'))
    .header_separator(LineStyle::new('├', '─', '┼', '┤'))
    .content_lines(ContentLineStyle::new('│', '│', '│'))
    .bottom_border(LineStyle::new('└', '─', '┴', '┘'));

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A table for people
    Table,
    /// One JSON array of objects
    Json,
    /// CSV with a header; NULL is an empty field
    Csv,
}

/// Rows as text; `None` is NULL.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    pub columns: Vec<String>,
    /// Per column: whether its JSON form is bare (numbers, booleans, JSON itself).
    pub bare: Vec<bool>,
    pub rows: Vec<Vec<Option<String>>>,
    /// What a table for people shows for NULL.
    pub null: String,
}

impl Grid {
    pub fn new(columns: Vec<String>) -> Grid {
        Grid {
            bare: vec![false; columns.len()],
            columns,
            rows: Vec::new(),
            null: String::new(),
        }
    }

    /// One record below the other, a column a line.
    pub fn expanded(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|name| visible(name)).collect();
        let width = names
            .iter()
            .map(|name| name.chars().count())
            .max()
            .unwrap_or(0);
        let mut out = String::new();
        for (at, row) in self.rows.iter().enumerate() {
            out.push_str(&format!("-[ RECORD {} ]\n", at + 1));
            for (name, field) in names.iter().zip(row) {
                let field = field.as_deref().map_or_else(|| self.null.clone(), visible);
                let mut lines = field.split('\n');
                let blanks = width - name.chars().count();
                let first = lines.next().unwrap_or_default();
                out.push_str(&format!("{name}{:blanks$} | {first}\n", ""));
                for line in lines {
                    out.push_str(&format!("{:width$} | {line}\n", ""));
                }
            }
        }
        out
    }

    pub fn print(&self, output: Output) -> String {
        match output {
            Output::Table => self.table(),
            Output::Json => self.json(),
            Output::Csv => self.csv(),
        }
    }

    fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(STYLE);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(self.columns.iter().map(|name| visible(name)));
        let right: Vec<bool> = (0..self.columns.len())
            .map(|at| self.is_numeric(at))
            .collect();
        for row in &self.rows {
            table.add_row(row.iter().zip(&right).map(|(field, right)| {
                let cell = Cell::new(field.as_deref().map_or_else(|| self.null.clone(), visible));
                match right {
                    true => cell.set_alignment(CellAlignment::Right),
                    false => cell,
                }
            }));
        }
        format!("{table}\n")
    }

    fn is_numeric(&self, column: usize) -> bool {
        let mut fields = self
            .rows
            .iter()
            .filter_map(|row| row.get(column).and_then(Option::as_deref))
            .peekable();
        fields.peek().is_some() && fields.all(|field| field.parse::<f64>().is_ok())
    }

    fn json(&self) -> String {
        let mut out = String::from("[");
        for (at, row) in self.rows.iter().enumerate() {
            out.push_str(if at == 0 { "\n  {" } else { ",\n  {" });
            for (column, field) in row.iter().enumerate() {
                if column > 0 {
                    out.push_str(", ");
                }
                let name = self.columns.get(column).map_or("", String::as_str);
                out.push_str(&serde_json::Value::from(name).to_string());
                out.push_str(": ");
                out.push_str(&self.json_field(column, field.as_deref()));
            }
            out.push('}');
        }
        out.push_str(if self.rows.is_empty() { "]\n" } else { "\n]\n" });
        super::visible::in_json(out)
    }

    fn json_field(&self, column: usize, field: Option<&str>) -> String {
        match field {
            None => "null".to_owned(),
            Some("t") if self.is_bare(column) => "true".to_owned(),
            Some("f") if self.is_bare(column) => "false".to_owned(),
            // NaN and Infinity have no JSON form but a text.
            Some(text) if self.is_bare(column) && is_json(text) => text.to_owned(),
            Some(text) => serde_json::Value::from(text).to_string(),
        }
    }

    fn is_bare(&self, column: usize) -> bool {
        self.bare.get(column).copied().unwrap_or(false)
    }

    fn csv(&self) -> String {
        let mut out = String::new();
        csv_line(
            self.columns.iter().map(|name| Some(name.as_str())),
            &mut out,
        );
        for row in &self.rows {
            csv_line(row.iter().map(Option::as_deref), &mut out);
        }
        out
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn csv_line<'a>(fields: impl Iterator<Item = Option<&'a str>>, out: &mut String) {
    for (at, field) in fields.enumerate() {
        if at > 0 {
            out.push(',');
        }
        match field {
            None => {}
            // An empty text is quoted, so that it differs from NULL.
            Some(text) if text.is_empty() || text.contains([',', '"', '\n', '\r']) => {
                out.push('"');
                out.push_str(&text.replace('"', "\"\""));
                out.push('"');
            }
            Some(text) => out.push_str(text),
        }
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let mut grid = Grid::new(vec!["n".into(), "t".into(), "b".into()]);
        grid.bare = vec![true, false, true];
        grid.rows.push(vec![
            Some("1".into()),
            Some("a\"b,".into()),
            Some("t".into()),
        ]);
        grid.rows
            .push(vec![Some("NaN".into()), Some(String::new()), None]);
        grid
    }

    #[test]
    fn json_keeps_numbers_bare_and_texts_quoted() {
        let text = grid().print(Output::Json);
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            parsed,
            serde_json::json!([{"n": 1, "t": "a\"b,", "b": true}, {"n": "NaN", "t": "", "b": null}])
        );
        assert_eq!(Grid::new(vec!["a".into()]).print(Output::Json), "[]\n");
    }

    #[test]
    fn csv_tells_null_from_empty() {
        assert_eq!(
            grid().print(Output::Csv),
            "n,t,b\n1,\"a\"\"b,\",t\nNaN,\"\",\n"
        );
    }

    #[test]
    fn numbers_stand_to_the_right() {
        let mut grid = Grid::new(vec!["count".into()]);
        grid.rows.push(vec![Some("7".into())]);
        assert!(
            grid.print(Output::Table).contains("│     7 │"),
            "{}",
            grid.print(Output::Table)
        );
    }
}
