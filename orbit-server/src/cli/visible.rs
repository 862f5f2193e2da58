//! Text from elsewhere on a terminal: what a terminal would obey is shown instead.
//!
//! A row may hold anything, also the bytes that clear a screen, rename a window or
//! answer a question the terminal was never asked.

use std::fmt::Write;

/// Line ends and tabs stand; every other control character, and those that turn the
/// direction of text around, are written out.
pub fn visible(text: &str) -> String {
    if !text.chars().any(is_hostile) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match u32::from(character) {
            _ if !is_hostile(character) => out.push(character),
            code @ 0..=0xff => {
                let _ = write!(out, "\\x{code:02x}");
            }
            code => {
                let _ = write!(out, "\\u{code:04x}");
            }
        }
    }
    out
}

fn is_hostile(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => true,
        character => character.is_control(),
    }
}

/// JSON text with such characters written as JSON's own escapes: it means the same.
pub fn in_json(text: String) -> String {
    if !text.chars().any(|c| is_hostile(c) && c != '\r') {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_hostile(character) && character != '\r' {
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_written_out() {
        assert_eq!(visible("a\n\tb é 数"), "a\n\tb é 数");
        assert_eq!(visible("\u{1b}]0;x\u{7}"), "\\x1b]0;x\\x07");
        assert_eq!(visible("\u{9b}2J\r\u{7f}"), "\\x9b2J\\x0d\\x7f");
        assert_eq!(visible("a\u{202e}b"), "a\\u202eb");
    }

    #[test]
    fn json_means_the_same_after_it() {
        let json = in_json("[\"\u{9b}\u{202e}\"]".to_owned());
        let read: Vec<String> = serde_json::from_str(&json).unwrap();
        assert_eq!(read, ["\u{9b}\u{202e}"]);
        assert!(json.is_ascii());
    }
}
