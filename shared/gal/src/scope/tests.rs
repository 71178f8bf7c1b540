//! Who is a source: decision tables.

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::field::Field;
use crate::recipient::Presence;
use crate::stamp::Mark;

fn ann() -> Recipient {
    Recipient {
        anchor: Anchor(uuid::Uuid::nil()),
        guid: None,
        kind: Kind::User,
        name: "ann".to_owned(),
        values: [(Field::DisplayName, "Ann"), (Field::Department, "Sales"), (Field::CountryOrRegion, "Switzerland")].into_iter().collect(),
        addresses: vec!["a@other.example".to_owned(), "ann@a.example".to_owned(), "ann@a.onmicrosoft.com".to_owned()],
        primary: Some("ann@a.example".to_owned()),
        x500: Vec::new(),
        legacy_exchange_dn: None,
        hidden: false,
        enabled: Some(true),
        directory_synced: false,
        external_identity: false,
        authenticated_senders_only: false,
        mark: Mark::None,
        manager_name: Some("boss".to_owned()),
        when_changed: Some(Timestamp::UNIX_EPOCH),
        exchange: true,
        complete: true,
        presence: Presence::Present,
    }
}

fn changed(change: impl FnOnce(&mut Recipient)) -> Recipient {
    let mut recipient = ann();
    change(&mut recipient);
    recipient
}

fn compile(change: impl FnOnce(&mut ScopeSettings)) -> Scope {
    let mut settings = ScopeSettings::default();
    change(&mut settings);
    Scope::compile(settings).unwrap()
}

fn rule(field: &str, test: Test) -> ExcludeRule {
    ExcludeRule { field: Name::from_key(field).unwrap(), test }
}

fn text(text: &str) -> String {
    text.to_owned()
}

/// A recipient against which every reason speaks, and a scope in which it does.
fn against_everything() -> (Recipient, Scope) {
    let recipient = changed(|r| {
        r.exchange = false;
        r.complete = false;
        r.external_identity = true;
        r.mark = Mark::parse("galbridge1|here|tenant|33333333-3333-3333-3333-333333333333|made|projection|-");
        r.values = r.values.with(Field::CustomAttribute1, Some("XTSYNC|1"));
        r.kind = Kind::MailUser;
        r.enabled = Some(false);
        r.hidden = true;
        r.authenticated_senders_only = true;
        r.addresses.clear();
        r.primary = None;
    });
    let scope = compile(|s| {
        s.kinds = vec![Kind::Room];
        s.foreign_marks = vec![ForeignMark { place: MarkPlace::Field(Field::CustomAttribute1), matches: text("^xtsync") }];
        s.include_groups = vec![Anchor(uuid::Uuid::nil())];
        s.exclude = vec![rule("department", Test::Equals(text("sales")))];
        s.when = Some(text("title == 'Clerk'"));
    });
    (recipient, scope)
}

#[test]
fn the_first_reason_in_the_documented_order() {
    let (mut recipient, mut scope) = against_everything();
    let mut in_groups = false;
    let mut reasons = Vec::new();
    while let Err(reason) = scope.source(&recipient, in_groups) {
        reasons.push(reason.code());
        // Take away what spoke against it, and ask again.
        match reason {
            SkipReason::NoExchangeRecipient => recipient.exchange = true,
            SkipReason::NotReadYet => recipient.complete = true,
            SkipReason::ExternalIdentity => recipient.external_identity = false,
            SkipReason::Published => recipient.mark = Mark::None,
            SkipReason::ForeignMark { mark } => {
                assert_eq!(mark, "custom_attribute_1 matches \"^xtsync\"");
                recipient.values = recipient.values.with(Field::CustomAttribute1, None);
            }
            SkipReason::KindNotPublished { .. } => {
                recipient.kind = Kind::User;
                scope.kinds = BTreeSet::from([Kind::User]);
            }
            SkipReason::Disabled => recipient.enabled = Some(true),
            SkipReason::Hidden => recipient.hidden = false,
            SkipReason::AuthenticatedSendersOnly => recipient.authenticated_senders_only = false,
            SkipReason::NotInGroups => in_groups = true,
            SkipReason::Excluded { rule } => {
                assert_eq!(rule, "department equals \"sales\"");
                recipient.values = recipient.values.with(Field::Department, None);
            }
            SkipReason::WhenFalse => recipient.values = recipient.values.with(Field::Title, Some("Clerk")),
            SkipReason::NoAddress => recipient.primary = Some(text("ann@a.onmicrosoft.com")),
            SkipReason::OnMicrosoftOnly => {
                scope.routing = RoutingAddress::Domain(text("b.example"));
                recipient.primary = Some(text("ann@a.example"));
            }
            SkipReason::NoAddressInDomain { .. } => scope.routing = RoutingAddress::Primary,
            other => panic!("not expected here: {other}"),
        }
    }
    let expected = [
        "no-exchange-recipient",
        "not-read-yet",
        "external-identity",
        "published",
        "foreign-mark",
        "kind-not-published",
        "disabled",
        "hidden",
        "authenticated-senders-only",
        "not-in-groups",
        "excluded",
        "when-false",
        "no-address",
        "onmicrosoft-only",
        "no-address-in-domain",
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn enabled_is_asked_of_users_only() {
    let scope = compile(|s| s.kinds.push(Kind::MailUser));
    for (kind, enabled, is_source) in [
        (Kind::User, Some(true), true),
        (Kind::User, Some(false), false),
        (Kind::User, None, true),
        (Kind::Shared, Some(false), true),
        (Kind::Room, Some(false), true),
        (Kind::Equipment, Some(false), true),
        (Kind::MailUser, Some(false), true),
        (Kind::Contact, None, true),
        (Kind::DistributionGroup, None, true),
        (Kind::Microsoft365Group, None, true),
        (Kind::Other, None, false),
        (Kind::Guest, Some(true), false),
    ] {
        let recipient = changed(|r| (r.kind, r.enabled) = (kind, enabled));
        assert_eq!(scope.source(&recipient, true).is_ok(), is_source, "{kind} {enabled:?}");
    }
}

#[test]
fn all_kinds_but_mail_users_are_published_by_default() {
    for (kind, word) in Kind::NAMED {
        let recipient = changed(|r| r.kind = kind);
        assert_eq!(compile(|_| {}).source(&recipient, true).is_ok(), kind != Kind::MailUser, "{word}");
    }
}

#[test]
fn exclude_rules() {
    let ann = changed(|r| r.values = r.values.with(Field::OtherTelephone, Some("1\n2")).with(Field::Notes, Some("one\ntwo")));
    for (field, test, matches) in [
        ("department", Test::Equals(text("Sales")), true),
        ("department", Test::Equals(text(" sALES ")), true),
        ("department", Test::Equals(text("Sale")), false),
        ("department", Test::Equals(text("")), false),
        ("title", Test::Equals(text("")), true),
        ("department", Test::In(vec![text("Legal"), text("sales")]), true),
        ("department", Test::In(vec![]), false),
        ("department", Test::Matches(text("^sal")), true),
        ("department", Test::Matches(text("(?-i)^sal")), false),
        ("title", Test::Matches(text("^$")), true),
        ("country", Test::Equals(text("CH")), true),
        ("country", Test::In(vec![text("DE"), text("AT")]), false),
        ("address", Test::Equals(text("SMTP:A@other.example")), true),
        ("address", Test::In(vec![text("b@other.example"), text("ann@a.onmicrosoft.com")]), true),
        ("address", Test::Matches(text("other")), false),
        ("address", Test::Matches(text("^ANN@")), true),
        ("address", Test::Domain(vec![text("@A.example")]), true),
        ("address", Test::Domain(vec![text("other.example"), text("example")]), false),
        ("kind", Test::Equals(text("user")), true),
        ("name", Test::Matches(text("^an")), true),
        ("manager", Test::Equals(text("Boss")), true),
        ("hidden", Test::Equals(text("false")), true),
        ("enabled", Test::Equals(text("true")), true),
        ("directory_synced", Test::Equals(text("true")), false),
        ("other_telephone", Test::Equals(text("2")), true),
        ("other_telephone", Test::Matches(text("^3")), false),
        ("other_fax", Test::Equals(text("")), true),
        ("notes", Test::Equals(text("two")), false),
    ] {
        let scope = compile(|s| s.exclude = vec![rule(field, test.clone())]);
        assert_eq!(scope.source(&ann, true).is_err(), matches, "{field} {test:?}");
    }
}

#[test]
fn rules_look_at_the_routing_address() {
    let scope = compile(|s| {
        s.routing = RoutingAddress::Domain(text("Other.Example"));
        s.exclude = vec![rule("address", Test::Matches(text("^a@other")))];
    });
    assert_eq!(scope.source(&ann(), true).unwrap_err().code(), "excluded");
    // Without one they look at the primary address, and the rule is the reason told.
    let scope = compile(|s| {
        s.routing = RoutingAddress::Domain(text("nowhere.example"));
        s.exclude = vec![rule("address", Test::Matches(text("^ann@")))];
    });
    assert_eq!(scope.source(&ann(), true).unwrap_err().code(), "excluded");
}

#[test]
fn when_decides_what_the_lists_cannot_say() {
    for (expression, answer) in [
        ("enabled and not hidden", "ok"),
        ("department == 'Sales' and country != 'Germany'", "ok"),
        ("kind in ['room', 'equipment']", "when-false"),
        ("address is endingwith('@a.example')", "ok"),
        ("(department | lower) == 'legal'", "when-false"),
        ("manager == 'boss'", "ok"),
        ("not title", "ok"),
        ("directory_synced", "when-false"),
        ("(department | int) > 3", "when-failed"),
    ] {
        let scope = compile(|s| s.when = Some(text(expression)));
        let told = scope.source(&ann(), true).err().map_or("ok", |reason| reason.code());
        assert_eq!(told, answer, "{expression}");
    }
    let contact = changed(|r| (r.kind, r.enabled) = (Kind::Contact, None));
    assert_eq!(compile(|s| s.when = Some(text("enabled"))).source(&contact, true), Ok(()), "no account is not a disabled one");
    let flips = compile(|s| s.when = Some(text("title if department == 'Sales' else enabled")));
    assert_eq!(flips.source(&ann(), true).unwrap_err().code(), "when-failed");
}

#[test]
fn included_by_name() {
    let scope = compile(|s| {
        s.include = vec![text("SMTP:Ann@A.example")];
        s.include_groups = vec![Anchor(uuid::Uuid::nil())];
        s.exclude = vec![rule("department", Test::Equals(text("Sales")))];
        s.when = Some(text("hidden"));
    });
    let stamp = || Mark::parse("galbridge1|here|tenant|33333333-3333-3333-3333-333333333333|made|projection|-");
    assert_eq!(scope.source(&ann(), false), Ok(()));
    assert_eq!(scope.source(&changed(|r| r.enabled = Some(false)), false), Ok(()));
    for (what, code) in [
        (changed(|r| r.hidden = true), "hidden"),
        (changed(|r| r.complete = false), "not-read-yet"),
        (changed(|r| r.external_identity = true), "external-identity"),
        (changed(|r| r.kind = Kind::MailUser), "kind-not-published"),
        (changed(|r| r.authenticated_senders_only = true), "authenticated-senders-only"),
        (changed(|r| (r.kind, r.mark) = (Kind::Contact, stamp())), "published"),
        (changed(|r| (r.kind, r.mark) = (Kind::MailUser, stamp())), "published"),
        (changed(|r| (r.kind, r.name) = (Kind::Contact, text("Galbridge-2"))), "published"),
        (changed(|r| (r.addresses, r.primary) = (vec![text("b@a.example")], Some(text("b@a.example")))), "not-in-groups"),
    ] {
        assert_eq!(scope.source(&what, false).unwrap_err().code(), code);
    }
    // Somebody copied it there: galbridge stamps no mailbox.
    assert_eq!(scope.source(&changed(|r| r.mark = stamp()), false), Ok(()));
}

/// Membership counts where the profile asks for it.
#[test]
fn groups_count_where_they_are_named() {
    let group = Anchor(uuid::Uuid::from_u128(7));
    for (groups, member, wanted) in [(vec![], false, true), (vec![], true, true), (vec![group], false, false), (vec![group], true, true)] {
        let scope = compile(|s| s.include_groups.clone_from(&groups));
        assert_eq!(scope.source(&ann(), member).is_ok(), wanted, "{groups:?} {member}");
    }
}

#[test]
fn what_is_no_domain_to_route_by() {
    let refused = |domain: &str| {
        let settings = ScopeSettings { routing: RoutingAddress::Domain(text(domain)), ..ScopeSettings::default() };
        Scope::compile(settings).is_err()
    };
    for domain in
        ["", "partner", ".", "partner.", "a..b", "a b.example", "ann@partner.example", "https://partner.example", "partner.example:25"]
    {
        assert!(refused(domain), "{domain:?}");
    }
    assert!(!refused(" Partner.Example "));
}

#[test]
fn routing_addresses() {
    let to = |domain: &str| RoutingAddress::Domain(text(domain));
    let born = |r: &mut Recipient| r.primary = Some(text("ann@a.onmicrosoft.com"));
    for (what, routing, onmicrosoft, expected) in [
        (ann(), RoutingAddress::Primary, false, Some("ann@a.example")),
        (ann(), to("OTHER.example"), false, Some("a@other.example")),
        (ann(), to("a.example"), false, Some("ann@a.example")),
        (ann(), to("none.example"), false, None),
        (changed(born), RoutingAddress::Primary, true, Some("ann@a.onmicrosoft.com")),
        (changed(born), RoutingAddress::Primary, false, Some("a@other.example")),
        (changed(born), to("a.onmicrosoft.com"), true, Some("ann@a.onmicrosoft.com")),
        (changed(born), to("a.onmicrosoft.com"), false, None),
        (
            changed(|r| {
                r.kind = Kind::Contact;
                born(r);
            }),
            RoutingAddress::Primary,
            false,
            None,
        ),
        (changed(|r| r.kind = Kind::Contact), to("other.example"), false, Some("ann@a.example")),
        (changed(|r| (r.primary, r.addresses) = (None, vec![])), RoutingAddress::Primary, false, None),
        (changed(|r| r.primary = None), RoutingAddress::Primary, false, Some("a@other.example")),
        (changed(|r| (r.primary, r.addresses) = (Some(text("a@t.onmicrosoft.us")), vec![])), RoutingAddress::Primary, false, None),
        (changed(|r| (r.primary, r.addresses) = (Some(text("a@t.partner.onmschina.cn")), vec![])), RoutingAddress::Primary, false, None),
    ] {
        let scope = compile(|s| (s.routing, s.include_onmicrosoft) = (routing.clone(), onmicrosoft));
        assert_eq!(scope.routing_address(&what).as_deref(), expected, "{:?} {routing:?} {onmicrosoft}", what.primary);
        assert_eq!(scope.source(&what, true).is_ok(), expected.is_some());
    }
}

#[test]
fn marks_of_other_tools() {
    let mark = |place, matches: &str| compile(|s| s.foreign_marks = vec![ForeignMark { place, matches: text(matches) }]);
    let stamped = changed(|r| r.mark = Mark::Foreign(text("GALSYNC1|t|u")));
    let named = changed(|r| r.name = text("XTS-77"));
    let attribute = MarkPlace::Field(Field::CustomAttribute14);
    assert!(mark(attribute, "^galsync1").foreign_mark(&stamped).is_some(), "what stands in the stamp attribute is no value");
    assert!(mark(MarkPlace::Field(Field::Title), "^galsync1").foreign_mark(&stamped).is_none());
    assert_eq!(mark(MarkPlace::Name, "^xts-").foreign_mark(&named), Some("name matches \"^xts-\""));
    assert!(mark(MarkPlace::Name, "^xts-").foreign_mark(&ann()).is_none());
    assert!(compile(|_| {}).foreign_mark(&stamped).is_none(), "a foreign value alone is no mark");
}

#[test]
fn authenticated_senders_may_be_published() {
    let group = changed(|r| (r.kind, r.authenticated_senders_only) = (Kind::DistributionGroup, true));
    let scope = compile(|s| s.authenticated_senders = AuthenticatedSenders::Publish);
    assert_eq!(scope.source(&group, true), Ok(()));
}

#[test]
fn settings_that_cannot_be_used() {
    let settings = |change: &dyn Fn(&mut ScopeSettings)| {
        let mut settings = ScopeSettings::default();
        change(&mut settings);
        settings
    };
    let all = settings(&|s| {
        s.exclude = vec![
            rule("title", Test::Matches(text("("))),
            rule("title", Test::Domain(vec![])),
            rule("title", Test::Matches(text("x{1000}{1000}"))),
        ];
        s.when = Some(text("titel == 1 or departement"));
        s.routing = RoutingAddress::Domain(text("a b"));
        s.foreign_marks = vec![ForeignMark { place: MarkPlace::Name, matches: text("[") }];
        s.include = vec![text("ann@a.example"), text("ann")];
    });
    let told: Vec<String> = Scope::problems(&all).iter().map(SettingError::to_string).collect();
    let expected = [
        "exclude, rule 1: not a regular expression: unclosed group",
        "exclude, rule 2: `domain` goes with the field `address` only",
        "exclude, rule 3: not a regular expression: Compiled regex exceeds size limit of 1048576 bytes.",
        "when: unknown name `departement`, `titel`",
        "routing_address: neither \"primary\" nor a domain",
        "foreign_marks, mark 1: not a regular expression: unclosed character class",
        "include, address 2: not a mail address",
    ];
    assert_eq!(told, expected);
    assert_eq!(Scope::compile(all).unwrap_err().to_string(), expected[0]);
    for (when, expected) in [
        ("department", "when: gives string, not true or false"),
        ("1 + 1", "when: gives number, not true or false"),
        ("enabled and", "when: syntax error: unexpected end of input, expected expression"),
        ("title | shout", "when: unknown filter: filter shout is unknown"),
        ("title.size", "when: gives undefined, not true or false"),
        ("", "when: syntax error: unexpected end of input, expected expression"),
    ] {
        let told = Scope::compile(settings(&|s| s.when = Some(text(when)))).unwrap_err().to_string();
        assert_eq!(told, expected, "{when}");
    }
}

proptest! {
    #[test]
    fn a_source_has_a_routing_address(
        kind in prop::sample::select(Kind::NAMED.map(|(kind, _)| kind).to_vec()),
        primary in prop::option::of("[a-b]@(x.example|y.example|t.onmicrosoft.com|)"),
        mut addresses in prop::collection::vec("[a-b]@(x.example|y.example|t.onmicrosoft.com)", 0..4),
        (include_onmicrosoft, domain) in (any::<bool>(), prop::option::of(Just("y.example"))),
    ) {
        addresses.sort();
        let recipient = changed(|r| (r.kind, r.primary, r.addresses) = (kind, primary, addresses));
        let scope = compile(|s| {
            s.kinds.push(Kind::MailUser);
            s.include_onmicrosoft = include_onmicrosoft;
            s.routing = domain.map_or(RoutingAddress::Primary, |domain| RoutingAddress::Domain(text(domain)));
        });
        let address = scope.routing_address(&recipient);
        prop_assert_eq!(scope.source(&recipient, true).is_ok(), address.is_some());
        if let Some(address) = address {
            prop_assert!(recipient.holds(&address) || recipient.primary.as_ref() == Some(&address));
        }
    }

    #[test]
    fn nothing_panics_for_any_text(text in any::<String>(), source in any::<String>()) {
        let recipient = changed(|r| (r.values, r.primary) = (r.values.with(Field::Title, Some(&text)), Some(text.clone())));
        let mut settings = ScopeSettings { when: Some(source.clone()), include: vec![text.clone()], ..ScopeSettings::default() };
        settings.exclude = vec![rule("title", Test::Matches(source)), rule("address", Test::Domain(vec![text]))];
        if let Ok(scope) = Scope::compile(settings) {
            let _ = scope.source(&recipient, true);
        }
    }
}

/// Only contacts are made by galbridge: a mailbox may be called like one.
#[test]
fn a_mailbox_may_be_called_galbridge() {
    let scope = compile(|_| {});
    assert_eq!(scope.source(&changed(|r| r.name = text("galbridge-alerts")), true), Ok(()));
}

/// A contact's primary address may be its external one, which it does not hold itself.
#[test]
fn included_by_its_primary_address_or_any_other() {
    let scope = compile(|s| s.include = vec![text("ann@a.example")]);
    let with = |primary: &str, other: &str| changed(|r| (r.primary, r.addresses) = (Some(text(primary)), vec![text(other)]));
    assert!(scope.included_by_name(&with("ann@a.example", "x@a.example")));
    assert!(scope.included_by_name(&with("x@a.example", "ann@a.example")));
    assert!(!scope.included_by_name(&with("x@a.example", "y@a.example")));
}

/// The shell reads their members.
#[test]
fn a_scope_names_its_groups() {
    let groups: Vec<Anchor> = ["11111111-1111-1111-1111-111111111111".parse().unwrap()].into();
    let scope = Scope::compile(ScopeSettings { include_groups: groups.clone(), ..ScopeSettings::default() }).unwrap();
    assert_eq!(scope.include_groups(), groups);
}
