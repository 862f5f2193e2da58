//! `SEARCH DEPTH FIRST BY a SET s` and `CYCLE a SET m USING p` behind a recursive WITH
//! item: written into its query, as PostgreSQL's manual describes it. The rows get the
//! columns s, m and p: the way that led to them, and whether they were on it before.

use super::tokens::{is_word, unexpected};
use super::{parse, visit};
use orbit_core::{Error, Result, state};
use sqlparser::ast::{
    Ident, Query, Select, SelectItem, SetExpr, SetOperator, Statement, TableAliasColumnDef,
    TableFactor, VisitorMut, With,
};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};
use std::ops::ControlFlow;

/// What stands behind one WITH item.
#[derive(Debug)]
pub(super) struct Clauses {
    /// Where the item's bracket closes.
    close: Location,
    search: Option<Search>,
    cycle: Option<Cycle>,
}

#[derive(Debug)]
struct Search {
    depth: bool,
    by: Vec<Ident>,
    sequence: Ident,
}

#[derive(Debug)]
struct Cycle {
    columns: Vec<Ident>,
    mark: Ident,
    /// What the mark is for a row that was there before, and for others.
    found: String,
    other: String,
    path: Ident,
}

/// The tokens without these clauses; `None`: there are none.
pub(super) fn cut(
    text: &str,
    tokens: &[TokenWithSpan],
) -> Result<Option<(Vec<TokenWithSpan>, Vec<Clauses>)>> {
    let mut reader = Reader {
        text,
        tokens,
        at: 0,
    };
    let mut left = Vec::new();
    let mut found = Vec::new();
    while let Some(token) = tokens.get(reader.at) {
        reader.at += 1;
        left.push(token.clone());
        if token.token != Token::RParen {
            continue;
        }
        let search = match reader.is_search() {
            true => Some(reader.search()?),
            false => None,
        };
        let cycle = match reader.is_cycle() {
            true => Some(reader.cycle()?),
            false => None,
        };
        if search.is_some() || cycle.is_some() {
            found.push(Clauses {
                close: token.span.start,
                search,
                cycle,
            });
        }
    }
    Ok((!found.is_empty()).then_some((left, found)))
}

struct Reader<'t> {
    text: &'t str,
    tokens: &'t [TokenWithSpan],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self, n: usize) -> Option<&Token> {
        self.tokens.get(self.at + n).map(|token| &token.token)
    }

    fn is(&self, n: usize, word: &str) -> bool {
        is_word(self.peek(n), word)
    }

    fn is_search(&self) -> bool {
        self.is(0, "search")
            && (self.is(1, "depth") || self.is(1, "breadth"))
            && self.is(2, "first")
    }

    /// `CYCLE a, ...` or `CYCLE a SET`, which no alias is followed by.
    fn is_cycle(&self) -> bool {
        self.is(0, "cycle")
            && matches!(self.peek(1), Some(Token::Word(_)))
            && (self.is(2, "set") || self.peek(2) == Some(&Token::Comma))
    }

    fn expect(&mut self, word: &str) -> Result<()> {
        match self.is(0, word) {
            true => {
                self.at += 1;
                Ok(())
            }
            false => Err(unexpected(self.text, self.tokens.get(self.at))),
        }
    }

    fn ident(&mut self) -> Result<Ident> {
        match self.peek(0) {
            Some(Token::Word(word)) => {
                let ident = Ident {
                    value: word.value.clone(),
                    quote_style: word.quote_style,
                    span: sqlparser::tokenizer::Span::empty(),
                };
                self.at += 1;
                Ok(ident)
            }
            _ => Err(unexpected(self.text, self.tokens.get(self.at))),
        }
    }

    fn idents(&mut self) -> Result<Vec<Ident>> {
        let mut idents = vec![self.ident()?];
        while self.peek(0) == Some(&Token::Comma) {
            self.at += 1;
            idents.push(self.ident()?);
        }
        Ok(idents)
    }

    fn search(&mut self) -> Result<Search> {
        let depth = self.is(1, "depth");
        self.at += 3;
        self.expect("by")?;
        let by = self.idents()?;
        self.expect("set")?;
        let sequence = self.ident()?;
        Ok(Search {
            depth,
            by,
            sequence,
        })
    }

    fn cycle(&mut self) -> Result<Cycle> {
        self.at += 1;
        let columns = self.idents()?;
        self.expect("set")?;
        let mark = self.ident()?;
        let (mut found, mut other) = ("true".to_owned(), "false".to_owned());
        if self.is(0, "to") {
            self.at += 1;
            found = self.constant("default")?;
            self.expect("default")?;
            other = self.constant("using")?;
        }
        self.expect("using")?;
        let path = self.ident()?;
        Ok(Cycle {
            columns,
            mark,
            found,
            other,
            path,
        })
    }

    /// What stands before the word, as text.
    fn constant(&mut self, until: &str) -> Result<String> {
        let mut words = Vec::new();
        while let Some(token) = self.peek(0) {
            if is_word(Some(token), until) {
                break;
            }
            words.push(token.to_string());
            self.at += 1;
        }
        match words.is_empty() {
            true => Err(unexpected(self.text, self.tokens.get(self.at))),
            false => Ok(words.join(" ")),
        }
    }
}

/// Writes the clauses into the queries they stand behind.
pub(super) fn apply(statement: &mut Statement, clauses: Vec<Clauses>) -> Result<()> {
    struct Rewriter {
        clauses: Vec<Clauses>,
    }

    impl VisitorMut for Rewriter {
        type Break = Error;

        fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
            let Some(with) = &mut query.with else {
                return ControlFlow::Continue(());
            };
            match self.items(with) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            }
        }
    }

    impl Rewriter {
        fn items(&mut self, with: &mut With) -> Result<()> {
            let recursive = with.recursive;
            for item in &mut with.cte_tables {
                let close = item.closing_paren_token.0.span.start;
                let Some(at) = self.clauses.iter().position(|one| one.close == close) else {
                    continue;
                };
                let clauses = self.clauses.swap_remove(at);
                let name = item.alias.name.clone();
                if !recursive || !mentions(&item.query, &name) {
                    return Err(Error::new(
                        state::SYNTAX_ERROR,
                        "WITH query is not recursive",
                    ));
                }
                let given = item.alias.columns.iter().map(|column| column.name.clone());
                let given: Vec<Ident> = given.collect();
                let added = rewrite(&mut item.query, &name, &given, &clauses)?;
                if !given.is_empty() {
                    let added = added.into_iter().map(|name| TableAliasColumnDef {
                        name,
                        data_type: None,
                    });
                    item.alias.columns.extend(added);
                }
            }
            Ok(())
        }
    }

    let mut rewriter = Rewriter { clauses };
    match visit::visit_mut(statement, &mut rewriter) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => match rewriter.clauses.is_empty() {
            true => Ok(()),
            false => Err(Error::new(
                state::SYNTAX_ERROR,
                "syntax error at or near \"SEARCH\"",
            )),
        },
    }
}

fn folded(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

fn mentions(query: &Query, name: &Ident) -> bool {
    let wanted = folded(name);
    visit::relations(query, |relation| match relation.0.as_slice() {
        [part] if part.as_ident().is_some_and(|part| folded(part) == wanted) => {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    })
    .is_break()
}

/// The new columns' names; the query gives them from here on.
fn rewrite(
    query: &mut Query,
    name: &Ident,
    given: &[Ident],
    clauses: &Clauses,
) -> Result<Vec<Ident>> {
    let SetExpr::SetOperation {
        op: SetOperator::Union,
        left,
        right,
        ..
    } = query.body.as_mut()
    else {
        return Ok(added(clauses));
    };
    let first = match left.as_ref() {
        SetExpr::Select(first) => first.projection.as_slice(),
        SetExpr::Values(_) if !given.is_empty() => &[],
        _ => return Err(side("left")),
    };
    let SetExpr::Select(step) = right.as_mut() else {
        return Err(side("right"));
    };
    let columns = columns_of(first, given)?;
    check(clauses, &columns)?;
    let reference = reference_to(step, name).ok_or_else(|| {
        Error::new(
            state::FEATURE_NOT_SUPPORTED,
            format!(
                "with a SEARCH or CYCLE clause, the recursive reference to WITH query \"{}\" must be at the top level of its right-hand SELECT",
                folded(name)
            ),
        )
    })?;
    let new = added(clauses);
    for column in &new {
        let expr = parse::expression(&format!("{reference}.{}", quoted(column)))?;
        step.projection.push(SelectItem::ExprWithAlias {
            expr,
            alias: Ident::with_quote('"', folded(column)),
        });
    }
    let names = list(columns.iter().map(quoted));
    let all = |side: &str| {
        list(
            columns
                .iter()
                .map(|name| format!("{side}.{}", quoted(name))),
        )
    };
    let row = |side: &str, by: &[Ident]| {
        let items = by.iter().map(|name| format!("{side}.{}", quoted(name)));
        format!("ROW({})", list(items))
    };
    let (l, r) = ("\"*TLOCRN*\"", "\"*TROCRN*\"");
    let mut begun = vec![all(l)];
    let mut went_on = vec![all(r)];
    let mut condition = String::new();
    if let Some(search) = &clauses.search {
        let (sequence, by) = (quoted(&search.sequence), &search.by);
        let (start, next) = match search.depth {
            true => (
                format!("ARRAY[{}]", row(l, by)),
                format!("{r}.{sequence} || ARRAY[{}]", row(r, by)),
            ),
            false => {
                let fields =
                    |side: &str| list(by.iter().map(|name| format!("{side}.{}", quoted(name))));
                (
                    format!("ROW(CAST(0 AS bigint), {})", fields(l)),
                    format!("ROW(({r}.{sequence}).f1 + 1, {})", fields(r)),
                )
            }
        };
        begun.push(format!("{start} AS {sequence}"));
        went_on.push(format!("{next} AS {sequence}"));
    }
    if let Some(cycle) = &clauses.cycle {
        let (mark, path) = (quoted(&cycle.mark), quoted(&cycle.path));
        let (found, other) = (&cycle.found, &cycle.other);
        begun.push(format!("{other} AS {mark}"));
        begun.push(format!("ARRAY[{}] AS {path}", row(l, &cycle.columns)));
        let here = row(r, &cycle.columns);
        went_on.push(format!(
            "CASE WHEN {here} = ANY ({r}.{path}) THEN {found} ELSE {other} END AS {mark}"
        ));
        went_on.push(format!("{r}.{path} || ARRAY[{here}] AS {path}"));
        condition = format!(" WHERE {r}.{mark} <> {found}");
    }
    let inner = list(columns.iter().chain(&new).map(quoted));
    let begun = format!("SELECT {} FROM (SELECT 1) AS {l}({names})", list(begun));
    let went_on = format!(
        "SELECT {} FROM (SELECT 1) AS {r}({inner}){condition}",
        list(went_on)
    );
    around(left, &begun)?;
    around(right, &went_on)?;
    Ok(new)
}

fn side(which: &str) -> Error {
    Error::new(
        state::FEATURE_NOT_SUPPORTED,
        format!("with a SEARCH or CYCLE clause, the {which} side of the UNION must be a SELECT"),
    )
}

fn added(clauses: &Clauses) -> Vec<Ident> {
    let search = clauses.search.iter().map(|search| search.sequence.clone());
    let cycle = clauses.cycle.iter();
    let cycle = cycle.flat_map(|cycle| [cycle.mark.clone(), cycle.path.clone()]);
    search.chain(cycle).collect()
}

fn list(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(", ")
}

fn quoted(ident: &Ident) -> String {
    format!("\"{}\"", folded(ident).replace('"', "\"\""))
}

/// The item's columns: by the names given to it, else by those its first query gives.
fn columns_of(first: &[SelectItem], given: &[Ident]) -> Result<Vec<Ident>> {
    use sqlparser::ast::Expr;
    let mut columns = given.to_vec();
    for item in first.iter().skip(given.len()) {
        let name = match item {
            SelectItem::ExprWithAlias { alias, .. } => Some(alias.clone()),
            SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name.clone()),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(path)) => path.last().cloned(),
            _ => None,
        };
        columns.push(name.ok_or_else(|| {
            Error::unsupported("SEARCH or CYCLE behind a WITH item whose columns have no names")
                .with_hint("Write the names of its columns behind the item's.")
        })?);
    }
    Ok(columns)
}

fn check(clauses: &Clauses, columns: &[Ident]) -> Result<()> {
    let is_there = |name: &Ident| columns.iter().any(|known| folded(known) == folded(name));
    let refused = |text: String| Err(Error::new(state::SYNTAX_ERROR, text));
    let by = |what: &str, names: &[Ident]| {
        for (at, name) in names.iter().enumerate() {
            let shown = folded(name);
            if !is_there(name) {
                return refused(format!(
                    "{what} column \"{shown}\" not in WITH query column list"
                ));
            }
            if names.iter().take(at).any(|before| folded(before) == shown) {
                return Err(Error::new(
                    state::DUPLICATE_COLUMN,
                    format!("{what} column \"{shown}\" specified more than once"),
                ));
            }
        }
        Ok(())
    };
    let free = |what: &str, name: &Ident| match is_there(name) {
        true => refused(format!(
            "{what} column name \"{}\" already used in WITH query column list",
            folded(name)
        )),
        false => Ok(()),
    };
    let apart = |one: (&str, &Ident), other: (&str, &Ident)| match folded(one.1) == folded(other.1)
    {
        true => refused(format!(
            "{} column name and {} column name are the same",
            one.0, other.0
        )),
        false => Ok(()),
    };
    if let Some(search) = &clauses.search {
        by("search", &search.by)?;
        free("search sequence", &search.sequence)?;
    }
    if let Some(cycle) = &clauses.cycle {
        by("cycle", &cycle.columns)?;
        free("cycle mark", &cycle.mark)?;
        free("cycle path", &cycle.path)?;
        apart(("cycle mark", &cycle.mark), ("cycle path", &cycle.path))?;
        if let Some(search) = &clauses.search {
            let sequence = ("search sequence", &search.sequence);
            apart(sequence, ("cycle mark", &cycle.mark))?;
            apart(sequence, ("cycle path", &cycle.path))?;
        }
    }
    Ok(())
}

/// What the item is called in the FROM of its own step.
fn reference_to(step: &Select, name: &Ident) -> Option<String> {
    let wanted = folded(name);
    let factors = step.from.iter().flat_map(|from| {
        let joined = from.joins.iter().map(|join| &join.relation);
        std::iter::once(&from.relation).chain(joined)
    });
    factors.into_iter().find_map(|factor| match factor {
        TableFactor::Table {
            name: found, alias, ..
        } => match found.0.as_slice() {
            [part] if part.as_ident().is_some_and(|part| folded(part) == wanted) => {
                let alias = alias.as_ref().map_or(name, |alias| &alias.name);
                Some(quoted(alias))
            }
            _ => None,
        },
        _ => None,
    })
}

/// Puts a query around the one that is there: in place of its only derived table.
fn around(body: &mut SetExpr, sql: &str) -> Result<()> {
    let missing = || Error::internal("a query that was written here can't be read");
    let Statement::Query(outer) = parse::row_statement(sql)? else {
        return Err(missing());
    };
    let SetExpr::Select(mut select) = *outer.body else {
        return Err(missing());
    };
    let Some(TableFactor::Derived { subquery, .. }) =
        select.from.first_mut().map(|from| &mut from.relation)
    else {
        return Err(missing());
    };
    let inner = std::mem::replace(
        body,
        SetExpr::Values(sqlparser::ast::Values {
            explicit_row: false,
            value_keyword: false,
            rows: Vec::new(),
        }),
    );
    subquery.body = Box::new(inner);
    *body = SetExpr::Select(select);
    Ok(())
}
