//! SQL/JSON paths: `jsonb_path_query` and its kin, `@?` and `@@`.
//!
//! A path is parsed ([`parse`]) into steps and run ([`run`]) over a document that is
//! taken apart once ([`node`]).

mod node;
mod parse;
mod run;

use super::{Args, Env, Function, T, arg, function};
use lru::LruCache;
use node::Node;
use orbit_core::types::SqlType;
use orbit_core::value::{Array, Value, ValueRef};
use orbit_core::{Error, Result, state};
use parse::Path;
use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::rc::Rc;

const CACHED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);

thread_local! {
    static PARSED: RefCell<LruCache<String, Rc<Path>>> = RefCell::new(LruCache::new(CACHED));
}

fn parsed(text: &str) -> Result<Rc<Path>> {
    PARSED.with(|cache| {
        let mut cache = cache.borrow_mut();
        if let Some(known) = cache.get(text) {
            return Ok(known.clone());
        }
        let path = Rc::new(parse::path(text)?);
        cache.put(text.to_owned(), path.clone());
        Ok(path)
    })
}

/// What the path finds; `None`: an error that is to be kept silent about.
fn found(args: Args, silent: bool) -> Result<Option<Vec<Node>>> {
    let path = parsed(arg::text(args, 1)?)?;
    let document = Node::read(arg::text(args, 0)?)?;
    let variables = match args.get(2) {
        Some(_) => match Node::read(arg::text(args, 2)?)? {
            Node::Object(members) => members,
            _ => {
                return Err(Error::new(
                    state::INVALID_PARAMETER_VALUE,
                    "\"vars\" argument is not an object",
                )
                .with_detail(
                    "Jsonpath parameters should be encoded as key-value pairs of \"vars\" object.",
                ));
            }
        },
        None => Vec::new(),
    };
    let silent = silent || matches!(args.get(3), Some(ValueRef::Bool(true)));
    match run::run(&path, &document, &variables) {
        Ok(items) => Ok(Some(items)),
        Err(error) if silent && run::may_be_silent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn query(args: Args, _: &Env) -> Result<Value> {
    let items = found(args, false)?.unwrap_or_default();
    let items = items.iter().map(|item| Value::Text(item.shown())).collect();
    Ok(Value::Array(Array::new(SqlType::Jsonb, items)))
}

fn query_array(args: Args, _: &Env) -> Result<Value> {
    let items = found(args, false)?.unwrap_or_default();
    Ok(Value::Text(Node::Array(items).shown()))
}

fn query_first(args: Args, _: &Env) -> Result<Value> {
    let items = found(args, false)?.unwrap_or_default();
    let first = items.first();
    Ok(first.map_or(Value::Null, |item| Value::Text(item.shown())))
}

fn exists(args: Args, _: &Env) -> Result<Value> {
    Ok(found(args, false)?.map_or(Value::Null, |items| Value::Bool(!items.is_empty())))
}

fn exists_silently(args: Args, _: &Env) -> Result<Value> {
    Ok(found(args, true)?.map_or(Value::Null, |items| Value::Bool(!items.is_empty())))
}

fn truth(items: Option<Vec<Node>>, silent: bool) -> Result<Value> {
    match items.as_deref() {
        Some([Node::Bool(truth)]) => Ok(Value::Bool(*truth)),
        Some([Node::Null]) | None => Ok(Value::Null),
        Some(_) if silent => Ok(Value::Null),
        Some(_) => Err(Error::new(
            run::SINGLETON_REQUIRED,
            "single boolean result is expected",
        )),
    }
}

fn matched(args: Args, _: &Env) -> Result<Value> {
    let silent = matches!(args.get(3), Some(ValueRef::Bool(true)));
    truth(found(args, silent)?, silent)
}

fn matched_silently(args: Args, _: &Env) -> Result<Value> {
    truth(found(args, true)?, true)
}

const J: T = T::Jsonb;
const P: T = T::Text;

pub const FUNCTIONS: &[Function] = &[
    function("@?", &[J, P], T::Bool, exists_silently),
    function("@@", &[J, P], T::Bool, matched_silently),
    function("jsonb_path_exists", &[J, P], T::Bool, exists),
    function("jsonb_path_exists", &[J, P, J], T::Bool, exists),
    function("jsonb_path_exists", &[J, P, J, T::Bool], T::Bool, exists),
    function("jsonb_path_exists_opr", &[J, P], T::Bool, exists_silently),
    function("jsonb_path_match", &[J, P], T::Bool, matched),
    function("jsonb_path_match", &[J, P, J], T::Bool, matched),
    function("jsonb_path_match", &[J, P, J, T::Bool], T::Bool, matched),
    function("jsonb_path_match_opr", &[J, P], T::Bool, matched_silently),
    function("jsonb_path_query", &[J, P], T::Jsonbs, query),
    function("jsonb_path_query", &[J, P, J], T::Jsonbs, query),
    function("jsonb_path_query", &[J, P, J, T::Bool], T::Jsonbs, query),
    function("jsonb_path_query_array", &[J, P], J, query_array),
    function("jsonb_path_query_array", &[J, P, J], J, query_array),
    function(
        "jsonb_path_query_array",
        &[J, P, J, T::Bool],
        J,
        query_array,
    ),
    function("jsonb_path_query_first", &[J, P], J, query_first),
    function("jsonb_path_query_first", &[J, P, J], J, query_first),
    function(
        "jsonb_path_query_first",
        &[J, P, J, T::Bool],
        J,
        query_first,
    ),
];
