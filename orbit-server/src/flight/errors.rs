//! Errors as gRPC has them: a code for the class of the SQLSTATE, PostgreSQL's words
//! with DETAIL and HINT behind them, the SQLSTATE itself beside them.
//!
//! It stands in two places, for clients differ in what they let their callers see: in
//! the trailer `sqlstate`, and as the reason of a `google.rpc.ErrorInfo` in the
//! status's details.

use bytes::Bytes;
use orbit_core::{Error, state};
use prost::Message;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

/// The trailer with the SQLSTATE.
pub const SQLSTATE: &str = "sqlstate";
/// The domain of the SQLSTATE as a reason.
const DOMAIN: &str = "sqlstate";
const ERROR_INFO: &str = "type.googleapis.com/google.rpc.ErrorInfo";
/// A message travels in headers, twice and escaped; clients take 8 KB of them.
const MESSAGE_BYTES: usize = 1500;

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct Details {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<arrow_flight::sql::Any>,
}

/// `google.rpc.ErrorInfo`, without the map that nothing is in.
#[derive(Clone, PartialEq, Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
}

pub fn status(error: &Error) -> Status {
    let sqlstate = error.state();
    let sqlstate = sqlstate.as_str();
    let (code, message) = (code(sqlstate), words(error));
    let info = ErrorInfo {
        reason: sqlstate.to_owned(),
        domain: DOMAIN.to_owned(),
    };
    let details = Details {
        code: code as i32,
        message: message.clone(),
        details: vec![arrow_flight::sql::Any {
            type_url: ERROR_INFO.to_owned(),
            value: info.encode_to_vec().into(),
        }],
    };
    let mut metadata = MetadataMap::new();
    if let Ok(value) = MetadataValue::try_from(sqlstate) {
        metadata.insert(SQLSTATE, value);
    }
    let details = Bytes::from(details.encode_to_vec());
    Status::with_details_and_metadata(code, message, details, metadata)
}

fn words(error: &Error) -> String {
    let mut words = error.message().to_owned();
    let rest = [
        ("DETAIL", error.detail()),
        ("HINT", error.hint()),
        ("CONTEXT", error.context()),
    ];
    for (name, text) in rest {
        if let Some(text) = text {
            words.push_str(&format!("\n{name}:  {text}"));
        }
    }
    if words.len() > MESSAGE_BYTES {
        let mut end = MESSAGE_BYTES;
        while !words.is_char_boundary(end) {
            end -= 1;
        }
        words.truncate(end);
        words.push_str("...");
    }
    words
}

/// By the class, and by the code where a class holds things of different kinds.
fn code(sqlstate: &str) -> Code {
    match (sqlstate.get(..2).unwrap_or_default(), sqlstate) {
        (_, "42501") => Code::PermissionDenied,
        (_, "23505" | "42701" | "42710" | "42723" | "42P03" | "42P05" | "42P06" | "42P07") => {
            Code::AlreadyExists
        }
        (_, "42703" | "42704" | "42883" | "42P01" | "42P02") => Code::NotFound,
        (_, "57014") => Code::Cancelled,
        (_, "55P03" | "55006") => Code::Aborted,
        (_, "08P01") => Code::InvalidArgument,
        ("08", _) => Code::Unavailable,
        ("0A", _) => Code::Unimplemented,
        ("28", _) => Code::Unauthenticated,
        ("21" | "22" | "42" | "44" | "34" | "26", _) => Code::InvalidArgument,
        ("3B" | "3D" | "3F", _) => Code::NotFound,
        ("23" | "25" | "2B" | "0L" | "0P" | "55", _) => Code::FailedPrecondition,
        ("40", _) => Code::Aborted,
        ("53" | "54", _) => Code::ResourceExhausted,
        ("57", _) => Code::Unavailable,
        _ => Code::Internal,
    }
}

/// What a client sent can't be read.
pub fn malformed(error: impl std::fmt::Display) -> Error {
    Error::new(
        state::PROTOCOL_VIOLATION,
        format!("the message cannot be read: {error}"),
    )
}

/// Something of the protocol that a node doesn't do.
pub fn unsupported(what: &str) -> Status {
    status(&Error::unsupported(what))
}

/// A status back as the error it was made of, for the command line.
pub fn error(status: &Status) -> Error {
    let mut sqlstate = *b"08006";
    let told = status.metadata().get(SQLSTATE);
    let told = told.and_then(|value| value.to_str().ok());
    for (to, from) in sqlstate.iter_mut().zip(told.unwrap_or_default().bytes()) {
        *to = from;
    }
    let mut parts = status.message().split("\nHINT:  ");
    let (first, hint) = (parts.next().unwrap_or_default(), parts.next());
    let mut parts = first.split("\nDETAIL:  ");
    let (message, detail) = (parts.next().unwrap_or_default(), parts.next());
    let mut error = Error::new(orbit_core::error::SqlState(sqlstate), message.to_owned());
    if let Some(detail) = detail {
        error = error.with_detail(detail);
    }
    if let Some(hint) = hint {
        error = error.with_hint(hint.to_owned());
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_have_their_codes() {
        for (sqlstate, expected) in [
            ("42501", Code::PermissionDenied),
            ("42P01", Code::NotFound),
            ("42601", Code::InvalidArgument),
            ("23505", Code::AlreadyExists),
            ("23502", Code::FailedPrecondition),
            ("22012", Code::InvalidArgument),
            ("08P01", Code::InvalidArgument),
            ("08006", Code::Unavailable),
            ("25P02", Code::FailedPrecondition),
            ("28P01", Code::Unauthenticated),
            ("40001", Code::Aborted),
            ("53300", Code::ResourceExhausted),
            ("57014", Code::Cancelled),
            ("57P01", Code::Unavailable),
            ("0A000", Code::Unimplemented),
            ("XX000", Code::Internal),
        ] {
            assert_eq!(code(sqlstate), expected, "{sqlstate}");
        }
    }

    #[test]
    fn an_error_comes_back_as_it_went() {
        let sent = Error::new(state::UNIQUE_VIOLATION, "duplicate key")
            .with_detail("Key (a)=(1) already exists.")
            .with_hint("Take another.");
        let status = status(&sent);
        let details = Details::decode(status.details()).unwrap();
        assert_eq!(details.code, status.code() as i32);
        let info = ErrorInfo::decode(&*details.details[0].value).unwrap();
        assert_eq!(
            (info.reason.as_str(), info.domain.as_str()),
            ("23505", DOMAIN)
        );
        let back = error(&status);
        assert!(back.is(state::UNIQUE_VIOLATION));
        assert_eq!(back.message(), sent.message());
        assert_eq!(back.detail(), sent.detail());
        assert_eq!(back.hint(), sent.hint());
    }

    #[test]
    fn a_message_fits_into_headers() {
        let long = Error::internal("ä".repeat(5000));
        let words = words(&long);
        assert!(words.len() <= MESSAGE_BYTES + 3 && words.ends_with("ä..."));
    }
}
