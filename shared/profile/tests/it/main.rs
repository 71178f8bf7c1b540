//! The profile from outside: good ones, bad ones, and everything between.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, and their helpers")]

mod bad;
mod good;
mod hostile;
mod schema;

use std::io;

use profile::{Profile, ProfileErrors, Warning};

/// The example, and the file it includes.
const EXAMPLE: &str = include_str!("../../example.toml");
const HELPDESK: &str = include_str!("../../example-helpdesk.toml");

/// The files that the tests' profiles may include.
fn load(file: &str) -> io::Result<String> {
    match file {
        "helpdesk.toml" => Ok(HELPDESK.to_owned()),
        "bad.toml" => Ok("[[contacts]]\nkey = \"x\"\naddress = \"nobody\"\nnick = \"x\"\n".to_owned()),
        "broken.toml" => Ok("[[contacts]\n".to_owned()),
        "secret.toml" => Ok("[[contacts]]\npassword = \"hunter2\"\n".to_owned()),
        "huge.toml" => Ok("#".repeat(profile::MAX_SIZE + 1)),
        _ => Err(io::Error::new(io::ErrorKind::NotFound, "no such file")),
    }
}

fn parse(text: &str) -> Result<(Profile, Vec<Warning>), ProfileErrors> {
    Profile::parse("profile.toml", text, &load)
}

/// Two tenants and a pair, with more behind it: what stands there belongs to the pair. It begins on line 8.
fn with(more: &str) -> String {
    format!("{PAIR}{more}")
}

/// Seven lines.
const PAIR: &str = r#"client = "contoso"
tenants.contoso = { id = "11111111-1111-1111-1111-111111111111", app_id = "22222222-2222-2222-2222-222222222222" }
tenants.fabrikam = { id = "33333333-3333-3333-3333-333333333333", app_id = "44444444-4444-4444-4444-444444444444" }

[[pairs]]
a = "contoso"
b = "fabrikam"
"#;
