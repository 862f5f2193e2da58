//! Messages of Flight's own that the Arrow library for Rust has no types for: a
//! session's options, and its end.

use prost::Message;
use std::collections::HashMap;

#[derive(Clone, PartialEq, Message)]
pub struct SetSessionOptionsRequest {
    #[prost(map = "string, message", tag = "1")]
    pub session_options: HashMap<String, SessionOptionValue>,
}

#[derive(Clone, PartialEq, Message)]
pub struct SetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    pub errors: HashMap<String, SetError>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct SetError {
    #[prost(enumeration = "SetErrorValue", tag = "1")]
    pub value: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum SetErrorValue {
    Unspecified = 0,
    InvalidName = 1,
    InvalidValue = 2,
    Error = 3,
}

#[derive(Clone, PartialEq, Message)]
pub struct GetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    pub session_options: HashMap<String, SessionOptionValue>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct CloseSessionResult {
    #[prost(enumeration = "CloseStatus", tag = "1")]
    pub status: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum CloseStatus {
    Unspecified = 0,
    Closed = 1,
    Closing = 2,
    NotCloseable = 3,
}

#[derive(Clone, PartialEq, Message)]
pub struct SessionOptionValue {
    #[prost(oneof = "OptionValue", tags = "1, 2, 3, 4, 5")]
    pub value: Option<OptionValue>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum OptionValue {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Flag(bool),
    #[prost(sfixed64, tag = "3")]
    Integer(i64),
    #[prost(double, tag = "4")]
    Number(f64),
    #[prost(message, tag = "5")]
    List(Texts),
}

#[derive(Clone, PartialEq, Message)]
pub struct Texts {
    #[prost(string, repeated, tag = "1")]
    pub values: Vec<String>,
}

impl SessionOptionValue {
    pub fn text(text: String) -> SessionOptionValue {
        SessionOptionValue {
            value: Some(OptionValue::Text(text)),
        }
    }

    /// As SET takes it; `None` resets.
    pub fn written(&self) -> Option<String> {
        Some(match self.value.as_ref()? {
            OptionValue::Text(text) => text.clone(),
            OptionValue::Flag(flag) => if *flag { "on" } else { "off" }.to_owned(),
            OptionValue::Integer(number) => number.to_string(),
            OptionValue::Number(number) => number.to_string(),
            OptionValue::List(texts) => texts.values.join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_go_and_come() {
        let value = SessionOptionValue {
            value: Some(OptionValue::Integer(-2)),
        };
        let request = SetSessionOptionsRequest {
            session_options: HashMap::from([("statement_timeout".to_owned(), value)]),
        };
        let back = SetSessionOptionsRequest::decode(&*request.encode_to_vec()).unwrap();
        assert_eq!(back, request);
        let value = &back.session_options["statement_timeout"];
        assert_eq!(value.written().as_deref(), Some("-2"));
        assert_eq!(SessionOptionValue::default().written(), None);
    }
}
