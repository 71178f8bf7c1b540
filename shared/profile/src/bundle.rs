//! A profile with the files that it includes, as one text: what a stack's table keeps.
//!
//! The files stand behind the profile as comments, so that the whole is an ordinary profile that people can read:
//!
//! ```text
//! #@ helpdesk.toml
//! #| [[contacts]]
//! #| key = "helpdesk"
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;

use crate::{Loader, Profile, ProfileErrors, Warning};

const FILE: &str = "#@ ";
const LINE: &str = "#| ";

impl Profile {
    /// Reads and checks a bundle: a profile whose files, if it includes any, stand behind it.
    ///
    /// # Errors
    /// As for [`Profile::parse`].
    pub fn parse_bundle(file_name: &str, text: &str) -> Result<(Self, Vec<Warning>), ProfileErrors> {
        let files = files(text);
        let load = |name: &str| files.get(name).cloned().ok_or_else(|| missing(name));
        Self::parse(file_name, text, &load)
    }

    /// Reads and checks a profile, and answers it with the bundle of it and of every file it includes.
    ///
    /// # Errors
    /// As for [`Profile::parse`].
    pub fn bundle(file_name: &str, text: &str, load: &Loader<'_>) -> Result<(Self, Vec<Warning>, String), ProfileErrors> {
        let old = files(text);
        let read: RefCell<BTreeMap<String, String>> = RefCell::default();
        // A profile that comes out of a bundle finds its files there, where they stand nowhere else.
        let load = |name: &str| {
            let found = load(name).or_else(|error| old.get(name).cloned().ok_or(error))?;
            read.borrow_mut().insert(name.to_owned(), found.clone());
            Ok(found)
        };
        let bare = without_files(text);
        let (profile, warnings) = Self::parse(file_name, &bare, &load)?;
        let mut bundle = bare;
        for (name, content) in read.into_inner() {
            if !bundle.ends_with('\n') {
                bundle.push('\n');
            }
            bundle.push_str(&format!("{FILE}{name}\n"));
            content.lines().for_each(|line| bundle.push_str(&format!("{LINE}{line}\n")));
        }
        Ok((profile, warnings, bundle))
    }
}

/// The files behind a profile.
fn files(text: &str) -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let mut name: Option<String> = None;
    for line in text.lines() {
        if let Some(next) = line.strip_prefix(FILE) {
            files.insert(next.to_owned(), String::new());
            name = Some(next.to_owned());
        } else if let (Some(line), Some(content)) = (content_of(line), name.as_ref().and_then(|name| files.get_mut(name))) {
            content.push_str(line);
            content.push('\n');
        }
    }
    files
}

/// An editor may have taken the blank from the end of an empty line.
fn content_of(line: &str) -> Option<&str> {
    line.strip_prefix(LINE).or_else(|| (line == LINE.trim_end()).then_some(""))
}

fn without_files(text: &str) -> String {
    let own = |line: &&str| !line.starts_with(FILE) && content_of(line).is_none();
    text.split_inclusive('\n').filter(|line| own(&line.trim_end_matches(['\n', '\r']))).collect()
}

fn missing(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("{name} does not stand behind the profile; push it again with the file beside it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"client = "acme"
[tenants.contoso]
id = "11111111-1111-1111-1111-111111111111"
app_id = "22222222-2222-2222-2222-222222222222"
[tenants.fabrikam]
id = "33333333-3333-3333-3333-333333333333"
app_id = "44444444-4444-4444-4444-444444444444"
[[pairs]]
a = "contoso"
b = "fabrikam"
[[static_contacts]]
include = "desk.toml""#;

    const DESK: &str = "[[contacts]]\nkey = \"desk\"\n\naddress = \"desk@msp.example\"\ndisplay_name = \"Desk\"\n";

    #[test]
    fn a_bundle_is_read_without_its_files_and_bundled_again_to_the_same() {
        let load = |name: &str| if name == "desk.toml" { Ok(DESK.to_owned()) } else { Err(missing(name)) };
        let (profile, _, bundle) = Profile::bundle("p.toml", TEXT, &load).unwrap();
        assert_eq!(profile.static_contacts.len(), 1);
        assert_eq!(format!("{:?}", Profile::parse_bundle("stored", &bundle).unwrap().0), format!("{profile:?}"));
        let nowhere = |name: &str| Err(missing(name));
        assert_eq!(Profile::bundle("p.toml", &bundle, &nowhere).unwrap().2, bundle, "also where the files are gone");
        let changed = |_: &str| Ok(DESK.replace("Desk", "Help desk"));
        assert!(Profile::bundle("p.toml", &bundle, &changed).unwrap().2.contains("Help desk"), "a file beside it is the newer one");
        assert!(Profile::parse_bundle("stored", TEXT).unwrap_err().to_string().contains("push it again"));
    }
}
