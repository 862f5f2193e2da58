use super::*;
use crate::pg::frontend;

fn bind_message(formats: &[u16], values: &[Option<&[u8]>]) -> Vec<u8> {
    let count = |length: usize| u16::try_from(length).unwrap().to_be_bytes();
    let mut body = b"\0s\0".to_vec();
    body.extend_from_slice(&count(formats.len()));
    formats
        .iter()
        .for_each(|code| body.extend_from_slice(&code.to_be_bytes()));
    body.extend_from_slice(&count(values.len()));
    for value in values {
        match value {
            None => body.extend_from_slice(&(-1_i32).to_be_bytes()),
            Some(bytes) => {
                body.extend_from_slice(&i32::try_from(bytes.len()).unwrap().to_be_bytes());
                body.extend_from_slice(bytes);
            }
        }
    }
    body.extend_from_slice(&[0, 0]);
    body
}

fn values(formats: &[u16], given: &[Option<&[u8]>], types: &[SqlType]) -> Result<Vec<Value>> {
    let body = bind_message(formats, given);
    let mut values = vec![Value::Bool(true)];
    decode(
        &frontend::bind(&body)?,
        types,
        &FormatSettings::default(),
        &mut values,
    )?;
    Ok(values)
}

#[test]
fn text_and_binary_values() {
    let types = [SqlType::Int4, SqlType::Int8, SqlType::Text, SqlType::Int4];
    let given: [Option<&[u8]>; 4] = [
        Some(b"-7"),
        Some(b"\0\0\0\0\0\0\x01\0"),
        Some("ä".as_bytes()),
        None,
    ];
    assert_eq!(
        values(&[0, 1, 1, 0], &given, &types).unwrap(),
        [
            Value::Int4(-7),
            Value::Int8(256),
            Value::Text("ä".into()),
            Value::Null
        ]
    );
    let blanks: [Option<&[u8]>; 1] = [Some(b" 12 ")];
    assert_eq!(
        values(&[], &blanks, &[SqlType::Int4]).unwrap(),
        [Value::Int4(12)]
    );
    let both: [Option<&[u8]>; 2] = [Some(b"\0\0\0\x01"), Some(b"\0\0\0\x02")];
    assert_eq!(
        values(&[1], &both, &[SqlType::Int4, SqlType::Int4]).unwrap(),
        [Value::Int4(1), Value::Int4(2)]
    );
}

#[test]
fn what_does_not_fit_is_refused_in_postgresqls_words() {
    let one: [Option<&[u8]>; 1] = [Some(b"1")];
    let error = |formats: &[u16], given: &[Option<&[u8]>], types: &[SqlType]| {
        let error = values(formats, given, types).unwrap_err();
        (error.state(), error.message().to_owned())
    };
    assert_eq!(
        error(&[], &one, &[]),
        (
            state::PROTOCOL_VIOLATION,
            "bind message supplies 1 parameters, but prepared statement \"s\" requires 0".into()
        )
    );
    assert_eq!(
        error(&[0, 0], &one, &[SqlType::Int4]),
        (
            state::PROTOCOL_VIOLATION,
            "bind message has 2 parameter formats but 1 parameters".into()
        )
    );
    assert_eq!(
        error(&[9], &one, &[SqlType::Int4]).1,
        "unsupported format code: 9"
    );
    assert_eq!(
        error(&[1], &one, &[SqlType::Int4]).0,
        state::INVALID_BINARY_REPRESENTATION
    );
    assert_eq!(
        error(&[], &[Some(b"abc")], &[SqlType::Int4]),
        (
            state::INVALID_TEXT_REPRESENTATION,
            "invalid input syntax for type integer: \"abc\"".into()
        )
    );
    for bad in [&b"a\0b"[..], b"\xff"] {
        assert_eq!(
            error(&[], &[Some(bad)], &[SqlType::Text]).0,
            state::CHARACTER_NOT_IN_REPERTOIRE
        );
        assert_eq!(
            error(&[1], &[Some(bad)], &[SqlType::Text]).0,
            state::CHARACTER_NOT_IN_REPERTOIRE
        );
    }
}
