//! Backslash commands.

use super::ask::{Asker, Block, told};
use super::{copy, describe, help, names, split};
use crate::cli::client::connect;
use crate::cli::part_file::in_file;
use crate::cli::table::Output;
use crate::cli::visible::visible;
use crate::cli::{Failure, interrupted};
use clap::ValueEnum;
use orbit_core::{Error, state};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Files of `\i` within each other; more is surely a circle.
const MOST_FILES: usize = 32;

/// Whether to go on, and whether the statement begun before the command was used up.
type Done = Result<(bool, bool), Failure>;

impl Asker {
    pub async fn command(&mut self, before: &str, line: &str) -> Done {
        let line = line.trim().trim_end_matches(';').trim_end();
        let (name, rest) = match line.split_once(char::is_whitespace) {
            Some((name, rest)) => (name, rest.trim()),
            None => (line, ""),
        };
        match name {
            "q" | "quit" => return Ok((false, true)),
            "g" | "gx" | "watch" | "e" | "edit" | "r" | "p" => {
                return self.about_statement(name, rest, before).await;
            }
            "?" | "help" => self.write(&help::commands())?,
            "h" => self.write(&help::syntax(rest))?,
            "x" => {
                self.expanded = switch(rest, self.expanded)?;
                eprintln!("Expanded display is {}.", on_off(self.expanded));
            }
            "timing" => {
                self.timing = switch(rest, self.timing)?;
                eprintln!("Timing is {}.", on_off(self.timing));
            }
            "pset" => self.pset(rest)?,
            "set" => self.set(rest)?,
            "unset" => {
                self.variables.remove(rest);
            }
            "echo" => {
                let words: Vec<String> = words(rest).iter().map(|word| self.value(word)).collect();
                self.write(&format!("{}\n", words.join(" ")))?;
            }
            "i" | "include" => return self.include(rest).await,
            "o" | "out" => self.redirect(rest)?,
            "c" | "connect" => self.reconnect(rest).await?,
            "conninfo" => {
                let to = &self.address;
                let text = format!(
                    "You are connected to database \"{}\" as user \"{}\" on host \"{}\" at port \"{}\".\n",
                    to.database, to.user, to.host, to.port
                );
                self.write(&text)?;
            }
            "copy" => {
                let start = Instant::now();
                let copied = copy::run(&self.client, rest).await;
                if copied.is_err() && self.block == Block::Open {
                    self.block = Block::Failed;
                }
                match copied.map_err(|failure| told(failure, rest))? {
                    Some(rows) => eprintln!("COPY {rows}"),
                    None => eprintln!("COPY"),
                }
                if self.timing {
                    eprintln!("Time: {:.3} ms", start.elapsed().as_secs_f64() * 1e3);
                }
            }
            "l" => self.listing("l", rest).await?,
            _ if name.starts_with('d') => self.listing(name, rest).await?,
            _ => {
                return Err(Failure::Work(
                    Error::new(
                        state::SYNTAX_ERROR,
                        format!("unknown command \\{}", visible(name)),
                    )
                    .with_hint("\\? lists what there is."),
                ));
            }
        }
        Ok((true, false))
    }

    async fn listing(&mut self, name: &str, pattern: &str) -> Result<(), Failure> {
        match describe::run(self, name, pattern).await {
            Ok(()) => Ok(()),
            Err(failure) => {
                if self.block == Block::Open && matches!(failure, Failure::Work(_)) {
                    self.block = Block::Failed;
                }
                Err(failure)
            }
        }
    }

    /// Commands about the statement begun before them, or else the last one.
    async fn about_statement(&mut self, name: &str, rest: &str, before: &str) -> Done {
        let sql = match split::is_blank(before) {
            true => self.last.clone(),
            false => before.trim().to_owned(),
        };
        match name {
            "r" => return Ok((true, true)),
            "p" => {
                let text = format!("{}\n", visible(&sql));
                self.write(&text)?;
                return Ok((true, false));
            }
            "e" | "edit" => {
                let edited = edit(&sql, rest)?;
                eprintln!("{}", visible(edited.trim_end()));
                return Ok((Box::pin(self.script(&edited)).await?, true));
            }
            _ => {}
        }
        if split::is_blank(&sql) {
            return Err(Failure::Work(Error::new(
                state::NO_ACTIVE_SQL_TRANSACTION,
                format!("\\{name}: there is no statement yet"),
            )));
        }
        match name {
            "watch" => self.watch(&sql, rest).await?,
            _ => {
                let expanded = self.expanded;
                self.expanded |= name == "gx";
                let done = self.statement(&sql).await;
                self.expanded = expanded;
                done.map_err(|failure| told(failure, &sql))?;
            }
        }
        Ok((true, true))
    }

    /// `\watch [SECONDS] [c=TIMES]`: until Ctrl-C, an error, or so many times.
    async fn watch(&mut self, sql: &str, rest: &str) -> Result<(), Failure> {
        let mut pause = Duration::from_secs(2);
        let mut times = u64::MAX;
        for word in rest.split_whitespace() {
            let wrong = || {
                Failure::Work(Error::new(
                    state::INVALID_PARAMETER_VALUE,
                    format!("\\watch: incorrect interval value \"{}\"", visible(word)),
                ))
            };
            match word.strip_prefix("c=") {
                Some(count) => times = count.parse().map_err(|_| wrong())?,
                None => {
                    let seconds: f64 =
                        word.trim_start_matches("i=").parse().map_err(|_| wrong())?;
                    pause = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
                }
            }
        }
        let stopped = interrupted();
        let mut stopped = std::pin::pin!(stopped);
        for time in 1..=times {
            let now = chrono::Local::now().format("%a %b %e %H:%M:%S %Y");
            self.write(&format!("{now} (every {}s)\n", pause.as_secs_f64()))?;
            tokio::select! {
                result = self.statement(sql) => result.map_err(|failure| told(failure, sql))?,
                () = &mut stopped => break,
            }
            if time == times {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = &mut stopped => break,
            }
        }
        Ok(())
    }

    fn pset(&mut self, rest: &str) -> Result<(), Failure> {
        let words = words(rest);
        let word = |at: usize| words.get(at).map(String::as_str).unwrap_or_default();
        match (word(0), word(1)) {
            ("", _) => {
                let format = self.output.to_possible_value();
                let format = format.map_or_else(String::new, |value| value.get_name().to_owned());
                let text = format!(
                    "format   {format}\nnull     '{}'\nexpanded {}\n",
                    self.null,
                    on_off(self.expanded)
                );
                self.write(&text)
            }
            ("null", text) => {
                self.null = self.value(text);
                eprintln!("Null display is \"{}\".", visible(&self.null));
                Ok(())
            }
            ("format", name) => {
                let name = if name == "aligned" { "table" } else { name };
                self.output = Output::from_str(name, true).map_err(|_| {
                    Failure::Work(Error::new(
                        state::INVALID_PARAMETER_VALUE,
                        "\\pset: allowed formats are table, json, csv",
                    ))
                })?;
                eprintln!("Output format is {name}.");
                Ok(())
            }
            ("x" | "expanded", text) => {
                self.expanded = switch(text, self.expanded)?;
                eprintln!("Expanded display is {}.", on_off(self.expanded));
                Ok(())
            }
            (other, _) => Err(Failure::Work(
                Error::new(
                    state::INVALID_PARAMETER_VALUE,
                    format!("\\pset: unknown option: {}", visible(other)),
                )
                .with_hint("There are format, null and expanded."),
            )),
        }
    }

    fn set(&mut self, rest: &str) -> Result<(), Failure> {
        let words = words(rest);
        let Some((name, values)) = words.split_first() else {
            let all: String = self
                .variables
                .iter()
                .map(|(name, value)| format!("{name} = '{}'\n", visible(value)))
                .collect();
            return self.write(&all);
        };
        let named = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !named || name.is_empty() {
            return Err(Failure::Work(Error::new(
                state::INVALID_PARAMETER_VALUE,
                format!("invalid variable name: \"{}\"", visible(name)),
            )));
        }
        let value = values.iter().map(|word| self.value(word)).collect();
        self.variables.insert(name.clone(), value);
        Ok(())
    }

    /// A word of a command with the variable it may be put in.
    fn value(&self, word: &str) -> String {
        let variable = word
            .strip_prefix(':')
            .and_then(|name| self.variables.get(name));
        variable.cloned().unwrap_or_else(|| word.to_owned())
    }

    async fn include(&mut self, rest: &str) -> Done {
        if self.depth >= MOST_FILES {
            return Err(Failure::Work(Error::new(
                state::PROGRAM_LIMIT_EXCEEDED,
                format!("\\i: files are nested more than {MOST_FILES} deep"),
            )));
        }
        let file = words(rest).into_iter().next().unwrap_or_default();
        let script = super::read_script(Path::new(&file))?;
        self.depth += 1;
        let interactive = std::mem::replace(&mut self.interactive, false);
        let done = Box::pin(self.script(&script)).await;
        self.interactive = interactive;
        self.depth -= 1;
        Ok((done?, false))
    }

    fn redirect(&mut self, rest: &str) -> Result<(), Failure> {
        self.sink = match words(rest).into_iter().next() {
            None => None,
            Some(name) => {
                let path = PathBuf::from(name);
                let file = File::create(&path).map_err(|error| in_file(&path, error))?;
                Some((path, file))
            }
        };
        Ok(())
    }

    async fn reconnect(&mut self, rest: &str) -> Result<(), Failure> {
        let mut to = self.address.clone();
        let given = words(rest);
        let mut given = given.iter().filter(|word| !word.is_empty());
        let mut put = |place: &mut String| {
            if let Some(word) = given.next().filter(|word| *word != "-") {
                place.clone_from(word);
            }
        };
        put(&mut to.database);
        put(&mut to.user);
        put(&mut to.host);
        let mut port = to.port.to_string();
        put(&mut port);
        to.port = port.parse().map_err(|_| {
            Failure::Work(Error::new(
                state::INVALID_PARAMETER_VALUE,
                format!("\\c: \"{}\" is no port", visible(&port)),
            ))
        })?;
        // The old connection stands if there is no new one.
        self.client = connect(&to).await?;
        self.address = to;
        self.block = Block::Idle;
        self.changed = true;
        eprintln!(
            "You are now connected to database \"{}\" as user \"{}\".",
            self.address.database, self.address.user
        );
        Ok(())
    }
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn switch(word: &str, now: bool) -> Result<bool, Failure> {
    match word {
        "" => Ok(!now),
        "on" | "true" | "1" => Ok(true),
        "off" | "false" | "0" => Ok(false),
        other => Err(Failure::Work(Error::new(
            state::INVALID_PARAMETER_VALUE,
            format!("\"{}\" is neither on nor off", visible(other)),
        ))),
    }
}

/// The words of a command's line; quotes hold one together.
fn words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut characters = text.chars().peekable();
    loop {
        while characters.next_if(|c| c.is_whitespace()).is_some() {}
        let Some(&first) = characters.peek() else {
            return found;
        };
        let mut word = String::new();
        if first == '\'' {
            characters.next();
            while let Some(character) = characters.next() {
                if character == '\'' && characters.next_if_eq(&'\'').is_none() {
                    break;
                }
                word.push(character);
            }
        } else {
            while let Some(character) = characters.next_if(|c| !c.is_whitespace()) {
                word.push(character);
            }
        }
        found.push(word);
    }
}

/// Lets the user's editor change a text, and gives back what it made of it.
fn edit(sql: &str, file: &str) -> Result<String, Failure> {
    let editor = ["ORBIT_EDITOR", "VISUAL", "EDITOR"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| "vi".to_owned());
    let temporary = tempfile::Builder::new()
        .prefix("orbit-")
        .suffix(".sql")
        .tempfile()
        .map_err(|error| Failure::Work(error.into()))?;
    let path = match file.is_empty() {
        true => temporary.path().to_path_buf(),
        false => PathBuf::from(file),
    };
    if file.is_empty() {
        std::fs::write(&path, format!("{}\n", sql.trim()))
            .map_err(|error| in_file(&path, error))?;
    }
    // As a shell would take it: an editor may come with options.
    let status = std::process::Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$1\""))
        .arg("sh")
        .arg(&path)
        .status()
        .map_err(|error| Failure::Work(error.into()))?;
    if !status.success() {
        return Err(Failure::Work(Error::new(
            state::IO_ERROR,
            format!("the editor \"{editor}\" failed: {status}"),
        )));
    }
    super::read_script(&path)
}

/// Names for completion, read again when a statement may have changed them.
pub async fn refresh(asker: &mut Asker) -> Option<names::Names> {
    // A failed block answers nothing, and an open one must not be touched needlessly.
    if !asker.changed || asker.block != Block::Idle {
        return None;
    }
    asker.changed = false;
    Some(names::Names::read(&asker.client).await)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn quotes_hold_words_together() {
        assert_eq!(words("a 'b c' 'it''s' ''"), ["a", "b c", "it's", ""]);
        assert_eq!(words("  "), Vec::<String>::new());
        assert_eq!(words("'open"), ["open"]);
    }
}
