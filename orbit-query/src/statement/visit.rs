//! Walks through statements.
//!
//! sqlparser's traversal is generic over its visitor, and every visitor would bring a
//! copy of some 350 functions into the program: thirty visitors were half of this
//! crate's code. Here one copy walks for all of them, by a table of functions.

use sqlparser::ast::{
    Expr, ObjectName, Query, Select, Statement, TableFactor, ValueWithSpan, Visit, VisitMut,
    Visitor, VisitorMut,
};
use std::ops::ControlFlow;

/// A visitor trait without its type of break, and what stands in for a visitor of it.
macro_rules! erased {
    ($visitor:ident, $erased:ident, $any:ident, $kept:ident;
     $($method:ident($node:ty)),* $(,)?) => {
        trait $erased {
            $(fn $method(&mut self, node: $node) -> ControlFlow<()>;)*
        }

        /// A visitor, and what it broke off with.
        struct $kept<'v, V: $visitor> {
            visitor: &'v mut V,
            broke: Option<V::Break>,
        }

        impl<V: $visitor> $erased for $kept<'_, V> {
            $(fn $method(&mut self, node: $node) -> ControlFlow<()> {
                match self.visitor.$method(node) {
                    ControlFlow::Continue(()) => ControlFlow::Continue(()),
                    ControlFlow::Break(with) => {
                        self.broke = Some(with);
                        ControlFlow::Break(())
                    }
                }
            })*
        }

        struct $any<'v>(&'v mut dyn $erased);

        impl $visitor for $any<'_> {
            type Break = ();

            $(fn $method(&mut self, node: $node) -> ControlFlow<()> {
                self.0.$method(node)
            })*
        }
    };
}

erased! {
    Visitor, Erased, AnyVisitor, Kept;
    pre_visit_query(&Query),
    post_visit_query(&Query),
    pre_visit_select(&Select),
    post_visit_select(&Select),
    pre_visit_relation(&ObjectName),
    post_visit_relation(&ObjectName),
    pre_visit_table_factor(&TableFactor),
    post_visit_table_factor(&TableFactor),
    pre_visit_expr(&Expr),
    post_visit_expr(&Expr),
    pre_visit_statement(&Statement),
    post_visit_statement(&Statement),
    pre_visit_value(&ValueWithSpan),
    post_visit_value(&ValueWithSpan),
}

erased! {
    VisitorMut, ErasedMut, AnyVisitorMut, KeptMut;
    pre_visit_query(&mut Query),
    post_visit_query(&mut Query),
    pre_visit_select(&mut Select),
    post_visit_select(&mut Select),
    pre_visit_relation(&mut ObjectName),
    post_visit_relation(&mut ObjectName),
    pre_visit_table_factor(&mut TableFactor),
    post_visit_table_factor(&mut TableFactor),
    pre_visit_expr(&mut Expr),
    post_visit_expr(&mut Expr),
    pre_visit_statement(&mut Statement),
    post_visit_statement(&mut Statement),
    pre_visit_value(&mut ValueWithSpan),
    post_visit_value(&mut ValueWithSpan),
}

/// Walks through `node`.
pub fn visit<V: Visitor>(node: &impl Visit, visitor: &mut V) -> ControlFlow<V::Break> {
    let mut kept = Kept {
        visitor,
        broke: None,
    };
    let _ = node.visit(&mut AnyVisitor(&mut kept));
    kept.broke
        .map_or(ControlFlow::Continue(()), ControlFlow::Break)
}

/// Walks through `node`, which the visitor may change.
pub fn visit_mut<V: VisitorMut>(
    node: &mut impl VisitMut,
    visitor: &mut V,
) -> ControlFlow<V::Break> {
    let mut kept = KeptMut {
        visitor,
        broke: None,
    };
    let _ = node.visit(&mut AnyVisitorMut(&mut kept));
    kept.broke
        .map_or(ControlFlow::Continue(()), ControlFlow::Break)
}

/// Calls `each` for every expression, the outer before those in it.
pub fn expressions<B>(
    node: &impl Visit,
    each: impl FnMut(&Expr) -> ControlFlow<B>,
) -> ControlFlow<B> {
    struct Each<F>(F);

    impl<B, F: FnMut(&Expr) -> ControlFlow<B>> Visitor for Each<F> {
        type Break = B;

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<B> {
            self.0(expr)
        }
    }

    visit(node, &mut Each(each))
}

/// Calls `each` for every expression, the outer after those in it.
pub fn expressions_mut<B>(
    node: &mut impl VisitMut,
    each: impl FnMut(&mut Expr) -> ControlFlow<B>,
) -> ControlFlow<B> {
    struct Each<F>(F);

    impl<B, F: FnMut(&mut Expr) -> ControlFlow<B>> VisitorMut for Each<F> {
        type Break = B;

        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<B> {
            self.0(expr)
        }
    }

    visit_mut(node, &mut Each(each))
}

/// Calls `each` for every relation's name.
pub fn relations<B>(
    node: &impl Visit,
    each: impl FnMut(&ObjectName) -> ControlFlow<B>,
) -> ControlFlow<B> {
    struct Each<F>(F);

    impl<B, F: FnMut(&ObjectName) -> ControlFlow<B>> Visitor for Each<F> {
        type Break = B;

        fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<B> {
            self.0(name)
        }
    }

    visit(node, &mut Each(each))
}

/// Calls `each` for every relation's name.
pub fn relations_mut<B>(
    node: &mut impl VisitMut,
    each: impl FnMut(&mut ObjectName) -> ControlFlow<B>,
) -> ControlFlow<B> {
    struct Each<F>(F);

    impl<B, F: FnMut(&mut ObjectName) -> ControlFlow<B>> VisitorMut for Each<F> {
        type Break = B;

        fn post_visit_relation(&mut self, name: &mut ObjectName) -> ControlFlow<B> {
            self.0(name)
        }
    }

    visit_mut(node, &mut Each(each))
}
