use super::*;
use bytes::{Bytes, BytesMut};
use pgwire::messages::{Message, extendedquery as pg, simplequery};

/// A message as another implementation of the protocol writes it, without its header.
fn body(message: impl Message) -> Vec<u8> {
    let mut buffer = BytesMut::new();
    message.encode(&mut buffer).unwrap();
    buffer[5..].to_vec()
}

fn a_bind() -> Vec<u8> {
    body(pg::Bind::new(
        Some("portal".into()),
        Some("P_0".into()),
        vec![0, 1],
        vec![Some(Bytes::from_static(b"42")), None, Some(Bytes::new())],
        vec![1],
    ))
}

fn a_parse() -> Vec<u8> {
    body(pg::Parse::new(
        Some("s".into()),
        "SELECT $1, $2".into(),
        vec![23, 0],
    ))
}

#[test]
fn parse_carries_name_text_and_types() {
    let bytes = a_parse();
    let message = parse(&bytes).unwrap();
    assert_eq!(
        (message.name, message.sql),
        (&b"s"[..], &b"SELECT $1, $2"[..])
    );
    assert_eq!(message.types.iter().collect::<Vec<_>>(), [23, 0]);
}

#[test]
fn bind_carries_values_and_formats() {
    let bytes = a_bind();
    let mut message = bind(&bytes).unwrap();
    assert_eq!(
        (message.portal, message.statement),
        (&b"portal"[..], &b"P_0"[..])
    );
    assert_eq!((message.param_formats.len(), message.params.len()), (2, 3));
    assert_eq!(message.param_formats.at(1), Some(1));
    assert_eq!(message.params.next().unwrap(), Some(&b"42"[..]));
    assert_eq!(message.params.next().unwrap(), None);
    assert_eq!(message.params.next().unwrap(), Some(&b""[..]));
    assert_eq!(
        (message.result_formats.len(), message.result_formats.at(0)),
        (1, Some(1))
    );
}

#[test]
fn row_limits_that_are_not_positive_mean_all() {
    for (given, meant) in [
        (0, None),
        (-1, None),
        (i32::MIN, None),
        (1, Some(1)),
        (i32::MAX, Some(2_147_483_647)),
    ] {
        let bytes = body(pg::Execute::new(None, given));
        assert_eq!(execute(&bytes).unwrap(), (&b""[..], meant));
    }
}

#[test]
fn describe_and_close_name_statements_or_portals() {
    let bytes = body(pg::Describe::new(b'S', Some("a".into())));
    assert_eq!(target("DESCRIBE", &bytes).unwrap(), Target::Statement(b"a"));
    let bytes = body(pg::Close::new(b'P', None));
    assert_eq!(target("CLOSE", &bytes).unwrap(), Target::Portal(b""));
    let error = target("CLOSE", b"Xa\0").unwrap_err();
    assert_eq!(error.message(), "invalid CLOSE message subtype 88");
}

#[test]
fn query_is_one_string() {
    let bytes = body(simplequery::Query::new("SELECT 'ä'".into()));
    assert_eq!(utf8(string(&bytes).unwrap()).unwrap(), "SELECT 'ä'");
}

#[test]
fn what_is_not_utf8_is_named() {
    let error = utf8(b"ok\xc3(").unwrap_err();
    assert_eq!(error.state(), state::CHARACTER_NOT_IN_REPERTOIRE);
    assert_eq!(
        error.message(),
        "invalid byte sequence for encoding \"UTF8\": 0xc3"
    );
}

/// Every decoder, its answer thrown away.
const DECODERS: [fn(&[u8]) -> Result<()>; 5] = [
    |body| parse(body).map(drop),
    |body| bind(body).map(drop),
    |body| execute(body).map(drop),
    |body| target("DESCRIBE", body).map(drop),
    |body| string(body).map(drop),
];

fn whole_messages() -> [Vec<u8>; 5] {
    [
        a_parse(),
        a_bind(),
        body(pg::Execute::new(Some("p".into()), 5)),
        body(pg::Describe::new(b'S', Some("a".into()))),
        body(simplequery::Query::new("SELECT 1".into())),
    ]
}

#[test]
fn a_message_cut_short_or_too_long_is_a_protocol_violation() {
    for (decode, whole) in DECODERS.iter().zip(whole_messages()) {
        decode(&whole).unwrap();
        for cut in 0..whole.len() {
            let error = decode(&whole[..cut]).unwrap_err();
            assert_eq!(error.state(), state::PROTOCOL_VIOLATION);
        }
        let mut longer = whole;
        longer.push(0);
        let error = decode(&longer).unwrap_err();
        assert_eq!(error.state(), state::PROTOCOL_VIOLATION);
    }
}

#[test]
fn no_byte_can_make_a_decoder_do_more_than_refuse() {
    for (decode, whole) in DECODERS.iter().zip(whole_messages()) {
        for at in 0..whole.len() {
            for byte in [0, 1, 0x7f, 0x80, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = byte;
                if let Err(error) = decode(&damaged) {
                    assert_eq!(error.state(), state::PROTOCOL_VIOLATION);
                }
            }
        }
    }
}
