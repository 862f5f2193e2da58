//! Trees that nobody wrote.

use sqlparser::ast::{Query, SetExpr, With};

/// A query without any clause behind its body.
pub(crate) fn plain_query(with: Option<With>, body: SetExpr) -> Query {
    Query {
        with,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}
