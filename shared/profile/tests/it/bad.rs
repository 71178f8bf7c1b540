//! Profiles that are wrong: what is said, and where.

use crate::{PAIR, parse, with};

/// The lines that a person would see, without the excerpts.
fn told(text: &str) -> Vec<String> {
    match parse(text) {
        Ok(_) => Vec::new(),
        Err(errors) => {
            errors.problems.iter().map(|problem| format!("{}: {}", problem.place, problem.error).replace("profile.toml:", "")).collect()
        }
    }
}

/// What is wrong in the pair, or behind it, beginning on line 8.
#[test]
fn one_wrong_thing_in_a_pair() {
    for (more, expected) in [
        ("directon = \"two-way\"\n", "8:1: unknown key `directon` in a pair; did you mean `direction`?"),
        ("colour = 1\n", "8:1: unknown key `colour` in a pair"),
        (
            "direction = \"two way\"\n",
            "8:13: `direction` has no \"two way\"; it is one of two-way, a-to-b, b-to-a; did you mean `two-way`?",
        ),
        ("direction = 2\n", "8:13: `direction` must be a text, not a whole number"),
        ("conflicts = \"old\"\n", "8:13: `conflicts` has no \"old\"; it is one of hold, newest, a, b; did you mean `hold`?"),
        ("peer_deletions = \"yes\"\n", "8:18: `peer_deletions` must be true or false, not a text"),
        ("deletion_grace_days = 366\n", "8:23: `deletion_grace_days` must be from 0 to 365"),
        ("deletion_grace_days = -1\n", "8:23: `deletion_grace_days` must be from 0 to 365"),
        ("deletion_grace_days = 1.5\n", "8:23: `deletion_grace_days` must be a whole number, not a number"),
        ("guard = { max_deletions = 99999999999999999999 }\n", "8:27: `max_deletions` must be from 0 to 1000000"),
        ("guard = { max_deletion_share = 10 }\n", "8:32: `max_deletion_share` must be a share from 0 to 1, such as 0.10"),
        ("guard = { max_deletion_share = nan }\n", "8:32: `max_deletion_share` must be a share from 0 to 1, such as 0.10"),
        ("guard = { max_deletion_share = \"10%\" }\n", "8:32: `max_deletion_share` must be a share from 0 to 1, not a text"),
        ("guard = { max_deletion = 1 }\n", "8:11: unknown key `max_deletion` in a guard; did you mean `max_deletions`?"),
        ("guard = 1\n", "8:9: `guard` must be a table, not a whole number"),
        (
            "foreign_marks = [{ attribute = \"nickname\", matches = \"x\" }]\n",
            "8:32: `attribute` has no \"nickname\"; it is one of name, custom_attribute_1, any other field",
        ),
        (
            "foreign_marks = [{ attribute = \"CustomAttribute1\", matches = \"(\" }]\n",
            "8:62: foreign_marks, mark 1: not a regular expression: unclosed group",
        ),
        ("foreign_marks = [{ attribute = \"name\", matches = \"\" }]\n", "8:50: `matches` is empty: it would match everybody"),
    ] {
        assert_eq!(told(&with(more)), [expected], "{more}");
    }
}

#[test]
fn one_wrong_thing_in_a_scope() {
    for (more, expected) in [
        (
            "kinds = [\"user\", \"guest\"]",
            "9:18: `kinds` has no \"guest\"; it is one of user, shared, room, equipment, contact, mail-user, distribution-group, microsoft365-group",
        ),
        ("kinds = []", "9:9: `kinds` names no kind: nobody would be published; choose a `direction` instead"),
        ("kinds = \"user\"", "9:9: `kinds` must be a list of texts, not a text"),
        ("include_groups = [\"all\"]", "9:19: `include_groups` must be a GUID, as 00000000-0000-0000-0000-000000000000"),
        (
            "include_groups = [\"{11111111-1111-1111-1111-111111111111}\"]",
            "9:19: `include_groups` must be a GUID, as 00000000-0000-0000-0000-000000000000",
        ),
        (
            "include_groups = [\"00000000-0000-0000-0000-000000000000\"]",
            "9:19: `include_groups` is the GUID of nothing: put the real one here",
        ),
        (
            "exclude = [{ field = \"titel\", equals = \"x\" }]",
            "9:22: `field` has no \"titel\"; it is one of address, kind, name, hidden, enabled, directory_synced, the keys of the mapping; did you mean `title`?",
        ),
        (
            "exclude = [{ field = \"title\" }]",
            "9:12: `exclude` must ask exactly one of equals, matches, in, domain of its field; a whole domain: { field = \"address\", domain = \"contoso.com\" }",
        ),
        (
            "exclude = [{ field = \"title\", equals = \"x\", in = [\"x\"] }]",
            "9:12: `exclude` must ask exactly one of equals, matches, in, domain of its field; a whole domain: { field = \"address\", domain = \"contoso.com\" }",
        ),
        ("exclude = [{ field = \"title\", matches = \"[\" }]", "9:41: exclude, rule 1: not a regular expression: unclosed character class"),
        ("exclude = [{ field = \"title\", domain = \"x.example\" }]", "9:40: exclude, rule 1: `domain` goes with the field `address` only"),
        ("exclude = [{ field = \"title\", in = [] }]", "9:36: `in` is an empty list: it would match nobody"),
        ("exclude = [{ field = \"title\", matches = \"\" }]", "9:41: `matches` is empty: it would match everybody"),
        (
            "exclude = [{ field = \"kind\", equals = \"rooms\" }]",
            "9:39: `equals` has no \"rooms\"; it is one of user, shared, room, equipment, contact, mail-user, distribution-group, microsoft365-group; did you mean `room`?",
        ),
        ("exclude = [{ field = \"hidden\", equals = \"yes\" }]", "9:41: `equals` must be true or false, not a text"),
        ("exclude = [{ field = \"title\", equals = true }]", "9:40: `equals` must be a text, not true or false"),
        ("when = \"enabled and titel == 'x'\"", "9:8: when: unknown name `titel`"),
        ("when = \"\"\"\nenabled and\"\"\"", "9:8: when: syntax error: unexpected end of input, expected expression"),
        ("when = \"title\"", "9:8: when: gives string, not true or false"),
        ("when = true", "9:8: `when` must be a text, not true or false"),
        ("routing_address = \"secondary\"", "9:19: routing_address: neither \"primary\" nor a domain"),
        ("include = [\"ann@a.example\", \"bob\"]", "9:29: include, address 2: not a mail address"),
        ("authenticated_senders = \"allow\"", "9:25: `authenticated_senders` has no \"allow\"; it is one of skip, publish"),
        ("hidden = true", "9:1: unknown key `hidden` in a scope"),
        ("include_group = []", "9:1: unknown key `include_group` in a scope; did you mean `include_groups`?"),
    ] {
        assert_eq!(told(&with(&format!("[pairs.a_to_b.scope]\n{more}\n"))), [expected], "{more}");
    }
}

#[test]
fn one_wrong_thing_in_a_mapping() {
    for (more, expected) in [
        ("titel = true", "9:1: unknown key `titel` in a mapping; did you mean `title`?"),
        ("title = \"{{ titel }}\"", "9:9: mapping of title: unknown name `titel`"),
        ("title = \"title\"", "9:9: mapping of title: the template names no field, as {{ display_name }} does"),
        ("title = \"{{ title\"", "9:9: mapping of title: syntax error: unexpected end of input, expected end of variable block"),
        ("title = \"{{ title | shout }}\"", "9:9: mapping of title: unknown filter: filter shout is unknown"),
        (
            "phone = \"{{ phone | e164('Schweiz') }}\"",
            "9:9: mapping of phone: invalid operation: e164 takes a country as ISO code, as in e164('CH')",
        ),
        ("title = 1", "9:9: `title` must be true, false or a template, not a whole number"),
        ("address = false", "9:11: mapping of address: the address is always published"),
        ("custom_attribute_15 = true", "9:1: `custom_attribute_15` holds the stamps of tenant contoso and is never mapped"),
    ] {
        assert_eq!(told(&with(&format!("[pairs.a_to_b.mapping]\n{more}\n"))), [expected], "{more}");
    }
    assert_eq!(told(&with("[pairs.a_to_b.mapping]\ncustom_attribute_15 = false\n")), [""; 0], "off is what it is anyway");
    let elsewhere = PAIR.replace("app_id = \"4", "stamp_attribute = \"customattribute3\", app_id = \"4");
    let expected = "9:1: `custom_attribute_3` holds the stamps of tenant fabrikam and is never mapped";
    assert_eq!(told(&format!("{elsewhere}[pairs.a_to_b.mapping]\ncustom_attribute_3 = \"{{{{ title }}}}\"\n")), [expected]);
}

#[test]
fn one_wrong_thing_in_a_tenant() {
    let tenant = |more: &str| {
        format!(
            "client = \"x\"\n[tenants.one]\nid = \"11111111-1111-1111-1111-111111111111\"\napp_id = \"22222222-2222-2222-2222-222222222222\"\n{more}\n"
        )
    };
    for (more, expected) in [
        ("cloud = \"gcc\"", "5:9: `cloud` has no \"gcc\"; it is one of global, gcc-high, dod, china"),
        ("stamp_attribute = \"CustomAttribute16\"", "5:19: `stamp_attribute` must be one of CustomAttribute1 to CustomAttribute15"),
        ("stamp_attribute = \"Title\"", "5:19: `stamp_attribute` must be one of CustomAttribute1 to CustomAttribute15"),
        ("app_object_id = \"x\"", "5:17: `app_object_id` must be a GUID, as 00000000-0000-0000-0000-000000000000"),
        ("hosts = { login = \"https://a.example\" }", "5:9: hosts needs `graph`|5:9: hosts needs `exchange`"),
        (
            "hosts.login = \"http://a.example\"\nhosts.graph = \"https://a.example/v1.0\"\nhosts.exchange = \"ftp://a\"",
            "5:15: `login` must begin with https://; http is for this machine only|6:15: `graph` must be a host only, without user, path or query|7:18: `exchange` must be a URL, as https://host",
        ),
        ("certificate = \"\"", "5:15: `certificate` must be the path of a file, relative to the profile"),
        (
            "[tenants.One]",
            "5:10: `tenants.One` must be named with small letters and digits only, at most 24|5:1: a tenant needs `id`|5:1: a tenant needs `app_id`",
        ),
        (
            "[tenants.two]\nid = \"11111111-1111-1111-1111-111111111111\"\napp_id = \"22222222-2222-2222-2222-222222222222\"",
            "6:6: tenants one and two have the same id",
        ),
    ] {
        let mut expected: Vec<&str> = expected.split('|').collect();
        let mut told = told(&tenant(more));
        expected.sort_unstable();
        told.sort_unstable();
        assert_eq!(told, expected, "{more}");
    }
}

#[test]
fn pairs_that_do_not_fit() {
    let tenants = |names: &[&str]| -> String {
        let lines = names.iter().enumerate().map(|(position, name)| {
            format!("tenants.{name} = {{ id = \"{position:08}-1111-1111-1111-111111111111\", app_id = \"22222222-2222-2222-2222-222222222222\" }}\n")
        });
        format!("client = \"x\"\n{}", lines.collect::<String>())
    };
    let pair = |a: &str, b: &str| format!("[[pairs]]\na = \"{a}\"\nb = \"{b}\"\n");
    for (text, expected) in [
        (tenants(&["a", "b"]) + &pair("a", "a"), "5:5: tenant a cannot be paired with itself"),
        (tenants(&["a", "b"]) + &pair("a", "b") + &pair("b", "a"), "8:5: tenants b and a already are the pair a-b"),
        (tenants(&["alpha", "b"]) + &pair("alpah", "b"), "5:5: there is no tenant \"alpah\"; did you mean `alpha`?"),
        (
            tenants(&["ab", "c", "a", "bc"]) + &pair("ab", "c") + &pair("a", "bc"),
            "10:5: the pairs ab-c and a-bc have the same name without dashes; rename a tenant",
        ),
        (
            tenants(&["a", "b", "c"]) + &pair("a", "b") + "conflicts = \"newest\"\n" + &pair("b", "c") + &pair("c", "a"),
            "8:13: the pair a-b stands in a ring of two-way pairs, where two edits of a contact that all tenants keep could overwrite each \
             other round it for ever; there `conflicts` must be \"hold\"",
        ),
        (tenants(&["a", "b"]) + "[[pairs]]\na = \"a\"\n", "4:1: a pair needs `b`"),
        (tenants(&["a", "b"]) + "pairs = 1\n", "4:9: `pairs` must be a list of tables, not a whole number"),
    ] {
        assert_eq!(told(&text), [expected], "{text}");
    }
}

#[test]
fn static_contacts_and_mailbox_lists() {
    for (more, expected) in [
        ("[[static_contacts]]", "8:1: `static_contacts` needs either `include` or `contacts`"),
        ("[[static_contacts]]\ninclude = \"none.toml\"", "9:11: cannot read \"none.toml\": no such file"),
        (
            "[[static_contacts]]\ninclude = \"huge.toml\"",
            "9:11: cannot read \"huge.toml\": 1048577 bytes are more than the 1048576 it may have",
        ),
        (
            "[[static_contacts]]\ninclude = \"helpdesk.toml\"\ntenants = [\"contosso\"]",
            "10:12: there is no tenant \"contosso\"; did you mean `contoso`?",
        ),
        (
            "[[static_contacts]]\ninclude = \"helpdesk.toml\"\ntenants = []",
            "10:11: `tenants` names no tenant; leave it out for all of them",
        ),
        ("[[static_contacts]]\ninclude = \"helpdesk.toml\"\ntenants = [\"contoso\", \"contoso\"]", "10:23: tenant contoso is named twice"),
        ("[[static_contacts]]\ninclude = \"broken.toml\"", "broken.toml:1:12: not TOML: unclosed array table, expected `]`"),
        (
            "[[static_contacts]]\ninclude = \"bad.toml\"",
            "bad.toml:1:1: a static contact needs `display_name`|bad.toml:3:11: `address` must be a mail address|bad.toml:4:1: unknown key `nick` in a static contact",
        ),
        (
            "[[static_contacts]]\ncontacts = [{ key = \"a b\", address = \"x@y.example\", display_name = \" \", country = \"Elbonia\", initials = \"1234567\", custom_attribute_15 = \"x\" }]",
            "9:21: `key` must be 1 to 64 plain characters without spaces|9:68: `display_name` is blank|9:83: `country` is no country that Exchange takes: an ISO code or an English name|9:105: `initials` has more than the 6 characters that Exchange takes|9:116: `custom_attribute_15` holds the stamps of tenant contoso",
        ),
        (
            "[[static_contacts]]\ninclude = \"helpdesk.toml\"\ntenants = [\"contoso\"]\n[[static_contacts]]\ncontacts = [{ key = \"helpdesk\", address = \"HELPDESK@msp.example\", display_name = \"H\" }]",
            "12:21: tenant contoso has two static contacts with the key \"helpdesk\"; the first is at helpdesk.toml:4:7|12:43: tenant contoso has two static contacts with the address \"helpdesk@msp.example\"; the first is at helpdesk.toml:5:11",
        ),
        (
            "[[mailbox_lists]]\ntenant = \"contoso\"\nfolder = \"\"\nsources = []\nmailboxes = {}",
            "10:10: `folder` must be the name of a folder, of at most 255 characters|11:11: `sources` names no tenant: the folder would be empty|12:13: `mailboxes` needs exactly one of all, group, addresses",
        ),
        (
            "[[mailbox_lists]]",
            "8:1: a mailbox list needs `tenant`|8:1: a mailbox list needs `folder`|8:1: a mailbox list needs `sources`|8:1: a mailbox list needs `mailboxes`",
        ),
        (
            "[[mailbox_lists]]\ntenant = \"contoso\"\nfolder = \"x\"\nsources = [\"x\"]\nmailboxes = { all = false }",
            "11:12: there is no tenant \"x\"|12:21: `all` can only be true; name a group or addresses instead",
        ),
    ] {
        assert_eq!(told(&with(&format!("{more}\n"))), expected.split('|').collect::<Vec<_>>(), "{more}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once_in_the_order_of_the_file() {
    let text = "clint = \"x\"\n[tenants.a]\nid = \"1\"\ncloud = \"moon\"\n[[pairs]]\na = \"a\"\nb = \"c\"\n[pairs.a_to_b.mapping]\ntitle = \"{{ x }}\"\ncity = \"{{ y }}\"\n[pairs.b_to_a.scope]\nwhen = \"z\"\n";
    let expected = [
        "1:1: the profile needs `client`",
        "1:1: unknown key `clint` in the profile; did you mean `client`?",
        "2:1: a tenant needs `app_id`",
        "3:6: `id` must be a GUID, as 00000000-0000-0000-0000-000000000000",
        "4:9: `cloud` has no \"moon\"; it is one of global, gcc-high, dod, china",
        "7:5: there is no tenant \"c\"",
        "9:9: mapping of title: unknown name `x`",
        "10:8: mapping of city: unknown name `y`",
        "12:8: when: unknown name `z`",
    ];
    assert_eq!(told(text), expected);
    assert_eq!(told(""), ["1:1: the profile needs `client`", "1:1: the profile needs `tenants`"]);
}

#[test]
fn broken_toml_is_told_with_every_place() {
    assert_eq!(
        told("client = \"x\ntenants = \n"),
        ["1:12: not TOML: invalid basic string, expected `\"`", "2:11: not TOML: string values must be quoted, expected literal string"]
    );
    assert_eq!(told("client = \"x\"\nclient = \"y\"\n"), ["2:1: not TOML: duplicate key"]);
}

#[test]
fn a_problem_shows_its_line() {
    let errors = parse(&with("guard = { max_deletion_share = 10 }\n")).unwrap_err();
    let expected = "profile.toml:8:32: `max_deletion_share` must be a share from 0 to 1, such as 0.10\n  |\n8 | guard = { max_deletion_share = 10 }\n  |                                ^^";
    assert_eq!(errors.to_string(), expected);
}

/// The end of a line of another system is no place to fall over.
#[test]
fn a_text_that_is_cut_off_at_any_line_ending_is_told_with_its_place() {
    for ending in ["\n", "\r\n", "\r", "\r\r\n", "\n\r"] {
        for open in ["client = \"contoso", "client = [", "[tenants.", "client = {", "client = \"a\\"] {
            let text = format!("{open}{ending}[[pairs]]{ending}");
            let told = told(&text);
            assert!(
                !told.is_empty() && told.iter().all(|line| line.starts_with(|digit: char| digit.is_ascii_digit())),
                "{text:?}: {told:?}"
            );
        }
    }
}
