//! Records in binary. They travel as the text that PostgreSQL shows for them, which is
//! taken apart again here.
//!
//! ```text
//! number of fields i32 | fields: type u32 | length i32 (-1 NULL) | payload
//! ```

use super::malformed;
use crate::error::{Error, Result, state};
use crate::types::SqlType;
use crate::value::text::{self, FormatSettings};

pub(super) fn encode(shown: &str, types: &[SqlType], out: &mut Vec<u8>) -> Result<()> {
    let fields = fields(shown, types.len()).ok_or_else(malformed)?;
    let count = i32::try_from(types.len()).map_err(|_| malformed())?;
    out.extend_from_slice(&count.to_be_bytes());
    let settings = FormatSettings::default();
    for (field, ty) in fields.into_iter().zip(types) {
        out.extend_from_slice(&ty.oid().to_be_bytes());
        let Some(field) = field else {
            out.extend_from_slice(&(-1i32).to_be_bytes());
            continue;
        };
        let at = out.len();
        out.extend_from_slice(&[0; 4]);
        let value = match ty {
            // What is inside of it is taken apart when it is written.
            SqlType::Record(_) => crate::value::Value::Text(field),
            ty => text::parse(&field, ty, &settings)?,
        };
        super::encode(&value.as_ref(), ty, out)?;
        let length = i32::try_from(out.len() - at - 4).map_err(|_| {
            Error::new(
                state::PROGRAM_LIMIT_EXCEEDED,
                "field of a record is too large to send",
            )
        })?;
        if let Some(place) = out.get_mut(at..at + 4) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }
    Ok(())
}

/// The values of a record's fields. Records in it stay the text that is shown for them.
pub fn values(shown: &str, types: &[SqlType]) -> Result<Vec<crate::value::Value>> {
    use crate::value::Value;
    let settings = FormatSettings::default();
    let fields = fields(shown, types.len()).ok_or_else(malformed)?;
    let values = fields
        .into_iter()
        .zip(types)
        .map(|(field, ty)| match field {
            None => Ok(Value::Null),
            Some(field) => match ty {
                SqlType::Record(_) => Ok(Value::Text(field)),
                ty => text::parse(&field, ty, &settings),
            },
        });
    values.collect()
}

/// `(a,"b c",)`: its fields, NULL where nothing stands.
fn fields(shown: &str, count: usize) -> Option<Vec<Option<String>>> {
    let inner = shown.strip_prefix('(')?.strip_suffix(')')?;
    if count == 0 {
        return inner.is_empty().then(Vec::new);
    }
    let mut fields = Vec::with_capacity(count);
    let mut field: Option<String> = None;
    let mut quoted = false;
    let mut letters = inner.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            ',' if !quoted => fields.push(field.take()),
            '"' if quoted && letters.next_if_eq(&'"').is_some() => {
                field.get_or_insert_default().push('"');
            }
            '"' => {
                quoted = !quoted;
                field.get_or_insert_default();
            }
            '\\' => field.get_or_insert_default().push(letters.next()?),
            letter => field.get_or_insert_default().push(letter),
        }
    }
    fields.push(field);
    (fields.len() == count).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_taken_apart() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            fields("(1,,\"\",\"a \"\"b\\\\\",x)", 5),
            Some(vec![text("1"), None, text(""), text("a \"b\\"), text("x")])
        );
        assert_eq!(fields("()", 0), Some(Vec::new()));
        assert_eq!(fields("()", 1), Some(vec![None]));
        assert_eq!(fields("(1)", 2), None);
        let mut out = Vec::new();
        encode("(7,)", &[SqlType::Int4, SqlType::Text], &mut out).unwrap();
        assert_eq!(
            out,
            [
                0, 0, 0, 2, 0, 0, 0, 23, 0, 0, 0, 4, 0, 0, 0, 7, 0, 0, 0, 25, 255, 255, 255, 255
            ]
        );
    }
}
