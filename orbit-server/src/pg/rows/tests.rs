use super::*;
use orbit_core::value::Value;

fn row(values: Vec<Value>, types: &[SqlType], formats: &Formats) -> Result<Vec<u8>> {
    let columns: Vec<_> = types
        .iter()
        .map(|of| ColumnDesc::new("c", of.clone()))
        .collect();
    let mut out = Output::new();
    let batch = RowBatch::Values(vec![values]);
    data_row(
        &mut out,
        &batch,
        0,
        &columns,
        formats,
        &FormatSettings::default(),
    )?;
    Ok(out.unsent().to_vec())
}

#[test]
fn text_and_null() {
    let types = [SqlType::Int4, SqlType::Text, SqlType::Int8, SqlType::Bool];
    let values = vec![
        Value::Int4(-42),
        Value::Text("ab".into()),
        Value::Null,
        Value::Bool(true),
    ];
    let sent = row(values, &types, &Formats::Text).unwrap();
    let expected = b"D\0\0\0\x1c\0\x04\0\0\0\x03-42\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\x01t";
    assert_eq!(sent, expected);
}

#[test]
fn binary_where_it_was_asked_for() {
    let types = [SqlType::Int4, SqlType::Int8, SqlType::Int4, SqlType::Text];
    let values = || {
        vec![
            Value::Int4(1),
            Value::Int8(-1),
            Value::Int4(7),
            Value::Text("x".into()),
        ]
    };
    let some = Formats::Each(vec![true, true, false, false]);
    let expected = b"D\0\0\0\x24\0\x04\0\0\0\x04\0\0\0\x01\0\0\0\x08\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\x017\0\0\0\x01x";
    assert_eq!(row(values(), &types, &some).unwrap(), expected);
    let all = row(values(), &types, &Formats::Binary).unwrap();
    assert_eq!(&all[all.len() - 13..], b"\0\0\0\x04\0\0\0\x07\0\0\0\x01x");
}

/// Codes as they lie in a message, read by way of a Bind.
fn formats(codes: &[u16], columns: usize) -> Result<Formats> {
    let mut body = b"\0\0\0\0\0\0".to_vec();
    body.extend_from_slice(&u16::try_from(codes.len()).unwrap().to_be_bytes());
    codes
        .iter()
        .for_each(|code| body.extend_from_slice(&code.to_be_bytes()));
    Formats::of_result(crate::pg::frontend::bind(&body)?.result_formats, columns)
}

#[test]
fn result_formats_are_none_one_or_one_a_column() {
    assert_eq!(formats(&[], 3).unwrap(), Formats::Text);
    assert_eq!(formats(&[0], 3).unwrap(), Formats::Text);
    assert_eq!(formats(&[1], 3).unwrap(), Formats::Binary);
    assert_eq!(
        formats(&[1, 0], 2).unwrap(),
        Formats::Each(vec![true, false])
    );
    let error = formats(&[1, 0], 3).unwrap_err();
    assert_eq!(error.state(), state::PROTOCOL_VIOLATION);
    assert_eq!(
        error.message(),
        "bind message has 2 result formats but query has 3 columns"
    );
    assert_eq!(
        formats(&[2], 1).unwrap_err().message(),
        "unsupported format code: 2"
    );
}
