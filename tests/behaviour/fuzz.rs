//! Coverage-guided fuzzing of everything that reads bytes or text from others: a
//! minute in all here, an hour in the soak, where new inputs join the corpus.

use orbit_tests::{project, soak};
use std::process::Command;

const TARGETS: [&str; 6] = ["wire", "row", "key", "value", "log", "sql"];

#[test]
fn no_input_is_too_odd() {
    let seconds = if soak() { 600 } else { 10 };
    let script = project().join("scripts/fuzz.sh");
    for target in TARGETS {
        let mut command = Command::new(&script);
        command.arg(target).arg(seconds.to_string());
        if soak() {
            command.arg("--keep");
        }
        let output = command.current_dir(project()).output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", script.display()));
        let (said, told) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        eprint!("{said}");
        assert!(
            output.status.success(),
            "{target}: {}\n{told}",
            output.status
        );
    }
}
