//! What a view's names mean is settled when it is made: its text names every relation by its
//! schema, and those in constants of type regclass by their oids. What a search path says
//! later, and a temporary table of a reader's, is nothing to it.

use crate::settings::Settings;
use crate::statement::names::{Name, fold, undefined_table};
use crate::statement::parse::row_statement;
use crate::statement::visit;
use orbit_core::catalog::{Catalog, Relation};
use orbit_core::types::Oid;
use orbit_core::{Error, Result};
use sqlparser::ast::{
    CastKind, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName,
    Query, SetExpr, Statement, TableFactor, Value, VisitorMut,
};
use std::ops::ControlFlow;

/// The schema in which names without one are looked for first or last, and always.
const SYSTEM: &str = "pg_catalog";

/// Settles a query's names; gives the relations of the catalog that it leans on.
pub(crate) fn settle(
    catalog: &Catalog,
    settings: &Settings,
    query: &mut Query,
) -> Result<Vec<Oid>> {
    let mut settler = Settler {
        catalog,
        settings,
        scopes: Scopes::default(),
        reads: Vec::new(),
    };
    match visit::visit_mut(query, &mut settler) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(settler.reads),
    }
}

/// An error for a text that, when it is read again, has a name that is still to be looked
/// for: nothing that is stored may depend on who reads it.
pub(super) fn require_settled(text: &str) -> Result<()> {
    struct Loose(Scopes);
    impl VisitorMut for Loose {
        type Break = String;
        fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<String> {
            self.0.enter(query);
            match has_table(&query.body) {
                true => ControlFlow::Break(query.body.to_string()),
                false => ControlFlow::Continue(()),
            }
        }
        fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<String> {
            self.0.leave();
            ControlFlow::Continue(())
        }
        fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<String> {
            self.0.factor(factor);
            ControlFlow::Continue(())
        }
        fn pre_visit_relation(&mut self, name: &mut ObjectName) -> ControlFlow<String> {
            match self.0.is_relation(name) && name.0.len() < 2 {
                true => ControlFlow::Break(name.to_string()),
                false => ControlFlow::Continue(()),
            }
        }
    }
    let mut statement = row_statement(text)?;
    match visit::visit_mut(&mut statement, &mut Loose(Scopes::default())) {
        ControlFlow::Continue(()) if matches!(statement, Statement::Query(_)) => Ok(()),
        ControlFlow::Continue(()) => Err(Error::internal("a view's query would not be one")),
        ControlFlow::Break(name) => Err(Error::internal(format!(
            "the view's text would name relation {name} without its schema"
        ))),
    }
}

/// The queries around a place, and which of their WITH items it sees.
#[derive(Default)]
struct Scopes {
    around: Vec<Scope>,
    /// The next relation's name is a function's.
    called: bool,
}

struct Scope {
    items: Vec<String>,
    recursive: bool,
    /// How many of the queries directly in it are done: the items' come first, in their order.
    done: usize,
}

impl Scopes {
    fn enter(&mut self, query: &Query) {
        let items = query.with.iter().flat_map(|with| &with.cte_tables);
        self.around.push(Scope {
            items: items.map(|item| fold(&item.alias.name)).collect(),
            recursive: query.with.as_ref().is_some_and(|with| with.recursive),
            done: 0,
        });
    }

    fn leave(&mut self) {
        self.around.pop();
        if let Some(outer) = self.around.last_mut() {
            outer.done += 1;
        }
    }

    fn factor(&mut self, factor: &TableFactor) {
        self.called = matches!(factor, TableFactor::Table { args: Some(_), .. });
    }

    /// Whether this names a relation, rather than a function or an item of WITH.
    fn is_relation(&mut self, name: &ObjectName) -> bool {
        if std::mem::take(&mut self.called) {
            return false;
        }
        let [part] = name.0.as_slice() else {
            return true;
        };
        let Some(ident) = part.as_ident() else {
            return true;
        };
        let name = fold(ident);
        // An item sees those before it, and itself if it may be recursive.
        let sees = |scope: &Scope| {
            let seen = scope.done + usize::from(scope.recursive);
            scope.items.iter().take(seen).any(|item| *item == name)
        };
        !self.around.iter().any(sees)
    }
}

/// Whether a query has `TABLE t` for its body, or a part of that. It is respelled before it
/// is read, and what would be read so all the same shows its name to no visitor.
fn has_table(body: &SetExpr) -> bool {
    match body {
        SetExpr::Table(_) => true,
        SetExpr::SetOperation { left, right, .. } => has_table(left) || has_table(right),
        _ => false,
    }
}

struct Settler<'a> {
    catalog: &'a Catalog,
    settings: &'a Settings,
    scopes: Scopes,
    reads: Vec<Oid>,
}

impl<'a> Settler<'a> {
    fn find(&self, name: &Name) -> Option<Relation<'a>> {
        match &name.schema {
            Some(schema) => {
                let schema = self.settings.schema(schema)?;
                self.catalog.relation(schema, &name.name)
            }
            None => name.relation(self.catalog, self.settings),
        }
    }

    fn reads(&mut self, oid: Oid) {
        if !self.reads.contains(&oid) {
            self.reads.push(oid);
        }
    }

    /// The name of a constant of type regclass becomes the oid.
    fn constant(&mut self, value: &mut Value) -> Result<()> {
        let Value::SingleQuotedString(text) = value else {
            return Ok(());
        };
        if text.parse::<Oid>().is_ok() {
            return Ok(());
        }
        let Some(name) = Name::parse(text) else {
            return Ok(());
        };
        match self.find(&name) {
            Some(relation) => {
                let oid = relation.oid();
                self.reads(oid);
                *text = oid.to_string();
                Ok(())
            }
            None if is_system(&name) => Ok(()),
            None => Err(undefined_table(name.schema.as_deref(), &name.name)),
        }
    }

    fn settle(&mut self, expr: &mut Expr) -> Result<()> {
        match expr {
            Expr::Cast {
                expr, data_type, ..
            } if is_regclass(data_type) => match literal(expr) {
                Some(value) => self.constant(value),
                None => Ok(()),
            },
            Expr::TypedString(typed) if is_regclass(&typed.data_type) => {
                self.constant(&mut typed.value.value)
            }
            Expr::Function(call) => {
                let name = call.name.0.last().and_then(|part| part.as_ident());
                let name = name.map(fold).unwrap_or_default();
                if !OF_RELATIONS.contains(&name.as_str()) {
                    return Ok(());
                }
                let FunctionArguments::List(list) = &mut call.args else {
                    return Ok(());
                };
                let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(first))) =
                    list.args.first_mut()
                else {
                    return Ok(());
                };
                let Some(value) = literal(first) else {
                    return Ok(());
                };
                self.constant(value)?;
                let constant = std::mem::replace(first, Expr::value(Value::Null));
                *first = Expr::Cast {
                    kind: CastKind::DoubleColon,
                    expr: Box::new(constant),
                    data_type: DataType::Regclass,
                    array: false,
                    format: None,
                };
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Functions whose first argument is of type regclass.
const OF_RELATIONS: [&str; 8] = [
    "nextval",
    "currval",
    "setval",
    "pg_relation_size",
    "pg_table_size",
    "pg_indexes_size",
    "pg_total_relation_size",
    "pg_relation_filenode",
];

fn is_regclass(data_type: &DataType) -> bool {
    match data_type {
        DataType::Regclass => true,
        DataType::Custom(name, _) => {
            let last = name.0.last().and_then(|part| part.as_ident());
            last.is_some_and(|name| fold(name) == "regclass")
        }
        _ => false,
    }
}

fn literal(expr: &mut Expr) -> Option<&mut Value> {
    match expr {
        Expr::Nested(inner) => literal(inner),
        Expr::Value(value) => Some(&mut value.value),
        _ => None,
    }
}

#[cfg(feature = "datafusion")]
fn is_system(name: &Name) -> bool {
    let schema = name.schema.as_deref().unwrap_or(SYSTEM);
    crate::pg_catalog::fields(schema, &name.name).is_some()
}

#[cfg(not(feature = "datafusion"))]
fn is_system(_: &Name) -> bool {
    false
}

impl VisitorMut for Settler<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        self.scopes.enter(query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Error> {
        self.scopes.leave();
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        self.scopes.factor(factor);
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &mut ObjectName) -> ControlFlow<Error> {
        if !self.scopes.is_relation(name) {
            return ControlFlow::Continue(());
        }
        let parsed = match Name::of(name) {
            Ok(parsed) => parsed,
            Err(error) => return ControlFlow::Break(error),
        };
        let (schema, oid) = match self.find(&parsed) {
            Some(Relation::Table(table)) => (table.schema.as_str(), Some(table.oid)),
            Some(Relation::View(view)) => (view.schema.as_str(), Some(view.oid)),
            Some(Relation::Sequence(sequence)) => (sequence.schema.as_str(), Some(sequence.oid)),
            None if parsed.schema.is_none() && is_system(&parsed) => (SYSTEM, None),
            // Nothing that has rows: binding tells.
            _ => return ControlFlow::Continue(()),
        };
        let quoted = |name: &str| Ident::with_quote('"', name);
        *name = ObjectName::from(vec![quoted(schema), quoted(&parsed.name)]);
        if let Some(oid) = oid {
            self.reads(oid);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        match self.settle(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}
