//! Files that are torn, huge, of other bytes, or hold what they must not.

use proptest::prelude::*;

use profile::{Profile, ProfileError};

use crate::{EXAMPLE, load, parse, with};

#[test]
fn a_profile_torn_at_any_byte_is_refused_or_whole_and_never_panics() {
    for end in 0..EXAMPLE.len() {
        match Profile::parse_bytes("profile.toml", &EXAMPLE.as_bytes()[..end], &load) {
            Ok((profile, _)) => assert!(!profile.tenants.is_empty()),
            Err(errors) => {
                assert!(!errors.problems.is_empty());
                assert!(!errors.to_string().is_empty());
            }
        }
    }
}

#[test]
fn other_bytes_are_refused_with_their_place() {
    let errors = Profile::parse_bytes("profile.toml", b"client = \"x\"\nna\xc3\xa4h\xe9 = 1\n", &load).unwrap_err();
    assert_eq!(errors.to_string(), "profile.toml:2:5: not UTF-8 from here on: save the file as UTF-8");
    let marked = [b"\xef\xbb\xbf".as_slice(), EXAMPLE.as_bytes()].concat();
    assert!(Profile::parse_bytes("profile.toml", &marked, &load).is_ok(), "a byte order mark is no harm");
    let windows = EXAMPLE.replace('\n', "\r\n");
    assert!(parse(&windows).is_ok(), "nor are the line ends of Windows");
}

#[test]
fn a_huge_file_is_not_read() {
    let errors = parse(&format!("{EXAMPLE}#{}", "x".repeat(profile::MAX_SIZE))).unwrap_err();
    assert!(matches!(errors.problems[0].error, ProfileError::TooLarge { limit: profile::MAX_SIZE, .. }));
}

#[test]
fn secrets_are_refused_and_never_repeated() {
    let pem = "-----BEGIN PRIVATE KEY-----\nHUNTER2hunter2\n-----END PRIVATE KEY-----";
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJIVU5URVIyIjoiaHVudGVyMiJ9.aHVudGVyMmh1bnRlcjI";
    let secret = "abc8Q~hunter2hunter2hunter2hunter2hunt";
    for (more, needle, line) in [
        ("client_secret = \"hunter2\"\n".to_owned(), "hunter2", 8),
        ("[tenants.contoso.hosts]\nPassword = \"hunter2\"\n".to_owned(), "hunter2", 9),
        ("guard = { pfx-passphrase = 'hunter2', max_deletions = 'hunter2' }\n".to_owned(), "hunter2", 8),
        (format!("# {}\n", pem.replace('\n', "\n# ")), "HUNTER2", 8),
        (format!("direction = '''{pem}'''\n"), "HUNTER2", 8),
        (format!("direction = \"{token}\"\n"), "aHVudGVy", 8),
        (format!("[pairs.a_to_b.mapping]\ntitle = \"{secret}\"\n"), "hunter2", 9),
        // Not even where the file is broken.
        ("client_secret = \"hunter2\n".to_owned(), "hunter2", 8),
        (format!("direction = \"{secret}\n"), "hunter2", 8),
    ] {
        let text =
            if more.starts_with("[tenants") { with(&more).replace("tenants.contoso = {", "tenants.contoso2 = {") } else { with(&more) };
        let errors = parse(&text).unwrap_err();
        assert!(!errors.to_string().contains(needle), "{errors}");
        assert!(!format!("{errors:?}").contains(needle), "{errors:?}");
        let is_broken = errors.problems.iter().any(|problem| matches!(problem.error, ProfileError::Syntax(_)));
        let refused =
            errors.problems.iter().any(|problem| matches!(problem.error, ProfileError::Secret { .. }) && problem.place.line == line);
        assert!(refused || is_broken, "{errors}");
    }
    let errors = parse(&with("[[static_contacts]]\ninclude = \"secret.toml\"\n")).unwrap_err();
    let shown = errors.to_string();
    assert!(
        shown.contains("secret.toml:2:1: a secret (so its key says) must not stand in a profile") && !shown.contains("hunter2"),
        "{shown}"
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        let _ = parse(&text).map_err(|errors| errors.to_string());
    }

    #[test]
    fn no_change_of_a_good_profile_makes_it_panic(at in 0..EXAMPLE.len(), removed in 0_usize..40, inserted in "[\\[\\]{}\"'=.#\n a-z0-9é]{0,12}") {
        let mut bytes = EXAMPLE.as_bytes().to_vec();
        let end = (at + removed).min(bytes.len());
        bytes.splice(at..end, inserted.into_bytes());
        let _ = Profile::parse_bytes("profile.toml", &bytes, &load).map_err(|errors| errors.to_string());
    }

    #[test]
    fn no_value_makes_it_panic(key in prop::sample::select(vec![
        "direction", "guard", "foreign_marks", "a_to_b.scope.kinds", "a_to_b.scope.exclude", "a_to_b.scope.when", "a_to_b.scope.routing_address",
        "a_to_b.scope.include", "a_to_b.mapping.title", "a_to_b.mapping.display_name", "a_to_b.mapping.phone", "a",
    ]), value in prop_oneof![
        any::<String>().prop_map(|text| toml::Value::String(text).to_string()),
        "[{(|%}) a-z'.0-9]{0,20}".prop_map(|text| toml::Value::String(format!("{{{{ {text} }}}}")).to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:?}")),
        Just("[]".to_owned()), Just("{}".to_owned()), Just("[{}]".to_owned()), Just("[[]]".to_owned()), Just("1979-05-27".to_owned()),
    ]) {
        let text = with(&format!("{key} = {value}\n"));
        let _ = parse(&text).map_err(|errors| errors.to_string());
    }
}

#[test]
fn a_refusal_shows_no_control_sequence() {
    let told = parse(&format!("{EXAMPLE}\n\"\u{1b}[2J\" = 1\n")).unwrap_err().to_string();
    assert!(!told.chars().any(|letter| letter.is_control() && letter != '\n'), "{told:?}");
}

#[test]
fn endless_chains_of_operators_are_refused_and_not_parsed() {
    for when in ["not ".repeat(50_000) + "enabled", "-".repeat(30_000) + "1", format!("enabled{}", " and enabled".repeat(30_000))] {
        let told = parse(&with(&format!("[pairs.a_to_b.scope]\nwhen = \"{when}\"\n"))).unwrap_err().to_string();
        assert!(told.contains("bytes long"), "{}", &told[..200.min(told.len())]);
    }
}
