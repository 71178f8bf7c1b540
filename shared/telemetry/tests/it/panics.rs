//! A panic is told like everything else: without what nobody may see. The hook is the process's, so a child process panics.

use std::process::Command;

/// The variable that makes [`child`] panic, with this text.
const CHILD: &str = "TELEMETRY_TEST_PANIC";

#[test]
fn a_panic_tells_no_secret_and_nobodys_address() {
    let heart = "Zk3vQx9LmN7pRt5w";
    let told = format!("of ann@contoso.example: Authorization: Bearer eyJhbGciOiJQUzI1NiJ9.eyJhdWQiOi{heart}.c2ln_{heart}-{heart}");
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command.args(["--exact", "panics::child", "--nocapture"]).env(CHILD, &told).output().unwrap();
    assert!(!output.status.success(), "it panicked");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    assert!(said.contains("panics.rs") && said.contains("it went wrong"), "where, and what: {said}");
    assert!(!said.contains(heart) && !said.contains("ann@contoso.example"), "{said}");
}

/// Does nothing, unless [`a_panic_tells_no_secret_and_nobodys_address`] runs it.
#[test]
fn child() {
    #[expect(clippy::disallowed_methods, reason = "it is how a child of a test is told what to do")]
    let Ok(told) = std::env::var(CHILD) else { return };
    telemetry::init(&telemetry::Settings::default()).unwrap();
    panic!("it went wrong: {told}");
}
