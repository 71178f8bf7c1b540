//! Profiles that are right.

use gal::mapping::FieldMapping;
use gal::policy::{ConflictPolicy, Direction, GuardLimits, GuestPolicy, RelayPolicy};
use gal::scope::{MarkPlace, RoutingAddress, ScopeSettings};
use gal::{Field, Kind, Side};
use profile::{Cloud, Mailboxes, Pair, Profile};

use crate::{EXAMPLE, PAIR, parse, with};

fn good(text: &str) -> Profile {
    parse(text).unwrap_or_else(|errors| panic!("{errors}")).0
}

#[test]
fn the_example_says_everything() {
    let (profile, warnings) = parse(EXAMPLE).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].message.contains("does not serve mailbox lists"), "{warnings:?}");
    assert_eq!((profile.client.as_str(), profile.installation.as_str()), ("contoso", "contoso"));
    assert_eq!(profile.tenants["fabrikam"].cloud, Cloud::GccHigh);
    assert_eq!(profile.tenants["contoso"].stamp_attribute, Field::CustomAttribute15);
    assert_eq!(profile.tenants["contoso"].certificate.as_deref(), Some("contoso.pem"));
    assert_eq!(profile.tenants["northwind"].hosts.as_ref().unwrap().graph, "http://127.0.0.1:4365");
    let pair = profile.pair("contoso-fabrikam").unwrap();
    let scope = &pair.publishing.a.scope;
    assert_eq!((scope.kinds.len(), scope.include_groups.len(), scope.exclude.len()), (7, 1, 5));
    assert_eq!(
        scope.foreign_marks.iter().map(|mark| mark.place).collect::<Vec<_>>(),
        [MarkPlace::Field(Field::CustomAttribute14), MarkPlace::Name]
    );
    assert_eq!(pair.publishing.b.scope.kinds, [Kind::User]);
    assert_eq!(pair.publishing.a.mapping[&Field::Department], FieldMapping::Off);
    let policy = pair.policy();
    assert!(policy.publishing.a.mapping.fields().contains(Field::StreetAddress));
    assert!(!policy.publishing.a.scope.include_groups().is_empty() && policy.publishing.b.scope.include_groups().is_empty());
    assert_eq!(profile.pairs_of("northwind").map(Pair::name).collect::<Vec<_>>(), ["contoso-northwind", "fabrikam-northwind"]);
    assert_eq!(profile.missing_pairs(), []);
    assert_eq!(profile.mailbox_lists[0].mailboxes, Mailboxes::Group("88888888-8888-8888-8888-888888888888".parse().unwrap()));
    assert_eq!(profile.static_contacts_of("northwind").map(|contact| contact.key.as_str()).collect::<Vec<_>>(), ["security"]);
}

#[test]
fn a_short_profile_has_defaults() {
    let profile = good(PAIR);
    let pair = profile.pair("contoso-fabrikam").unwrap();
    assert_eq!((pair.direction, pair.conflicts, pair.guard), (Direction::TwoWay, ConflictPolicy::Hold, GuardLimits::default()));
    assert_eq!((pair.peer_deletions, pair.deletion_grace_days), (false, 30));
    for side in Side::BOTH {
        let publishing = pair.publishing.get(side);
        assert_eq!(publishing.scope, ScopeSettings::default());
        assert!(publishing.mapping.is_empty() && publishing.carry_x500);
        assert_eq!((publishing.guests, publishing.internal_relay), (GuestPolicy::Skip, RelayPolicy::Skip));
    }
    assert_eq!(profile.installation, "contoso");
    assert_eq!((pair.tenant(Side::B), pair.side("fabrikam"), pair.side("x")), ("fabrikam", Some(Side::B), None));
}

#[test]
fn a_direction_may_differ_from_its_pair() {
    let profile = good(&with(
        "carry_x500 = false\nguests = \"adopt-guest\"\n[pairs.b_to_a]\ncarry_x500 = true\nscope.routing_address = \"B.Example\"\n",
    ));
    let pair = &profile.pairs[0];
    assert_eq!((pair.publishing.a.carry_x500, pair.publishing.b.carry_x500), (false, true));
    assert_eq!(pair.publishing.b.guests, GuestPolicy::AdoptGuest);
    assert_eq!(pair.publishing.b.scope.routing, RoutingAddress::Domain("b.example".to_owned()));
}

#[test]
fn static_contacts_are_sources_with_a_lasting_anchor() {
    let profile = good(EXAMPLE);
    let helpdesk = &profile.static_contacts[0];
    assert_eq!(
        (helpdesk.key.as_str(), helpdesk.tenants.as_slice()),
        ("helpdesk", ["contoso".to_owned(), "fabrikam".to_owned()].as_slice())
    );
    // Stored in links and stamps: it must never change.
    assert_eq!(helpdesk.anchor().to_string(), ANCHOR);
    let recipient = helpdesk.recipient();
    assert_eq!(recipient.values.get(Field::CountryOrRegion), Some("Switzerland"));
    assert_eq!(recipient.values.get(Field::ExternalEmailAddress), Some("helpdesk@msp.example"));
    let scope = &profile.pairs[0].policy().publishing.a.scope;
    let open = gal::scope::Scope::compile(ScopeSettings::default()).unwrap();
    assert_eq!(open.source(&recipient, true), Ok(()));
    assert_eq!(scope.routing_address(&recipient).as_deref(), Some("helpdesk@msp.example"));
}

const ANCHOR: &str = "35378886-7457-8c87-8ac0-0cdf57fef603";

#[test]
fn a_fingerprint_changes_with_what_decides_and_with_nothing_else() {
    let print = |text: &str| good(text).pairs[0].fingerprint(Side::A);
    let base = print(PAIR);
    assert_eq!(base.len(), 32);
    for same in [
        "peer_deletions = true\n",
        "guard = { max_deletions = 1 }\n",
        "conflicts = \"a\"\ndeletion_grace_days = 7\n",
        "[pairs.b_to_a.scope]\nkinds = [\"user\"]\n",
        "[pairs.a_to_b.scope]\nrouting_address = \"primary\"\n",
    ] {
        assert_eq!(print(&with(same)), base, "{same}");
    }
    let mut seen = vec![base];
    for other in [
        "direction = \"b-to-a\"\n",
        "carry_x500 = false\n",
        "guests = \"adopt-guest\"\n",
        "foreign_marks = [{ attribute = \"name\", matches = \"x\" }]\n",
        "[pairs.a_to_b.scope]\nkinds = [\"user\", \"shared\"]\n",
        "[pairs.a_to_b.scope]\nexclude = [{ field = \"title\", equals = \"x\" }]\n",
        "[pairs.a_to_b.scope]\nexclude = [{ field = \"title\", matches = \"x\" }]\n",
        "[pairs.a_to_b.mapping]\ntitle = false\n",
        "[pairs.a_to_b.mapping]\ntitle = \"{{ title }}\"\n",
    ] {
        let print = print(&with(other));
        assert!(!seen.contains(&print), "{other}");
        seen.push(print);
    }
    let kinds = |list: &str| print(&with(&format!("[pairs.a_to_b.scope]\nkinds = {list}\n")));
    assert_eq!(kinds("[\"user\", \"shared\"]"), kinds("[\"shared\", \"user\", \"user\"]"), "the order means nothing");
}

#[test]
fn what_is_perhaps_not_meant_is_a_warning() {
    let tenant = |name: &str, digit: char| {
        let id: String = digit.to_string().repeat(8);
        format!("tenants.{name} = {{ id = \"{id}-0000-0000-0000-000000000000\", app_id = \"22222222-2222-2222-2222-222222222222\" }}\n")
    };
    let text = format!(
        "client = \"x\"\n{}{}{}{}[[pairs]]\na = \"a\"\nb = \"b\"\ndirection = \"a-to-b\"\npeer_deletions = true\ndeletion_grace_days = 0\n[pairs.b_to_a]\n[[pairs]]\na = \"c\"\nb = \"b\"\n",
        tenant("a", '1'),
        tenant("b", '2'),
        tenant("c", '3'),
        tenant("d", '4')
    );
    let (profile, warnings) = parse(&text).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(profile.missing_pairs(), [("a".to_owned(), "c".to_owned())]);
    let told: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    let expected = [
        "profile.toml:5:9: warning: tenant d is in no pair and no mailbox list",
        "profile.toml:6:1: warning: the mesh has no pair a-c: nothing is relayed, so these tenants do not see each other",
        "profile.toml:10:18: warning: `peer_deletions` is not used: a one-way pair has no peers",
        "profile.toml:11:23: warning: 0 days: what leaves is purged at once, and its memberships with it",
        "profile.toml:12:1: warning: `b_to_a` is not used: the direction of the pair is the other one",
    ];
    assert_eq!(told, expected);
}
