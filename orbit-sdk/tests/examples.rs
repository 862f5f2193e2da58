//! The examples do what they say, and end well.

use std::path::PathBuf;
use std::process::Command;

/// Cargo builds the examples of a package with its tests, beside them.
fn example(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let built = own.ancestors().nth(2).unwrap();
    let path = built.join("examples").join(name);
    assert!(
        path.exists(),
        "{} is missing: build it with `cargo build -p orbit-sdk --examples`",
        path.display()
    );
    path
}

fn said_by(name: &str) -> String {
    let output = Command::new(example(name)).output().unwrap();
    let (said, complaint) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{name}: {said}{complaint}");
    said.into_owned()
}

#[test]
fn a_thermostat_heats_with_patience_and_remembers() {
    let said = said_by("thermostat");
    let wanted = "\
kitchen 18 °C: heat
kitchen 20.2 °C: heat
kitchen 21.2 °C: heat
kitchen 21.8 °C: rest
kitchen 20.9 °C: rest
kitchen 20.1 °C: heat
6 measurements, 4 of them with the heating on
the kitchen still wants 21 °C
";
    assert_eq!(said, wanted);
}

#[test]
fn a_till_gives_every_receipt_once_and_its_sums_are_right() {
    let said = said_by("till");
    let wanted = "\
basket 1: receipt 1, 240 cents
basket 2: receipt 2, 960 cents
closed, and opened again
basket 2: receipt 2, 960 cents
basket 3: receipt 3, 400 cents
basket 4: refused, there is one bread left
basket 5: receipt 4, 320 cents
4 receipts, 20 pieces sold and 14 left, 1920 cents
the sums are right
";
    assert_eq!(said, wanted);
}

#[test]
fn a_line_goes_on_when_a_machine_fails() {
    let said = said_by("production_line");
    assert!(said.contains("the press is jammed"), "{said}");
    assert!(said.contains("120 pieces and 2 faults in "), "{said}");
    assert!(said.ends_with(" 1 failure\nthe line is done\n"), "{said}");
}
