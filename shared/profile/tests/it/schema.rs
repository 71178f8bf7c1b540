//! The schema says what the parser says, as far as a schema can.

use serde_json::Value;

use crate::{EXAMPLE, PAIR, parse, with};

fn json(text: &str) -> Value {
    toml::from_str::<toml::Table>(text).map(|table| serde_json::to_value(table).unwrap()).unwrap()
}

fn is_valid(text: &str) -> bool {
    let schema = profile::schema();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    validator.is_valid(&json(text))
}

#[test]
fn it_is_a_schema_and_admits_good_profiles() {
    let schema = profile::schema();
    assert!(jsonschema::draft202012::meta::is_valid(&schema));
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for text in [EXAMPLE, PAIR] {
        let errors: Vec<String> = validator.iter_errors(&json(text)).map(|error| format!("{error} at {}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn what_it_refuses_the_parser_refuses_too() {
    for more in [
        "colour = \"red\"\n",
        "direction = \"both\"\n",
        "conflicts = 1\n",
        "deletion_grace_days = 366\n",
        "guard = { max_deletions = -1 }\n",
        "guard = { max_deletion_share = 1.5 }\n",
        "guard = { max = 1 }\n",
        "foreign_marks = [{ attribute = \"name\" }]\n",
        "[pairs.a_to_b.scope]\nkinds = [\"guest\"]\n",
        "[pairs.a_to_b.scope]\nkinds = []\n",
        "[pairs.a_to_b.scope]\ninclude_groups = [\"x\"]\n",
        "[pairs.a_to_b.scope]\nexclude = [{ field = \"title\" }]\n",
        "[pairs.a_to_b.scope]\nexclude = [{ field = \"title\", equals = \"x\", matches = \"x\" }]\n",
        "[pairs.a_to_b.scope]\nexclude = [{ field = \"titel\", equals = \"x\" }]\n",
        "[pairs.a_to_b.scope]\nauthenticated_senders = \"maybe\"\n",
        "[pairs.a_to_b.mapping]\nsuffix = true\n",
        "[pairs.a_to_b.mapping]\naddress = false\n",
        "[pairs.a_to_b.mapping]\nmanager = \"{{ manager }}\"\n",
        "[pairs.a_to_b.mapping]\ntitle = 1\n",
        "[[static_contacts]]\n",
        "[[static_contacts]]\ncontacts = [{ key = \"x\", address = \"x@y.example\" }]\n",
        "[[static_contacts]]\ncontacts = [{ key = \"x\", address = \"nobody\", display_name = \"X\" }]\n",
        "[[mailbox_lists]]\ntenant = \"contoso\"\nfolder = \"x\"\nsources = []\nmailboxes = { all = true }\n",
        "[[mailbox_lists]]\ntenant = \"contoso\"\nfolder = \"x\"\nsources = [\"contoso\"]\nmailboxes = { all = true, addresses = [\"a@b.example\"] }\n",
    ] {
        assert!(!is_valid(&with(more)), "{more}");
        assert!(parse(&with(more)).is_err(), "{more}");
    }
}
