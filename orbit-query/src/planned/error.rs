//! Errors across the border to DataFusion: ours travel inside its own, its own
//! get PostgreSQL's codes.

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use orbit_core::{Error, state};

/// Our error, carried through DataFusion unharmed.
pub fn to_datafusion(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

pub fn from_datafusion(error: DataFusionError) -> Error {
    translate(&error)
}

fn translate(error: &DataFusionError) -> Error {
    match error {
        DataFusionError::External(inner) => {
            if let Some(ours) = inner.downcast_ref::<Error>() {
                return ours.clone();
            }
            if let Some(theirs) = inner.downcast_ref::<DataFusionError>() {
                return translate(theirs);
            }
            if let Some(arrow) = inner.downcast_ref::<ArrowError>() {
                return of_arrow(arrow);
            }
            Error::internal(inner.to_string())
        }
        DataFusionError::ArrowError(arrow, _) => of_arrow(arrow),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
            translate(inner)
        }
        DataFusionError::Shared(inner) => translate(inner),
        DataFusionError::Collection(all) => all.first().map_or_else(
            || Error::internal("several errors, none of them told"),
            translate,
        ),
        DataFusionError::ResourcesExhausted(message) if message.contains("disk space") => {
            Error::new(
                state::DISK_FULL,
                "no space left for a query's temporary files",
            )
            .with_detail(message.clone())
            .with_hint("Free disk space, or let the query sort, group or join fewer rows.")
        }
        DataFusionError::ResourcesExhausted(message) => {
            Error::new(state::OUT_OF_MEMORY, "out of memory")
                .with_detail(message.clone())
                .with_hint(
                    "Join, group or sort fewer rows or columns at once, run fewer queries \
                     beside it (edge.resources.max_queries), or raise \
                     edge.resources.memory_limit.",
                )
        }
        DataFusionError::NotImplemented(message) => Error::new(
            state::FEATURE_NOT_SUPPORTED,
            format!("not supported: {message}"),
        ),
        DataFusionError::Plan(message) => of_plan(message),
        DataFusionError::IoError(error) => {
            Error::from(std::io::Error::new(error.kind(), error.to_string()))
        }
        DataFusionError::Execution(message) => of_execution(message),
        other => Error::internal(other.strip_backtrace()),
    }
}

fn of_arrow(error: &ArrowError) -> Error {
    match error {
        ArrowError::DivideByZero => division_by_zero(),
        ArrowError::ArithmeticOverflow(message) => overflow(message),
        ArrowError::ExternalError(inner) => {
            if let Some(ours) = inner.downcast_ref::<Error>() {
                return ours.clone();
            }
            if let Some(theirs) = inner.downcast_ref::<DataFusionError>() {
                return translate(theirs);
            }
            Error::internal(inner.to_string())
        }
        ArrowError::InvalidArgumentError(message)
            if message.contains("too large to store") || message.contains("too small to store") =>
        {
            Error::new(state::NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow")
                .with_detail(message.clone())
        }
        ArrowError::CastError(message) => {
            Error::new(state::INVALID_TEXT_REPRESENTATION, message.clone())
        }
        ArrowError::MemoryError(message) => {
            Error::new(state::OUT_OF_MEMORY, "out of memory").with_detail(message.clone())
        }
        other => Error::internal(other.to_string()),
    }
}

pub fn division_by_zero() -> Error {
    Error::new(state::DIVISION_BY_ZERO, "division by zero")
}

/// Arrow says `Overflow happened on: 1 * 2`; the type is not told.
fn overflow(_message: &str) -> Error {
    Error::new(state::NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range")
}

fn of_plan(message: &str) -> Error {
    Error::new(
        state::FEATURE_NOT_SUPPORTED,
        format!("cannot plan this statement: {message}"),
    )
}

fn of_execution(message: &str) -> Error {
    if message.contains("more than one row") {
        return Error::new(
            state::CARDINALITY_VIOLATION,
            "more than one row returned by a subquery used as an expression",
        );
    }
    Error::internal(message.to_owned())
}

/// `?` for DataFusion's results.
pub trait Told<T> {
    fn told(self) -> Result<T, Error>;
}

impl<T> Told<T> for datafusion::error::Result<T> {
    fn told(self) -> Result<T, Error> {
        self.map_err(from_datafusion)
    }
}
