use super::*;
use bytes::BytesMut;
use pgwire::messages::{DecodeContext, PgWireBackendMessage as Message};

/// What another implementation of the protocol reads in the output.
fn read(out: &Output) -> Vec<Message> {
    let mut context = DecodeContext::default();
    context.awaiting_frontend_ssl = false;
    context.awaiting_frontend_startup = false;
    let mut bytes = BytesMut::from(out.unsent());
    let mut messages = Vec::new();
    while let Some(message) = Message::decode(&mut bytes, &context).unwrap() {
        messages.push(message);
    }
    assert!(bytes.is_empty());
    messages
}

fn tag_of(tag: Tag) -> String {
    let mut out = Output::new();
    out.command_complete(&tag);
    match read(&out).pop() {
        Some(Message::CommandComplete(message)) => message.tag,
        other => panic!("{other:?}"),
    }
}

#[test]
fn command_tags_are_postgresqls() {
    assert_eq!(tag_of(Tag::Select(3)), "SELECT 3");
    assert_eq!(tag_of(Tag::Insert(1)), "INSERT 0 1");
    assert_eq!(tag_of(Tag::Update(0)), "UPDATE 0");
    assert_eq!(tag_of(Tag::Delete(12)), "DELETE 12");
    assert_eq!(tag_of(Tag::Copy(u64::MAX)), "COPY 18446744073709551615");
    assert_eq!(tag_of(Tag::Other("CREATE TABLE")), "CREATE TABLE");
}

#[test]
fn errors_carry_every_field_they_have() {
    let error = Error::new(state::UNIQUE_VIOLATION, "duplicate")
        .with_detail("Key (a)=(1) already exists.")
        .with_hint("hint")
        .in_context("COPY t, line 1")
        .of_schema("public")
        .of_table("t")
        .of_column("a")
        .of_constraint("t_pkey")
        .at(17);
    let mut out = Output::new();
    out.error(Severity::Error, &error);
    let Some(Message::ErrorResponse(response)) = read(&out).pop() else {
        panic!("not an error");
    };
    let expected = [
        (b'S', "ERROR"),
        (b'V', "ERROR"),
        (b'C', "23505"),
        (b'M', "duplicate"),
        (b'D', "Key (a)=(1) already exists."),
        (b'H', "hint"),
        (b'W', "COPY t, line 1"),
        (b's', "public"),
        (b't', "t"),
        (b'c', "a"),
        (b'n', "t_pkey"),
        (b'P', "17"),
    ];
    let expected: Vec<_> = expected.map(|(name, text)| (name, text.to_owned())).into();
    assert_eq!(response.fields, expected);
}

#[test]
fn notices_are_warnings_or_notices() {
    let severity = |of| {
        let mut out = Output::new();
        out.notice(&Error::new(of, "words"));
        match read(&out).pop() {
            Some(Message::NoticeResponse(notice)) => notice.fields[0].1.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(severity(state::DUPLICATE_TABLE), "NOTICE");
    assert_eq!(severity(state::WARNING), "WARNING");
    assert_eq!(severity(state::NO_ACTIVE_SQL_TRANSACTION), "WARNING");
}

#[test]
fn a_zero_in_a_text_cannot_end_a_message_early() {
    let mut out = Output::new();
    out.error(Severity::Error, &Error::new(state::SYNTAX_ERROR, "a\0b"));
    out.ready_for_query(b'I');
    let messages = read(&out);
    assert_eq!(messages.len(), 2);
    assert!(matches!(&messages[0], Message::ErrorResponse(error) if error.fields[3].1 == "ab"));
}

#[test]
fn columns_are_described_with_type_size_and_modifier() {
    let columns = [
        ColumnDesc {
            name: "aid".into(),
            sql_type: SqlType::Int4,
            table_oid: 16_384,
            attnum: 1,
            precision: None,
        },
        ColumnDesc::new("price", SqlType::Numeric(Some((10, 2)))),
    ];
    let mut out = Output::new();
    out.row_description(&columns, &Formats::Each(vec![true, false]));
    out.parameter_description(&[SqlType::Int8, SqlType::Text]);
    let messages = read(&out);
    let Message::RowDescription(rows) = &messages[0] else {
        panic!("not a row description");
    };
    let first = &rows.fields[0];
    assert_eq!(
        (first.name.as_str(), first.table_id, first.column_id),
        ("aid", 16_384, 1)
    );
    assert_eq!(
        (first.type_id, first.type_size, first.type_modifier),
        (23, 4, -1)
    );
    assert_eq!(first.format_code, 1);
    let second = &rows.fields[1];
    assert_eq!((second.type_id, second.type_size), (1700, -1));
    assert_eq!(
        (second.type_modifier, second.format_code),
        ((10 << 16 | 2) + 4, 0)
    );
    assert!(matches!(&messages[1], Message::ParameterDescription(d) if d.types == [20, 25]));
}

#[test]
fn everything_else_is_read_as_meant() {
    let mut out = Output::new();
    out.negotiate_protocol_version(3 << 16, &["_pq_.x".into()]);
    out.parameter_status("TimeZone", "UTC");
    out.backend_key(1, -5);
    out.parse_complete();
    out.bind_complete();
    out.close_complete();
    out.no_data();
    out.portal_suspended();
    out.empty_query();
    out.copy_response(b'G', 2, false);
    out.copy_response(b'H', 3, false);
    out.copy_data(b"1\tx\n").unwrap();
    out.copy_done();
    out.ready_for_query(b'T');
    let names: Vec<String> = read(&out)
        .iter()
        .map(|message| {
            format!("{message:?}")
                .chars()
                .take_while(|c| *c != '(')
                .collect()
        })
        .collect();
    let expected = [
        "NegotiateProtocolVersion",
        "ParameterStatus",
        "BackendKeyData",
        "ParseComplete",
        "BindComplete",
        "CloseComplete",
        "NoData",
        "PortalSuspended",
        "EmptyQueryResponse",
        "CopyInResponse",
        "CopyOutResponse",
        "CopyData",
        "CopyDone",
        "ReadyForQuery",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_message_begun_can_be_taken_back() {
    let mut out = Output::new();
    out.ready_for_query(b'I');
    let before = out.unsent().to_vec();
    out.begin(b'D');
    out.body().extend_from_slice(b"half a row");
    out.take_back();
    out.take_back();
    assert_eq!(out.unsent(), before);
}

#[test]
fn integers_are_written_in_full() {
    for number in [0, 7, 10, -1, 99, 100, 12_345, i64::MAX, i64::MIN] {
        let mut out = Vec::new();
        put_integer(&mut out, number);
        assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
    }
}

#[test]
fn a_large_answer_leaves_no_large_buffer() {
    let mut out = Output::new();
    out.copy_data(&[b'x'; 100_000]).unwrap();
    let length = out.unsent().len();
    out.advance(length - 1);
    out.rest();
    assert_eq!(out.unsent().len(), 1);
    out.advance(1);
    out.rest();
    assert_eq!(out.held_bytes(), 0);
}
