//! Arrays: `{1,2,NULL}`, `{{a,"b c"},{d,e}}`, `[0:1]={1,2}`.

use super::{FormatSettings, format, parse as parse_value};
use crate::error::{Error, Result, state};
use crate::types::SqlType;
use crate::value::array::{Array, MAX_DIMENSIONS};
use crate::value::{Value, ValueRef};

pub(super) fn write(
    array: &Array,
    sql_type: &SqlType,
    settings: &FormatSettings,
    out: &mut Vec<u8>,
) -> Result<()> {
    if array.items.is_empty() {
        out.extend_from_slice(b"{}");
        return Ok(());
    }
    if Array::count(&array.dims)? != array.items.len() {
        return Err(Error::internal(
            "array dimensions don't agree with its elements",
        ));
    }
    if array.dims.iter().any(|(_, lower)| *lower != 1) {
        for (length, lower) in &array.dims {
            out.extend_from_slice(format!("[{lower}:{}]", lower + length - 1).as_bytes());
        }
        out.push(b'=');
    }
    let element = match sql_type {
        SqlType::Array(element) => element.as_ref(),
        _ => &array.element,
    };
    let dims: Vec<usize> = array
        .dims
        .iter()
        .map(|(length, _)| usize::try_from(*length).unwrap_or(0))
        .collect();
    // How many elements one entry of a dimension spans.
    let mut spans = vec![1usize; dims.len()];
    for at in (1..dims.len()).rev() {
        spans[at - 1] = spans[at] * dims[at];
    }
    for (at, item) in array.items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        for (span, length) in spans.iter().zip(&dims) {
            if at % (span * length) == 0 {
                out.push(b'{');
            }
        }
        write_item(&item.as_ref(), element, settings, out)?;
        for (span, length) in spans.iter().zip(&dims) {
            if (at + 1) % (span * length) == 0 {
                out.push(b'}');
            }
        }
    }
    Ok(())
}

fn write_item(
    item: &ValueRef,
    element: &SqlType,
    settings: &FormatSettings,
    out: &mut Vec<u8>,
) -> Result<()> {
    if item.is_null() {
        out.extend_from_slice(b"NULL");
        return Ok(());
    }
    let start = out.len();
    format(item, element, settings, out)?;
    let text = &out[start..];
    let plain = !text.is_empty()
        && !text.eq_ignore_ascii_case(b"NULL")
        && !text
            .iter()
            .any(|byte| matches!(byte, b'"' | b'\\' | b'{' | b'}' | b',') || is_blank(*byte));
    if plain {
        return Ok(());
    }
    let text = out.split_off(start);
    out.push(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
    Ok(())
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

pub(super) fn parse(text: &str, element: &SqlType, settings: &FormatSettings) -> Result<Array> {
    let mut reader = Reader {
        text,
        at: 0,
        element,
        settings,
        items: Vec::new(),
        lengths: [None; MAX_DIMENSIONS],
    };
    let declared = reader.bounds()?;
    reader.skip_blanks();
    if reader.peek() != Some(b'{') {
        return Err(reader.malformed(if declared.is_empty() {
            "Array value must start with \"{\" or dimension information."
        } else {
            "Array contents must start with \"{\"."
        }));
    }
    reader.contents()?;
    reader.skip_blanks();
    if reader.peek().is_some() {
        return Err(reader.malformed("Junk after closing right brace."));
    }
    let lengths: Vec<i32> = reader.lengths.iter().map_while(|length| *length).collect();
    if reader.items.is_empty() {
        if !declared.is_empty() {
            return Err(reader.malformed("Specified array dimensions do not match array contents."));
        }
        return Ok(Array::new(element.clone(), Vec::new()));
    }
    let dims = if declared.is_empty() {
        lengths.iter().map(|length| (*length, 1)).collect()
    } else {
        if !declared.iter().map(|(length, _)| length).eq(&lengths) {
            return Err(reader.malformed("Specified array dimensions do not match array contents."));
        }
        declared
    };
    Array::count(&dims)?;
    Ok(Array {
        element: element.clone(),
        dims,
        items: reader.items,
    })
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    element: &'a SqlType,
    settings: &'a FormatSettings,
    items: Vec<Value>,
    /// Of each dimension, once its first sub-array has been closed.
    lengths: [Option<i32>; MAX_DIMENSIONS],
}

impl Reader<'_> {
    fn malformed(&self, detail: impl Into<String>) -> Error {
        Error::new(
            state::INVALID_TEXT_REPRESENTATION,
            format!("malformed array literal: \"{}\"", self.text),
        )
        .with_detail(detail)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.at += 1;
        }
    }

    /// `[1:2][0:4]=` before the contents.
    fn bounds(&mut self) -> Result<Vec<(i32, i32)>> {
        let mut dims = Vec::new();
        loop {
            self.skip_blanks();
            if self.peek() != Some(b'[') {
                break;
            }
            if dims.len() == MAX_DIMENSIONS {
                return Err(too_deep(MAX_DIMENSIONS + 1));
            }
            self.at += 1;
            let first = self.number()?;
            let (lower, upper) = if self.peek() == Some(b':') {
                self.at += 1;
                (first, self.number()?)
            } else {
                (1, first)
            };
            if self.peek() != Some(b']') {
                return Err(self.malformed("Missing \"]\" after array dimensions."));
            }
            self.at += 1;
            if upper < lower {
                return Err(Error::new(
                    crate::error::SqlState(*b"2202E"),
                    "upper bound cannot be less than lower bound",
                ));
            }
            let length = i64::from(upper) - i64::from(lower) + 1;
            let length = i32::try_from(length).map_err(|_| {
                Error::new(
                    state::PROGRAM_LIMIT_EXCEEDED,
                    "array size exceeds the maximum allowed",
                )
            })?;
            dims.push((length, lower));
        }
        if !dims.is_empty() {
            if self.peek() != Some(b'=') {
                return Err(self.malformed("Missing \"=\" after array dimensions."));
            }
            self.at += 1;
        }
        Ok(dims)
    }

    fn number(&mut self) -> Result<i32> {
        let start = self.at;
        if matches!(self.peek(), Some(b'-' | b'+')) {
            self.at += 1;
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.text[start..self.at].parse().map_err(|_| {
            self.malformed("\"[\" must introduce explicitly-specified array dimensions.")
        })
    }

    /// From the first brace to the one that closes it, without recursion.
    fn contents(&mut self) -> Result<()> {
        // Entries seen so far in each open brace, and whether one must follow.
        let mut counts: Vec<i32> = Vec::new();
        let mut after_value = false;
        // The depth at which elements stand, once it is known.
        let mut leaf: Option<usize> = None;
        let mismatch = "Multidimensional arrays must have sub-arrays with matching dimensions.";
        loop {
            self.skip_blanks();
            let Some(byte) = self.peek() else {
                return Err(self.malformed("Unexpected end of input."));
            };
            match byte {
                b'{' => {
                    if after_value {
                        return Err(self.malformed("Unexpected \"{\" character."));
                    }
                    if counts.len() == MAX_DIMENSIONS {
                        return Err(too_deep(MAX_DIMENSIONS + 1));
                    }
                    if leaf.is_some_and(|leaf| counts.len() >= leaf) {
                        return Err(self.malformed("Unexpected \"{\" character."));
                    }
                    counts.push(0);
                    self.at += 1;
                }
                b'}' => {
                    let level = counts.len();
                    let Some(count) = counts.pop() else {
                        return Err(self.malformed("Unexpected \"}\" character."));
                    };
                    // Only the outermost braces may be empty, and a comma promises another entry.
                    if !after_value && (count > 0 || level > 1) {
                        return Err(self.malformed("Unexpected \"}\" character."));
                    }
                    let count = count + i32::from(after_value);
                    match &mut self.lengths[level - 1] {
                        Some(length) if *length != count => {
                            return Err(self.malformed(mismatch));
                        }
                        length => *length = Some(count),
                    }
                    self.at += 1;
                    after_value = true;
                    if counts.is_empty() {
                        return Ok(());
                    }
                }
                b',' => {
                    if !after_value {
                        return Err(self.malformed("Unexpected \",\" character."));
                    }
                    if let Some(count) = counts.last_mut() {
                        *count += 1;
                    }
                    after_value = false;
                    self.at += 1;
                }
                _ => {
                    if after_value {
                        return Err(self.malformed("Unexpected array element."));
                    }
                    if *leaf.get_or_insert(counts.len()) != counts.len() {
                        return Err(self.malformed("Unexpected array element."));
                    }
                    let item = self.item()?;
                    self.items.push(item);
                    after_value = true;
                }
            }
        }
    }

    /// A quoted or bare element up to the delimiter behind it.
    fn item(&mut self) -> Result<Value> {
        let bytes = self.text.as_bytes();
        let mut text: Vec<u8> = Vec::new();
        // Up to here blanks count: they were quoted or escaped.
        let mut kept = 0;
        let mut quoted = false;
        let mut was_quoted = false;
        loop {
            let Some(&byte) = bytes.get(self.at) else {
                return Err(self.malformed("Unexpected end of input."));
            };
            match byte {
                b'\\' => {
                    let Some(&escaped) = bytes.get(self.at + 1) else {
                        return Err(self.malformed("Unexpected end of input."));
                    };
                    text.push(escaped);
                    self.at += 2;
                    kept = text.len();
                    was_quoted = true;
                    continue;
                }
                b'"' => {
                    // A second quoted part, or one glued to bare text, is refused.
                    if !quoted && (was_quoted || !text.is_empty()) {
                        return Err(self.malformed("Unexpected array element."));
                    }
                    quoted = !quoted;
                    was_quoted = true;
                    kept = text.len();
                }
                _ if quoted => text.push(byte),
                b',' | b'}' => break,
                b'{' => return Err(self.malformed("Unexpected \"{\" character.")),
                _ => {
                    if was_quoted
                        && !is_blank(byte)
                        && kept == text.len()
                        && bytes[self.at - 1] == b'"'
                    {
                        return Err(self.malformed("Unexpected array element."));
                    }
                    text.push(byte);
                }
            }
            self.at += 1;
        }
        while text.len() > kept && text.last().copied().is_some_and(is_blank) {
            text.pop();
        }
        let text =
            std::str::from_utf8(&text).map_err(|_| self.malformed("Unexpected array element."))?;
        if !was_quoted && text.eq_ignore_ascii_case("NULL") {
            return Ok(Value::Null);
        }
        parse_value(text, self.element, self.settings)
    }
}

fn too_deep(dimensions: usize) -> Error {
    Error::new(
        state::PROGRAM_LIMIT_EXCEEDED,
        format!(
            "number of array dimensions ({dimensions}) exceeds the maximum allowed ({MAX_DIMENSIONS})"
        ),
    )
}
