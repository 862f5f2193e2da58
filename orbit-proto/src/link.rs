//! Frames of links as protobuf, both ways. Nothing that comes in is trusted.

use crate::v1::link_answer::Outcome as WireOutcome;
use crate::v1::link_frame::Frame as Wire;
use crate::v1::{
    LinkAnswer, LinkBeat, LinkCall, LinkError, LinkFrame, LinkHello, LinkReach, LinkRequest,
};
use orbit_core::actor::links::{Frame, Hello, Outcome, Request};
use orbit_core::error::SqlState;
use orbit_core::{Error, Result, state};
use std::time::Duration;

/// A frame as it is sent.
pub fn encode(frame: Frame) -> LinkFrame {
    let frame = match frame {
        Frame::Hello(hello) => Wire::Hello(LinkHello {
            version: hello.version,
            node: hello.node,
            site: hello.site,
            reaches: hello.reaches,
            calls: hello.calls,
        }),
        Frame::Reach(reaches) => Wire::Reach(LinkReach { reaches }),
        Frame::Call {
            call,
            within,
            request,
        } => Wire::Call(LinkCall {
            call,
            within_micros: u64::try_from(within.as_micros()).unwrap_or(u64::MAX),
            request: Some(encode_request(request)),
        }),
        Frame::Tell(request) => Wire::Tell(encode_request(request)),
        Frame::Answer { call, outcome } => Wire::Answer(LinkAnswer {
            call,
            outcome: Some(match outcome {
                Outcome::Done(answer) => WireOutcome::Done(answer),
                Outcome::Failed(error) => WireOutcome::Failed(encode_error(&error)),
                Outcome::Refused(error) => WireOutcome::Refused(encode_error(&error)),
                Outcome::Lost(error) => WireOutcome::Lost(encode_error(&error)),
            }),
        }),
        Frame::Cancel { call } => Wire::Cancel(call),
        Frame::Beat => Wire::Beat(LinkBeat {}),
    };
    LinkFrame { frame: Some(frame) }
}

/// A frame that has come.
pub fn decode(frame: LinkFrame) -> Result<Frame> {
    let frame = frame.frame.ok_or_else(|| incomplete("frame"))?;
    Ok(match frame {
        Wire::Hello(hello) => Frame::Hello(Hello {
            version: hello.version,
            node: hello.node,
            site: hello.site,
            reaches: hello.reaches,
            calls: hello.calls,
        }),
        Wire::Reach(LinkReach { reaches }) => Frame::Reach(reaches),
        Wire::Call(LinkCall {
            call,
            within_micros,
            request,
        }) => Frame::Call {
            call,
            within: Duration::from_micros(within_micros),
            request: decode_request(request.ok_or_else(|| incomplete("request"))?),
        },
        Wire::Tell(request) => Frame::Tell(decode_request(request)),
        Wire::Answer(LinkAnswer { call, outcome }) => Frame::Answer {
            call,
            outcome: match outcome.ok_or_else(|| incomplete("outcome"))? {
                WireOutcome::Done(answer) => Outcome::Done(answer),
                WireOutcome::Failed(error) => Outcome::Failed(decode_error(error)),
                WireOutcome::Refused(error) => Outcome::Refused(decode_error(error)),
                WireOutcome::Lost(error) => Outcome::Lost(decode_error(error)),
            },
        },
        Wire::Cancel(call) => Frame::Cancel { call },
        Wire::Beat(LinkBeat {}) => Frame::Beat,
    })
}

fn encode_request(request: Request) -> LinkRequest {
    LinkRequest {
        to: request.to,
        kind: request.kind,
        id: request.id,
        message: request.message,
        body: request.body,
        key: request.key,
        hops: u32::from(request.hops),
    }
}

fn decode_request(request: LinkRequest) -> Request {
    Request {
        to: request.to,
        kind: request.kind,
        id: request.id,
        message: request.message,
        body: request.body,
        key: request.key,
        hops: u8::try_from(request.hops).unwrap_or(0),
    }
}

fn encode_error(error: &Error) -> LinkError {
    LinkError {
        code: error.state().as_str().to_owned(),
        message: error.message().to_owned(),
        detail: error.detail().map(str::to_owned),
        hint: error.hint().map(str::to_owned),
    }
}

fn decode_error(told: LinkError) -> Error {
    let code = told.code.as_bytes().try_into();
    let code = code.map_or(state::INTERNAL_ERROR, SqlState);
    let mut error = Error::new(code, told.message);
    if let Some(detail) = told.detail {
        error = error.with_detail(detail);
    }
    if let Some(hint) = told.hint {
        error = error.with_hint(hint);
    }
    error
}

fn incomplete(what: &str) -> Error {
    Error::new(
        state::PROTOCOL_VIOLATION,
        format!("what came over a link has no {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_comes_back_as_it_was() {
        let request = Request {
            to: "region".to_owned(),
            kind: "till".to_owned(),
            id: "a/1".to_owned(),
            message: "sell".to_owned(),
            body: "{\"item\":\"cap\"}".to_owned(),
            key: Some("k".to_owned()),
            hops: 7,
        };
        let plain = Request {
            key: None,
            ..request.clone()
        };
        let error = Error::new(state::CHECK_VIOLATION, "no")
            .with_detail("d")
            .with_hint("h");
        let answer = |outcome| Frame::Answer { call: 5, outcome };
        for frame in [
            Frame::Hello(Hello {
                version: 1,
                node: "gateway".to_owned(),
                site: u64::MAX,
                reaches: vec!["gateway".to_owned(), "till".to_owned()],
                calls: 256,
            }),
            Frame::Reach(vec!["till".to_owned()]),
            Frame::Call {
                call: u64::MAX,
                within: Duration::from_micros(1_500_001),
                request,
            },
            Frame::Tell(plain),
            answer(Outcome::Done("3".to_owned())),
            answer(Outcome::Failed(error.clone())),
            answer(Outcome::Refused(error.clone())),
            answer(Outcome::Lost(error)),
            Frame::Cancel { call: 9 },
            Frame::Beat,
        ] {
            assert_eq!(decode(encode(frame.clone())).unwrap(), frame);
        }
    }

    #[test]
    fn what_is_incomplete_is_refused() {
        let empty = LinkFrame { frame: None };
        let call = Wire::Call(LinkCall::default());
        let answer = Wire::Answer(LinkAnswer::default());
        let framed = |frame| LinkFrame { frame: Some(frame) };
        for frame in [empty, framed(call), framed(answer)] {
            assert!(decode(frame).unwrap_err().is(state::PROTOCOL_VIOLATION));
        }
        let strange = LinkError {
            code: "no code".to_owned(),
            ..LinkError::default()
        };
        assert!(decode_error(strange).is(state::INTERNAL_ERROR));
    }
}
