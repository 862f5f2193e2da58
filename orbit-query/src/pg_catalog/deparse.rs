//! Stored expressions as PostgreSQL would show them.
//!
//! The catalog keeps CHECKs, defaults and generated columns as their user wrote
//! them. PostgreSQL shows them from its own tree: every operator in brackets
//! (or, pretty, only where they are needed), every literal with its type, every
//! silent conversion spelled out. Tools compare these texts (`\d`, pg_dump,
//! Alembic), so [`read`] rebuilds as much of that tree as the texts tell, and
//! this prints it. What it doesn't know stays as it was written.

mod read;

pub use read::Reader;

/// An expression, of the shapes that differ in how they are printed.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// A column, a literal, anything that needs no brackets anywhere.
    Plain(String),
    Operator {
        name: String,
        left: Option<Box<Tree>>,
        right: Box<Tree>,
    },
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
    /// `x IS NULL` and its like.
    Test(Box<Tree>, &'static str),
    /// `x = ANY (list)`.
    AnyAll {
        left: Box<Tree>,
        operator: &'static str,
        word: &'static str,
        list: Box<Tree>,
    },
    Call(String, Vec<Tree>),
    /// `COALESCE(...)`, `ARRAY[...]`: brackets of their own, items without.
    List {
        open: &'static str,
        items: Vec<Tree>,
        close: &'static str,
    },
    Cast(Box<Tree>, String),
    Case {
        operand: Option<Box<Tree>>,
        whens: Vec<(Tree, Tree)>,
        otherwise: Option<Box<Tree>>,
    },
}

/// What stands around an expression, as far as it decides over brackets.
#[derive(Clone, Copy)]
enum Parent<'a> {
    Operator {
        name: &'a str,
        first: bool,
    },
    And,
    Or,
    Not,
    Test,
    AnyAll,
    Cast,
    /// Whatever has brackets of its own.
    Closed,
}

impl Tree {
    /// Whether it stands without brackets where only a call does.
    pub fn is_call(&self) -> bool {
        match self {
            Tree::Call(..) => true,
            Tree::List { close, .. } => *close == ")",
            Tree::Plain(text) => ["EXTRACT(", "POSITION(", "SUBSTRING(", "OVERLAY("]
                .iter()
                .any(|call| text.starts_with(call)),
            _ => false,
        }
    }

    /// Deep enough for what is written by hand; the parser refuses what is deeper than its own limit.
    pub fn print(&self, pretty: bool) -> String {
        let mut out = String::new();
        self.write(&mut out, pretty);
        out
    }

    fn write(&self, out: &mut String, pretty: bool) {
        match self {
            Tree::Plain(text) => out.push_str(text),
            Tree::Operator { name, left, right } => bracketed(out, !pretty, |out| {
                let parent = |first| Parent::Operator { name, first };
                if let Some(left) = left {
                    left.inside(out, pretty, parent(true));
                    out.push(' ');
                }
                out.push_str(name);
                out.push(' ');
                right.inside(out, pretty, parent(false));
            }),
            Tree::And(items) => join(out, pretty, items, " AND ", Parent::And),
            Tree::Or(items) => join(out, pretty, items, " OR ", Parent::Or),
            Tree::Not(inner) => bracketed(out, !pretty, |out| {
                out.push_str("NOT ");
                inner.inside(out, pretty, Parent::Not);
            }),
            Tree::Test(inner, test) => bracketed(out, !pretty, |out| {
                inner.inside(out, pretty, Parent::Test);
                out.push(' ');
                out.push_str(test);
            }),
            Tree::AnyAll {
                left,
                operator,
                word,
                list,
            } => bracketed(out, !pretty, |out| {
                left.inside(out, pretty, Parent::AnyAll);
                out.push_str(&format!(" {operator} {word} ("));
                list.inside(out, pretty, Parent::AnyAll);
                out.push(')');
            }),
            Tree::Call(name, arguments) => {
                out.push_str(name);
                out.push('(');
                items(out, pretty, arguments);
                out.push(')');
            }
            Tree::List {
                open,
                items: list,
                close,
            } => {
                out.push_str(open);
                items(out, pretty, list);
                out.push_str(close);
            }
            Tree::Cast(inner, name) => {
                // PostgreSQL puts brackets round whatever it casts, literals of its own type aside.
                match pretty {
                    true => inner.inside(out, pretty, Parent::Cast),
                    false => bracketed(out, true, |out| inner.write(out, pretty)),
                }
                out.push_str("::");
                out.push_str(name);
            }
            Tree::Case {
                operand,
                whens,
                otherwise,
            } => {
                // Each branch has a line of its own, whatever else is pretty.
                let kept = out.trim_end_matches(' ').len();
                out.truncate(kept);
                out.push_str("\nCASE");
                if let Some(operand) = operand {
                    out.push(' ');
                    operand.write(out, pretty);
                }
                for (when, then) in whens {
                    out.push_str("\n    WHEN ");
                    when.write(out, pretty);
                    out.push_str(" THEN ");
                    then.write(out, pretty);
                }
                out.push_str("\n    ELSE ");
                match otherwise {
                    Some(otherwise) => otherwise.write(out, pretty),
                    None => out.push_str("NULL"),
                }
                out.push_str("\nEND");
            }
        }
    }

    /// As an operand: in brackets where it isn't clear without them. Not pretty,
    /// whatever needs brackets has them already.
    fn inside(&self, out: &mut String, pretty: bool, parent: Parent<'_>) {
        bracketed(out, pretty && !self.is_clear(parent), |out| {
            self.write(out, pretty);
        });
    }

    fn is_clear(&self, parent: Parent<'_>) -> bool {
        match self {
            Tree::Plain(_) | Tree::Call(..) | Tree::List { .. } | Tree::Case { .. } => true,
            Tree::Cast(..) => true,
            Tree::Operator { name, left, .. } => match parent {
                Parent::Operator {
                    name: around,
                    first,
                } if left.is_some() => match (rank(name), rank(around)) {
                    (Some(inner), Some(outer)) => inner > outer || (inner == outer && first),
                    _ => false,
                },
                Parent::And | Parent::Or | Parent::Not | Parent::Closed => true,
                _ => false,
            },
            Tree::Test(..) => matches!(
                parent,
                Parent::And | Parent::Or | Parent::Not | Parent::Closed
            ),
            Tree::And(_) | Tree::Not(_) => {
                matches!(parent, Parent::And | Parent::Or | Parent::Closed)
            }
            Tree::Or(_) => matches!(parent, Parent::Or | Parent::Closed),
            Tree::AnyAll { .. } => matches!(parent, Parent::Closed),
        }
    }
}

/// How strongly an arithmetic operator binds; others are never taken for granted.
fn rank(operator: &str) -> Option<u8> {
    match operator {
        "+" | "-" => Some(1),
        "*" | "/" | "%" => Some(2),
        _ => None,
    }
}

fn bracketed(out: &mut String, brackets: bool, write: impl FnOnce(&mut String)) {
    if brackets {
        out.push('(');
    }
    write(out);
    if brackets {
        out.push(')');
    }
}

fn join(out: &mut String, pretty: bool, items: &[Tree], word: &str, parent: Parent<'_>) {
    bracketed(out, !pretty, |out| {
        for (place, item) in items.iter().enumerate() {
            if place > 0 {
                out.push_str(word);
            }
            item.inside(out, pretty, parent);
        }
    });
}

fn items(out: &mut String, pretty: bool, items: &[Tree]) {
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push_str(", ");
        }
        item.inside(out, pretty, Parent::Closed);
    }
}
