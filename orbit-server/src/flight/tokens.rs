//! Who holds which session: by the token it was given, by what it sends with every
//! call, or by its connection. A table of digests, so what is in memory opens nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use orbit_core::{Error, Result};
use ring::digest::{Context, SHA256};
use ring::rand::{SecureRandom, SystemRandom};
use std::collections::HashMap;

/// More than anybody guesses.
const TOKEN_BYTES: usize = 32;

/// What a session is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    pub fn of_token(token: &str) -> Key {
        Key::of(b"token", &[token.as_bytes()])
    }

    /// Of a client that proves itself with every call.
    pub fn of_header(connection: u64, header: &str) -> Key {
        Key::of(b"header", &[&connection.to_le_bytes(), header.as_bytes()])
    }

    /// Of a client that says nothing about itself.
    pub fn of_connection(connection: u64) -> Key {
        Key::of(b"connection", &[&connection.to_le_bytes()])
    }

    fn of(kind: &[u8], parts: &[&[u8]]) -> Key {
        let mut context = Context::new(&SHA256);
        context.update(kind);
        context.update(&[0]);
        parts.iter().for_each(|part| context.update(part));
        let mut key = [0; 32];
        let digest = context.finish();
        key.iter_mut()
            .zip(digest.as_ref())
            .for_each(|(to, from)| *to = *from);
        Key(key)
    }
}

/// A new token, known to nobody yet.
pub fn token() -> Result<String> {
    let mut bytes = [0; TOKEN_BYTES];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::internal("the system gives no random numbers"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The sessions there are. The reception counts them; the table only finds them.
pub struct Tokens<T>(HashMap<Key, T>);

impl<T> Default for Tokens<T> {
    fn default() -> Tokens<T> {
        Tokens(HashMap::new())
    }
}

impl<T: Clone> Tokens<T> {
    pub fn find(&self, key: &Key) -> Option<T> {
        self.0.get(key).cloned()
    }

    /// What was there first stays, and is what counts.
    pub fn keep(&mut self, key: Key, session: T) -> T {
        self.0.entry(key).or_insert(session).clone()
    }

    pub fn retain(&mut self, mut stays: impl FnMut(&T) -> bool) {
        self.0.retain(|_, session| stays(session));
    }

    pub fn all(&self) -> Vec<T> {
        self.0.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_kinds_of_keys_do() {
        let (one, two) = (token().unwrap(), token().unwrap());
        assert_ne!(one, two);
        assert!(one.len() >= 43);
        assert_eq!(Key::of_token(&one), Key::of_token(&one));
        assert_ne!(Key::of_token(&one), Key::of_token(&two));
        assert_ne!(Key::of_header(1, "x"), Key::of_header(2, "x"));
        assert_ne!(Key::of_connection(1), Key::of_header(1, ""));
    }

    #[test]
    fn the_first_session_of_a_key_stays() {
        let mut tokens = Tokens::default();
        let key = Key::of_connection(1);
        assert_eq!(tokens.keep(key, 'a'), 'a');
        assert_eq!(tokens.keep(key, 'b'), 'a');
        tokens.retain(|held| *held != 'b');
        assert_eq!(tokens.find(&key), Some('a'));
        tokens.retain(|held| *held != 'a');
        assert!(tokens.find(&key).is_none() && tokens.all().is_empty());
    }
}
