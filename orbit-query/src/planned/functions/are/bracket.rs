//! Sets of letters in brackets, classes of letters, and letters behind a backslash.
//!
//! Classes are PostgreSQL's with the locale C.UTF-8: digits are ASCII's, letters are Unicode's.

use super::parse::{Options, bad};
use orbit_core::Result;

const SPACE: &str =
    r"\t-\r \x{1680}\x{2000}-\x{2006}\x{2008}-\x{200A}\x{2028}\x{2029}\x{205F}\x{3000}";

/// The set that `\d`, `\s`, `\w` (and their complements) speak of, without brackets.
pub fn of_escape(letter: char) -> Option<&'static str> {
    match letter {
        'd' | 'D' => Some("0-9"),
        's' | 'S' => Some(SPACE),
        'w' | 'W' => Some(r"\p{Alphabetic}\p{Nd}_"),
        _ => None,
    }
}

fn class(name: &str, insensitive: bool) -> Option<String> {
    let class = match name {
        "upper" | "lower" if insensitive => r"\p{Alphabetic}[\p{Nd}--0-9]",
        "alpha" => r"\p{Alphabetic}[\p{Nd}--0-9]",
        "alnum" => r"\p{Alphabetic}\p{Nd}",
        "word" => r"\p{Alphabetic}\p{Nd}_",
        "digit" => "0-9",
        "xdigit" => "0-9A-Fa-f",
        "upper" => r"\p{Uppercase}",
        "lower" => r"\p{Lowercase}",
        "ascii" => r"\x00-\x7F",
        "blank" => r"\t ",
        "cntrl" => r"\p{Cc}\x{2028}\x{2029}",
        "space" => SPACE,
        "graph" => return Some(format!(r"[^\p{{Cc}}\p{{Cn}}{SPACE}]")),
        "print" => {
            return Some(format!(
                r"[^\p{{Cc}}\p{{Cn}}{SPACE}][{SPACE}--\t-\r\x{{2028}}\x{{2029}}]"
            ));
        }
        "punct" => {
            return Some(format!(
                r"[^\p{{Cc}}\p{{Cn}}{SPACE}\p{{Alphabetic}}\p{{Nd}}]"
            ));
        }
        _ => return None,
    };
    Some(class.to_owned())
}

fn digits(rest: &[char], radix: u32, least: usize, most: usize) -> Result<(char, usize)> {
    let wrong = || bad("invalid escape \\ sequence");
    let mut value = 0u32;
    let mut read = 0;
    while let Some(digit) = rest.get(read).and_then(|letter| letter.to_digit(radix)) {
        if read == most {
            break;
        }
        value = value
            .checked_mul(radix)
            .and_then(|value| value.checked_add(digit))
            .ok_or_else(wrong)?;
        read += 1;
    }
    if read < least {
        return Err(wrong());
    }
    Ok((char::from_u32(value).ok_or_else(wrong)?, read))
}

/// The letter an escape stands for, and how many letters behind it belong to it.
pub fn escaped(letter: char, rest: &[char]) -> Result<(char, usize)> {
    Ok(match letter {
        'a' => ('\x07', 0),
        'b' => ('\x08', 0),
        'B' => ('\\', 0),
        'e' => ('\x1b', 0),
        'f' => ('\x0c', 0),
        'n' => ('\n', 0),
        'r' => ('\r', 0),
        't' => ('\t', 0),
        'v' => ('\x0b', 0),
        'c' => match rest.first() {
            Some(key) => (char::from_u32(u32::from(*key) & 31).unwrap_or('\0'), 1),
            None => return Err(bad("invalid escape \\ sequence")),
        },
        'u' => digits(rest, 16, 4, 4)?,
        'U' => digits(rest, 16, 8, 8)?,
        'x' => digits(rest, 16, 1, 255)?,
        '0' => digits(rest, 8, 0, 2)?,
        other if other.is_ascii_alphanumeric() => return Err(bad("invalid escape \\ sequence")),
        other => (other, 0),
    })
}

/// What stands between `[.` and `.]` and their like, and how many letters it takes.
fn named(rest: &[char], kind: char) -> Result<(String, usize)> {
    let mut name = String::new();
    for (at, letter) in rest.iter().enumerate() {
        if *letter == kind && rest.get(at + 1) == Some(&']') {
            return Ok((name, at + 2));
        }
        name.push(*letter);
    }
    Err(bad("brackets [] not balanced"))
}

/// One letter of a set, which a range may begin or end with; `None`: a class.
fn letter(rest: &[char], options: Options, out: &mut String) -> Result<(Option<char>, usize)> {
    let (first, behind) = match rest {
        [] => return Err(bad("brackets [] not balanced")),
        [first, behind @ ..] => (*first, behind),
    };
    match (first, behind.first()) {
        ('\\', None) => Err(bad("invalid escape \\ sequence")),
        ('\\', Some(next)) => {
            if let Some(class) = of_escape(*next) {
                if next.is_ascii_uppercase() {
                    out.push_str("[^");
                    out.push_str(class);
                    out.push(']');
                } else {
                    out.push_str(class);
                }
                return Ok((None, 2));
            }
            let (plain, read) = escaped(*next, behind.get(1..).unwrap_or_default())?;
            Ok((Some(plain), read + 2))
        }
        ('[', Some(kind @ ('.' | '=' | ':'))) => {
            let (name, read) = named(behind.get(1..).unwrap_or_default(), *kind)?;
            if *kind == ':' {
                let class = class(&name, options.insensitive);
                out.push_str(&class.ok_or_else(|| bad("invalid character class"))?);
                return Ok((None, read + 2));
            }
            let mut letters = name.chars();
            match (letters.next(), letters.next()) {
                (Some(only), None) => Ok((Some(only), read + 2)),
                _ => Err(bad("invalid collating element")),
            }
        }
        _ => Ok((Some(first), 1)),
    }
}

fn write(letter: char, out: &mut String) {
    if letter.is_alphanumeric() {
        out.push(letter);
    } else {
        out.push_str(&format!("\\x{{{:X}}}", u32::from(letter)));
    }
}

/// Writes a set out; what follows its `[` is given, and how much of it was read comes back.
pub fn set(rest: &[char], options: Options, out: &mut String) -> Result<usize> {
    let mut at = 0;
    out.push('[');
    let complement = rest.first() == Some(&'^');
    if complement {
        at += 1;
        out.push('^');
        if options.stops {
            out.push_str(r"\n");
        }
    }
    let first = at;
    loop {
        let left = rest.get(at..).unwrap_or_default();
        match left {
            [']', ..] if at > first => break,
            // In the middle it would be a range without a beginning.
            ['-', next, ..] if at > first && *next != ']' => {
                return Err(bad("invalid character range"));
            }
            _ => {}
        }
        let (low, read) = letter(left, options, out)?;
        at += read;
        let is_range = rest.get(at) == Some(&'-') && rest.get(at + 1).is_some_and(|l| *l != ']');
        let Some(low) = low else {
            if is_range {
                return Err(bad("invalid character range"));
            }
            continue;
        };
        write(low, out);
        if is_range {
            at += 1;
            let left = rest.get(at..).unwrap_or_default();
            let (high, read) = letter(left, options, out)?;
            at += read;
            match high.filter(|high| *high >= low) {
                Some(high) => {
                    out.push('-');
                    write(high, out);
                }
                None => return Err(bad("invalid character range")),
            }
        }
    }
    out.push(']');
    Ok(at + 1)
}
