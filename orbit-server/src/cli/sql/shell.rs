//! The interactive shell: lines, history, completion, and statements over several lines.

use super::ask::{Asker, Block, show_in};
use super::commands::refresh;
use super::complete::FromCatalog;
use super::names::Names;
use super::split;
use crate::cli::client::connect;
use crate::cli::client_tls;
use crate::cli::visible::visible;
use crate::cli::{Failure, show};
use orbit_core::Error;
use parking_lot::Mutex;
use reedline::{
    ColumnarMenu, Emacs, FileBackedHistory, KeyCode, KeyModifiers, MenuBuilder, Prompt,
    PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent, ReedlineMenu, Signal,
    ValidationResult, Validator, default_emacs_keybindings,
};
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

const HISTORY_LINES: usize = 5000;
const MENU: &str = "completion";

/// A line is complete when its statement is, or its backslash command.
struct UntilSemicolon;

impl Validator for UntilSemicolon {
    fn validate(&self, line: &str) -> ValidationResult {
        match split::is_complete(line) {
            true => ValidationResult::Complete,
            false => ValidationResult::Incomplete,
        }
    }
}

/// `orbit=> `, inside a transaction `orbit=*> `, in a failed one `orbit=!> `.
struct ByBlock {
    database: String,
    block: Block,
}

impl Prompt for ByBlock {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        let mark = match self.block {
            Block::Idle => "",
            Block::Open => "*",
            Block::Failed => "!",
        };
        format!("{}={mark}> ", self.database).into()
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        format!("{}-> ", self.database).into()
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        format!("(search: {}) ", search.term).into()
    }
}

fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let directory = state.or_else(home)?.join("orbit");
    std::fs::create_dir_all(&directory).ok()?;
    Some(directory.join("history"))
}

fn editor(names: &Arc<Mutex<Arc<Names>>>) -> Reedline {
    let mut keys = default_emacs_keybindings();
    let complete = vec![
        ReedlineEvent::Menu(MENU.to_owned()),
        ReedlineEvent::MenuNext,
    ];
    keys.add_binding(
        KeyModifiers::NONE,
        KeyCode::Tab,
        ReedlineEvent::UntilFound(complete),
    );
    keys.add_binding(
        KeyModifiers::SHIFT,
        KeyCode::BackTab,
        ReedlineEvent::MenuPrevious,
    );
    let editor = Reedline::create()
        .with_validator(Box::new(UntilSemicolon))
        .with_completer(Box::new(FromCatalog {
            names: names.clone(),
        }))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(
            ColumnarMenu::default().with_name(MENU),
        )))
        .with_edit_mode(Box::new(Emacs::new(keys)));
    let history =
        history_file().and_then(|file| FileBackedHistory::with_file(HISTORY_LINES, file).ok());
    match history {
        Some(history) => editor.with_history(Box::new(history)),
        None => editor,
    }
}

pub async fn run(mut asker: Asker) -> Result<(), Failure> {
    eprintln!(
        "orbit {}; \\? for help, \\q to leave",
        env!("CARGO_PKG_VERSION")
    );
    asker.interactive = true;
    let names = Arc::new(Mutex::new(Arc::new(Names::default())));
    let mut editor = editor(&names);
    loop {
        if let Some(read) = refresh(&mut asker).await {
            *names.lock() = Arc::new(read);
        }
        let prompt = ByBlock {
            database: visible(&asker.address.database),
            block: asker.block,
        };
        // The editor blocks its thread while a key is awaited.
        let (back, line) = tokio::task::spawn_blocking(move || {
            let line = editor.read_line(&prompt);
            (editor, line)
        })
        .await
        .map_err(|error| Failure::Work(Error::internal(error.to_string())))?;
        editor = back;
        match line.map_err(|error| Failure::Work(error.into()))? {
            Signal::Success(line) => {
                if !run_line(&mut asker, &line).await? {
                    return Ok(());
                }
            }
            Signal::CtrlD => return Ok(()),
            _ => {}
        }
    }
}

/// `false`: leave. Errors are shown and the shell goes on.
async fn run_line(asker: &mut Asker, line: &str) -> Result<bool, Failure> {
    let token = asker.client.cancel_token();
    let tls = client_tls::of(&asker.address)?;
    let watches = line.contains("\\watch");
    let result = {
        let mut running = std::pin::pin!(asker.script(line));
        tokio::select! {
            result = &mut running => result,
            // `\watch` ends by itself on Ctrl-C.
            _ = tokio::signal::ctrl_c(), if !watches => {
                // Whether the node heard of it shows in how the statement ends.
                let _ = match tls {
                    Some(tls) => token.cancel_query(tls).await,
                    None => token.cancel_query(tokio_postgres::NoTls).await,
                };
                running.await
            }
        }
    };
    match result {
        Ok(stay) => Ok(stay),
        Err(failure) => recover(asker, failure, line).await.map(|()| true),
    }
}

/// After an SQL error the connection stands; after a lost one a new one is tried.
async fn recover(asker: &mut Asker, failure: Failure, sql: &str) -> Result<(), Failure> {
    match failure {
        Failure::Told => {}
        Failure::Work(error) => eprintln!("{}", show_in(&error, sql)),
        Failure::Connection(error) => {
            eprintln!("{}", show(&error));
            if !asker.client.is_closed() {
                return Ok(());
            }
            asker.client = connect(&asker.address).await?;
            asker.block = Block::Idle;
            eprintln!("Connected again. An open transaction was rolled back.");
        }
        other => return Err(other),
    }
    Ok(())
}
