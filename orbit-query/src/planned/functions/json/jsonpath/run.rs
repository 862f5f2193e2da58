//! A path over a document.

use super::node::Node;
use super::parse::{Expr, Method, Path, Predicate, Step};
use crate::planned::cancel;
use crate::planned::functions::are::{self, Options};
use orbit_core::error::SqlState;
use orbit_core::value::Numeric;
use orbit_core::{Error, Result, state};
use std::cmp::Ordering;

pub const SINGLETON_REQUIRED: SqlState = SqlState(*b"22038");
const NO_ARRAY: SqlState = SqlState(*b"22039");
const NO_MEMBER: SqlState = SqlState(*b"2203A");
const NO_OBJECT: SqlState = SqlState(*b"2203C");
const BAD_SUBSCRIPT: SqlState = SqlState(*b"22033");
const NOT_NUMERIC: SqlState = SqlState(*b"22036");

/// Items a path may find.
const MAX_ITEMS: usize = 10_000_000;

/// Whether `silent` keeps it to itself: errors of the path, not of the call.
pub fn may_be_silent(error: &Error) -> bool {
    [
        SINGLETON_REQUIRED,
        NO_ARRAY,
        NO_MEMBER,
        NO_OBJECT,
        BAD_SUBSCRIPT,
        NOT_NUMERIC,
        state::DIVISION_BY_ZERO,
        state::NUMERIC_VALUE_OUT_OF_RANGE,
    ]
    .iter()
    .any(|code| error.is(*code))
}

struct Runner<'d> {
    strict: bool,
    root: &'d Node,
    variables: &'d [(String, Node)],
    /// Structural errors don't count where the path goes through everything.
    forgiving: bool,
    /// Items looked at: filters in filters and `**` behind `**` look at very many.
    looked: usize,
}

/// Where an expression stands.
#[derive(Clone, Copy)]
struct Place<'d> {
    current: &'d Node,
    /// The last index of the array around, inside a subscript.
    last: Option<usize>,
}

pub fn run(path: &Path, root: &Node, variables: &[(String, Node)]) -> Result<Vec<Node>> {
    let mut runner = Runner {
        strict: path.strict,
        root,
        variables,
        forgiving: !path.strict,
        looked: 0,
    };
    let place = Place {
        current: root,
        last: None,
    };
    runner.items(&path.root, place)
}

fn as_node(truth: Option<bool>) -> Node {
    truth.map_or(Node::Null, Node::Bool)
}

impl Runner<'_> {
    fn look(&mut self) -> Result<()> {
        const BETWEEN_CHECKS: usize = 256;
        self.looked += 1;
        match self.looked.is_multiple_of(BETWEEN_CHECKS) {
            true => cancel::check().and_then(|()| orbit_core::memory::check()),
            false => Ok(()),
        }
    }

    fn descend(
        &mut self,
        item: &Node,
        depth: u32,
        (from, to): (u32, Option<u32>),
        out: &mut Vec<Node>,
    ) -> Result<()> {
        self.look()?;
        let is_leaf = !matches!(item, Node::Array(_) | Node::Object(_));
        // `last` as the first depth means leaves.
        if depth >= from && to.is_none_or(|to| depth <= to) || from == u32::MAX && is_leaf {
            if out.len() >= MAX_ITEMS {
                return Err(too_many());
            }
            out.push(item.clone());
        }
        if to.is_some_and(|to| depth >= to) {
            return Ok(());
        }
        match item {
            Node::Array(inner) => inner
                .iter()
                .try_for_each(|item| self.descend(item, depth + 1, (from, to), out)),
            Node::Object(members) => members
                .iter()
                .try_for_each(|(_, item)| self.descend(item, depth + 1, (from, to), out)),
            _ => Ok(()),
        }
    }

    fn items(&mut self, expr: &Expr, place: Place<'_>) -> Result<Vec<Node>> {
        Ok(match expr {
            Expr::Root => vec![self.root.clone()],
            Expr::Current => vec![place.current.clone()],
            Expr::Last => match place.last {
                Some(last) => vec![Node::Number(Numeric::from_i64(
                    i64::try_from(last).unwrap_or(i64::MAX),
                ))],
                None => {
                    return Err(Error::new(
                        state::SYNTAX_ERROR,
                        "LAST is allowed only in array subscripts",
                    ));
                }
            },
            Expr::Variable(name) => {
                let known = self.variables.iter().find(|(known, _)| known == name);
                match known {
                    Some((_, value)) => vec![value.clone()],
                    None => {
                        return Err(Error::new(
                            state::UNDEFINED_OBJECT,
                            format!("could not find jsonpath variable \"{name}\""),
                        ));
                    }
                }
            }
            Expr::Literal(node) => vec![node.clone()],
            Expr::Steps(base, steps) => {
                let mut items = self.items(base, place)?;
                for step in steps {
                    items = self.step(step, items, place)?;
                    if items.len() > MAX_ITEMS {
                        return Err(too_many());
                    }
                }
                items
            }
            Expr::Negate(inner) => self.signed(inner, place, '-')?,
            Expr::Plus(inner) => self.signed(inner, place, '+')?,
            Expr::Arithmetic(op, left, right) => {
                let left = self.number(left, place, "left", *op)?;
                let right = self.number(right, place, "right", *op)?;
                vec![Node::Number(match op {
                    '+' => left.add(&right)?,
                    '-' => left.sub(&right)?,
                    '*' => left.mul(&right)?,
                    '/' => left.div(&right)?,
                    _ => left.rem(&right)?,
                })]
            }
            Expr::Predicate(predicate) => vec![as_node(self.holds(predicate, place)?)],
        })
    }

    fn unwrapped(&self, items: Vec<Node>) -> Vec<Node> {
        if self.strict {
            return items;
        }
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Node::Array(inner) => out.extend(inner),
                other => out.push(other),
            }
        }
        out
    }

    fn signed(&mut self, inner: &Expr, place: Place<'_>, sign: char) -> Result<Vec<Node>> {
        let items = self.items(inner, place)?;
        let items = self.unwrapped(items).into_iter().map(|item| match item {
            Node::Number(number) if sign == '-' => Ok(Node::Number(number.neg())),
            Node::Number(number) => Ok(Node::Number(number)),
            _ => Err(Error::new(
                SqlState(*b"2203B"),
                format!("operand of unary jsonpath operator {sign} is not a numeric value"),
            )),
        });
        items.collect()
    }

    fn number(&mut self, expr: &Expr, place: Place<'_>, side: &str, op: char) -> Result<Numeric> {
        let items = self.items(expr, place)?;
        let mut items = self.unwrapped(items).into_iter();
        match (items.next(), items.next()) {
            (Some(Node::Number(number)), None) => Ok(number),
            _ => Err(Error::new(
                SINGLETON_REQUIRED,
                format!("{side} operand of jsonpath operator {op} is not a single numeric value"),
            )),
        }
    }

    fn step(&mut self, step: &Step, items: Vec<Node>, place: Place<'_>) -> Result<Vec<Node>> {
        let mut out = Vec::new();
        // Members, methods and filters look into arrays of themselves unless strict.
        let items = match step {
            Step::Member(_) | Step::AnyMember | Step::Filter(_) => self.unwrapped(items),
            Step::Method(method) if !matches!(method, Method::Type | Method::Size) => {
                self.unwrapped(items)
            }
            _ => items,
        };
        for item in items {
            self.look()?;
            match step {
                Step::Member(name) => match item {
                    Node::Object(members) => {
                        let found = members.into_iter().find(|(key, _)| key == name);
                        match found {
                            Some((_, value)) => out.push(value),
                            None if self.forgiving => {}
                            None => {
                                return Err(Error::new(
                                    NO_MEMBER,
                                    format!("JSON object does not contain key \"{name}\""),
                                ));
                            }
                        }
                    }
                    _ if self.forgiving => {}
                    _ => {
                        return Err(Error::new(
                            NO_MEMBER,
                            "jsonpath member accessor can only be applied to an object",
                        ));
                    }
                },
                Step::AnyMember => match item {
                    Node::Object(members) => out.extend(members.into_iter().map(|(_, v)| v)),
                    _ if self.forgiving => {}
                    _ => {
                        return Err(Error::new(
                            NO_OBJECT,
                            "jsonpath wildcard member accessor can only be applied to an object",
                        ));
                    }
                },
                Step::Descend(from, to) => self.descend(&item, 0, (*from, *to), &mut out)?,
                Step::AnyItem => match item {
                    Node::Array(inner) => out.extend(inner),
                    other if !self.strict => out.push(other),
                    _ if self.forgiving => {}
                    _ => {
                        return Err(Error::new(
                            NO_ARRAY,
                            "jsonpath wildcard array accessor can only be applied to an array",
                        ));
                    }
                },
                Step::Items(subscripts) => {
                    let inner = match item {
                        Node::Array(inner) => inner,
                        other if !self.strict => vec![other],
                        _ => {
                            return Err(Error::new(
                                NO_ARRAY,
                                "jsonpath array accessor can only be applied to an array",
                            ));
                        }
                    };
                    self.subscripted(&inner, subscripts, place, &mut out)?;
                }
                Step::Filter(condition) => {
                    let here = Place {
                        current: &item,
                        last: None,
                    };
                    if self.holds(condition, here)? == Some(true) {
                        out.push(item);
                    }
                }
                Step::Method(method) => self.method(*method, item, &mut out)?,
            }
        }
        // Below `.**` members may be missing here and there.
        if matches!(step, Step::Descend(..)) {
            self.forgiving = true;
        }
        Ok(out)
    }

    fn subscripted(
        &mut self,
        inner: &[Node],
        subscripts: &[(Expr, Option<Expr>)],
        place: Place<'_>,
        out: &mut Vec<Node>,
    ) -> Result<()> {
        for (from, to) in subscripts {
            let here = Place {
                last: Some(inner.len().wrapping_sub(1)),
                ..place
            };
            let from = self.index(from, here)?;
            let to = match to {
                Some(to) => self.index(to, here)?,
                None => from,
            };
            let count = i64::try_from(inner.len()).unwrap_or(i64::MAX);
            if !self.forgiving && (from < 0 || from > to || to >= count) {
                return Err(Error::new(
                    BAD_SUBSCRIPT,
                    "jsonpath array subscript is out of bounds",
                ));
            }
            for at in from.max(0)..=to.min(count - 1) {
                out.extend(
                    usize::try_from(at)
                        .ok()
                        .and_then(|at| inner.get(at))
                        .cloned(),
                );
            }
        }
        Ok(())
    }

    fn index(&mut self, expr: &Expr, place: Place<'_>) -> Result<i64> {
        let items = self.items(expr, place)?;
        let out_of_range = || {
            Error::new(
                BAD_SUBSCRIPT,
                "jsonpath array subscript is out of integer range",
            )
        };
        match items.as_slice() {
            [Node::Number(number)] => {
                let whole = number.trunc(0).to_i64().ok_or_else(out_of_range)?;
                i32::try_from(whole)
                    .map(i64::from)
                    .map_err(|_| out_of_range())
            }
            _ => Err(Error::new(
                BAD_SUBSCRIPT,
                "jsonpath array subscript is not a single numeric value",
            )),
        }
    }

    fn method(&mut self, method: Method, item: Node, out: &mut Vec<Node>) -> Result<()> {
        let numeric = |name: &str| {
            Error::new(
                NOT_NUMERIC,
                format!("jsonpath item method .{name}() can only be applied to a numeric value"),
            )
        };
        match (method, item) {
            (Method::Type, item) => out.push(Node::String(item.type_name().to_owned())),
            (Method::Size, Node::Array(inner)) => out.push(Node::Number(Numeric::from_i64(
                i64::try_from(inner.len()).unwrap_or(i64::MAX),
            ))),
            (Method::Size, _) if !self.strict => out.push(Node::Number(Numeric::from_i64(1))),
            (Method::Size, _) => {
                return Err(Error::new(
                    NO_ARRAY,
                    "jsonpath item method .size() can only be applied to an array",
                ));
            }
            (Method::Double, Node::Number(number)) => {
                out.push(Node::Number(Numeric::from_f64(number.to_f64())));
            }
            (Method::Double, Node::String(text)) => {
                let value = text
                    .trim()
                    .parse::<f64>()
                    .ok()
                    .filter(|value| value.is_finite());
                let value = value.ok_or_else(|| {
                    Error::new(
                        NOT_NUMERIC,
                        "string argument of jsonpath item method .double() is not a valid representation of a double precision number",
                    )
                })?;
                out.push(Node::Number(Numeric::from_f64(value)));
            }
            (Method::Double, _) => {
                return Err(Error::new(
                    NOT_NUMERIC,
                    "jsonpath item method .double() can only be applied to a string or numeric value",
                ));
            }
            (Method::Ceiling, Node::Number(number)) => out.push(Node::Number(number.ceil())),
            (Method::Ceiling, _) => return Err(numeric("ceiling")),
            (Method::Floor, Node::Number(number)) => out.push(Node::Number(number.floor())),
            (Method::Floor, _) => return Err(numeric("floor")),
            (Method::Abs, Node::Number(number)) => out.push(Node::Number(number.abs())),
            (Method::Abs, _) => return Err(numeric("abs")),
            (Method::KeyValue, Node::Object(members)) => {
                for (key, value) in members {
                    out.push(Node::Object(vec![
                        ("id".to_owned(), Node::Number(Numeric::from_i64(0))),
                        ("key".to_owned(), Node::String(key)),
                        ("value".to_owned(), value),
                    ]));
                }
            }
            (Method::KeyValue, _) => {
                return Err(Error::new(
                    NO_OBJECT,
                    "jsonpath item method .keyvalue() can only be applied to an object",
                ));
            }
        }
        Ok(())
    }

    /// `None`: unknown.
    fn holds(&mut self, predicate: &Predicate, place: Place<'_>) -> Result<Option<bool>> {
        self.look()?;
        Ok(match predicate {
            Predicate::And(left, right) => match (self.holds(left, place)?, right) {
                (Some(false), _) => Some(false),
                (left, right) => match (left, self.holds(right, place)?) {
                    (_, Some(false)) => Some(false),
                    (Some(true), Some(true)) => Some(true),
                    _ => None,
                },
            },
            Predicate::Or(left, right) => match self.holds(left, place)? {
                Some(true) => Some(true),
                left => match (left, self.holds(right, place)?) {
                    (_, Some(true)) => Some(true),
                    (Some(false), Some(false)) => Some(false),
                    _ => None,
                },
            },
            Predicate::Not(inner) => self.holds(inner, place)?.map(|truth| !truth),
            Predicate::IsUnknown(inner) => Some(self.holds(inner, place)?.is_none()),
            Predicate::Exists(inner) => match self.asked(inner, place)? {
                Some(items) => Some(!items.is_empty()),
                None => None,
            },
            Predicate::Compare(op, left, right) => {
                let test = |left: &Node, right: &Node| compared(op, left, right);
                self.pairs(left, right, place, test)?
            }
            Predicate::StartsWith(left, right) => {
                self.pairs(left, right, place, |left, right| match (left, right) {
                    (Node::String(text), Node::String(start)) => Some(text.starts_with(start)),
                    _ => None,
                })?
            }
            Predicate::Like(left, pattern, flags) => {
                let mut options = Options {
                    stops: !flags.contains('s'),
                    ..Options::default()
                };
                for flag in flags.chars() {
                    match flag {
                        'i' => options.insensitive = true,
                        's' => {}
                        'm' => options.lines = true,
                        'q' => options.literal = true,
                        other => {
                            return Err(Error::new(
                                state::SYNTAX_ERROR,
                                "invalid input syntax for type jsonpath",
                            )
                            .with_detail(format!(
                                "Unrecognized flag character \"{other}\" in LIKE_REGEX predicate."
                            )));
                        }
                    }
                }
                let regex = are::compiled(pattern, options)?;
                let right = Expr::Literal(Node::Null);
                self.pairs(left, &right, place, |left, _| match left {
                    Node::String(text) => Some(regex.is_match(text)),
                    _ => None,
                })?
            }
            Predicate::Value(expr) => match self.asked(expr, place)?.as_deref() {
                Some([Node::Bool(truth)]) => Some(*truth),
                _ => None,
            },
        })
    }

    /// The items, or `None` for an error in finding them.
    fn asked(&mut self, expr: &Expr, place: Place<'_>) -> Result<Option<Vec<Node>>> {
        match self.items(expr, place) {
            Ok(items) => Ok(Some(items)),
            Err(error) if may_be_silent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether some pair of items passes; unknown if one can't be tested.
    fn pairs(
        &mut self,
        left: &Expr,
        right: &Expr,
        place: Place<'_>,
        test: impl Fn(&Node, &Node) -> Option<bool>,
    ) -> Result<Option<bool>> {
        let (Some(left), Some(right)) = (self.asked(left, place)?, self.asked(right, place)?)
        else {
            return Ok(None);
        };
        let (left, right) = (self.unwrapped(left), self.unwrapped(right));
        let (mut found, mut unknown) = (false, false);
        for left in &left {
            for right in &right {
                match test(left, right) {
                    Some(true) if !self.strict => return Ok(Some(true)),
                    Some(truth) => found |= truth,
                    None if self.strict => return Ok(None),
                    None => unknown = true,
                }
            }
        }
        Ok(match (found, unknown) {
            (true, _) => Some(true),
            (false, true) => None,
            (false, false) => Some(false),
        })
    }
}

fn too_many() -> Error {
    Error::new(
        state::PROGRAM_LIMIT_EXCEEDED,
        "a jsonpath finds too many items",
    )
}

fn compared(op: &str, left: &Node, right: &Node) -> Option<bool> {
    let order = match (left, right) {
        (Node::Null, Node::Null) => Ordering::Equal,
        // null differs from all else, and has no order with it.
        (Node::Null, _) | (_, Node::Null) => return Some(op == "!="),
        (Node::Bool(left), Node::Bool(right)) => left.cmp(right),
        (Node::Number(left), Node::Number(right)) => {
            let difference = left.sub(right).ok()?;
            difference.signum().cmp(&0)
        }
        (Node::String(left), Node::String(right)) => left.cmp(right),
        _ => return None,
    };
    Some(match op {
        "==" => order.is_eq(),
        "!=" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    })
}
