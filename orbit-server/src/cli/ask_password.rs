//! A password, asked of whoever sits at the terminal; never shown, never logged.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsRawFd;

/// `None`: there is no terminal to ask at, or nothing was answered.
pub fn ask(prompt: &str) -> Option<String> {
    let mut terminal = File::options()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .ok()?;
    write!(terminal, "{prompt}").ok()?;
    let quiet = Quiet::on(&terminal)?;
    let mut line = String::new();
    let read = BufReader::new(&terminal).read_line(&mut line);
    drop(quiet);
    let _ = writeln!(terminal);
    read.ok()?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    (!password.is_empty()).then_some(password)
}

/// The terminal's echo, off for as long as this lives.
struct Quiet<'a> {
    terminal: &'a File,
    before: libc::termios,
}

impl<'a> Quiet<'a> {
    fn on(terminal: &'a File) -> Option<Quiet<'a>> {
        // SAFETY: all zeros are a valid termios, which the call fills in.
        let mut before: libc::termios = unsafe { std::mem::zeroed() };
        // SAFETY: the descriptor is open as long as `terminal` lives.
        if unsafe { libc::tcgetattr(terminal.as_raw_fd(), &mut before) } != 0 {
            return None;
        }
        let mut silent = before;
        silent.c_lflag &= !libc::ECHO;
        // SAFETY: as above.
        let done = unsafe { libc::tcsetattr(terminal.as_raw_fd(), libc::TCSAFLUSH, &silent) };
        (done == 0).then_some(Quiet { terminal, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        // SAFETY: the descriptor is open as long as `terminal` lives.
        unsafe { libc::tcsetattr(self.terminal.as_raw_fd(), libc::TCSAFLUSH, &self.before) };
    }
}
