//! LIKE and ILIKE.

use orbit_core::{Error, Result, state};

/// `escape` is `None` when ESCAPE '' turned escaping off.
///
/// Runs in O(subject x pattern) at worst and without recursion: only the last
/// `%` is ever tried again.
pub fn like(subject: &str, pattern: &str, escape: Option<char>, insensitive: bool) -> Result<bool> {
    let same = |a: char, b: char| a == b || (insensitive && a.to_lowercase().eq(b.to_lowercase()));
    let (mut s, mut p) = (subject, pattern);
    // Where to go on when what follows the last `%` fails: one character later.
    let mut retry: Option<(&str, &str)> = None;
    loop {
        let mut rest = p.chars();
        let matched = match rest.next() {
            Some('%') if escape != Some('%') => {
                p = rest.as_str();
                if p.is_empty() {
                    return Ok(true);
                }
                retry = Some((s, p));
                continue;
            }
            None => s.is_empty(),
            Some(wanted) => {
                let literal = escape == Some(wanted);
                let wanted = if literal {
                    rest.next().ok_or_else(|| {
                        Error::new(
                            state::INVALID_ESCAPE_SEQUENCE,
                            "LIKE pattern must not end with escape character",
                        )
                    })?
                } else {
                    wanted
                };
                let mut subject = s.chars();
                match subject.next() {
                    Some(have) if (wanted == '_' && !literal) || same(have, wanted) => {
                        s = subject.as_str();
                        p = rest.as_str();
                        continue;
                    }
                    _ => false,
                }
            }
        };
        if matched {
            return Ok(true);
        }
        let Some((from, after)) = retry else {
            return Ok(false);
        };
        let mut later = from.chars();
        if later.next().is_none() {
            return Ok(false);
        }
        s = later.as_str();
        p = after;
        retry = Some((s, after));
    }
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn follows_postgresql() {
        for (subject, pattern, answer) in [
            ("", "", true),
            ("", "%", true),
            ("", "_", false),
            ("abc", "abc", true),
            ("abc", "a%", true),
            ("abc", "%c", true),
            ("abc", "%b%", true),
            ("abc", "_b_", true),
            ("abc", "%b", false),
            ("abcbd", "a%bd", true),
            ("aXbXc", "a%X%c", true),
            ("50%", "50\\%", true),
            ("50x", "50\\%", false),
            ("ä€", "__", true),
            ("a", "A", false),
            ("abab", "%ab", true),
            ("mississippi", "m%iss%ip%i", true),
            ("mississippi", "m%iss%ip%x", false),
        ] {
            assert_eq!(
                like(subject, pattern, Some('\\'), false).unwrap(),
                answer,
                "{subject} LIKE {pattern}"
            );
        }
        assert!(like("ABC", "a%C", Some('\\'), true).unwrap());
        assert!(like("a%", "a!%", Some('!'), false).unwrap());
        assert!(like("abc", "a\\", None, false).is_ok());
        assert!(
            like("a", "a\\", Some('\\'), false).is_ok_and(|m| !m)
                || like("a", "a\\", Some('\\'), false).is_err()
        );
    }

    #[test]
    fn a_hostile_pattern_stays_polynomial() {
        let subject = "a".repeat(20_000);
        let pattern = "%a".repeat(200) + "b";
        assert!(!like(&subject, &pattern, Some('\\'), false).unwrap());
    }
}
