//! What is published, by example and by property.

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::recipient::{Anchor, Presence};
use crate::stamp::Mark;

fn recipient(values: &[(Field, &str)]) -> Recipient {
    Recipient {
        anchor: Anchor(uuid::Uuid::nil()),
        guid: None,
        kind: Kind::User,
        name: "ann".to_owned(),
        values: values.iter().copied().collect(),
        addresses: vec!["ann@a.example".to_owned()],
        primary: Some("ann@a.example".to_owned()),
        x500: Vec::new(),
        legacy_exchange_dn: None,
        hidden: false,
        enabled: Some(true),
        directory_synced: false,
        external_identity: false,
        authenticated_senders_only: false,
        mark: Mark::None,
        manager_name: None,
        when_changed: Some(Timestamp::UNIX_EPOCH),
        exchange: true,
        complete: true,
        presence: Presence::Present,
    }
}

fn settings(entries: &[(Field, FieldMapping)]) -> BTreeMap<Field, FieldMapping> {
    entries.iter().cloned().collect()
}

fn template(field: Field, source: &str) -> BTreeMap<Field, FieldMapping> {
    settings(&[(field, FieldMapping::Template(source.to_owned()))])
}

fn project(settings: &BTreeMap<Field, FieldMapping>, values: &[(Field, &str)]) -> Projection {
    Mapping::compile(settings).unwrap().project(&recipient(values), "ann@a.example", None)
}

#[test]
fn without_settings_the_defaults_are_published() {
    let projection = project(
        &BTreeMap::new(),
        &[
            (Field::DisplayName, " Ann "),
            (Field::Title, "Clerk"),
            (Field::Notes, "private"),
            (Field::CustomAttribute1, "internal"),
            (Field::CountryOrRegion, "ch"),
            (Field::Manager, "never from values"),
        ],
    );
    let expected: Values = [
        (Field::DisplayName, "Ann"),
        (Field::Title, "Clerk"),
        (Field::CountryOrRegion, "Switzerland"),
        (Field::ExternalEmailAddress, "ann@a.example"),
    ]
    .into_iter()
    .collect();
    assert_eq!(projection, Projection { values: expected, ..Projection::default() });
}

#[test]
fn fields_are_switched_on_and_off() {
    let settings = settings(&[(Field::Title, FieldMapping::Off), (Field::Notes, FieldMapping::On)]);
    let projection = project(&settings, &[(Field::Title, "Clerk"), (Field::Notes, "a")]);
    assert_eq!(projection.values.get(Field::Title), None);
    assert_eq!(projection.values.get(Field::Notes), Some("a"));
    let fields = Mapping::compile(&settings).unwrap().fields();
    assert!(!fields.contains(Field::Title) && fields.contains(Field::Notes) && fields.contains(Field::ExternalEmailAddress));
}

#[test]
fn templates_by_example() {
    for (field, source, values, expected) in [
        (Field::DisplayName, "{{ display_name }} (Contoso)", &[(Field::DisplayName, "Ann")][..], Some("Ann (Contoso)")),
        (Field::DisplayName, "{{ display_name }} (Contoso)", &[(Field::DisplayName, "Ann (Contoso)")], Some("Ann (Contoso)")),
        (Field::DisplayName, "{{ display_name }} (Contoso)", &[], Some("ann (Contoso)")),
        (
            Field::DisplayName,
            "{{ last_name | upper }}, {{ first_name }}",
            &[(Field::FirstName, "Ann"), (Field::LastName, "Lee")],
            Some("LEE, Ann"),
        ),
        (Field::Phone, "{{ phone | e164('CH') }}", &[(Field::Phone, "044 668 18 00")], Some("+41446681800")),
        (Field::Phone, "{{ phone | e164('ch') }}", &[(Field::Phone, " internal 12 ")], Some("internal 12")),
        (Field::Phone, "{{ phone | e164('CH') }}", &[], None),
        (Field::Company, "{{ company | default('Contoso', true) }}", &[], Some("Contoso")),
        (Field::Title, "  {{ title | trim }}  ", &[(Field::Title, "Clerk")], Some("Clerk")),
        (Field::Title, "{% if kind == 'room' %}{{ title }}{% endif %}", &[(Field::Title, "Clerk")], None),
        (Field::WebPage, "https://a.example/{{ address | replace('@', '/') }}", &[], Some("https://a.example/ann/a.example")),
        (Field::CountryOrRegion, "{{ country or 'CH' }}", &[], Some("Switzerland")),
        (Field::Notes, "{{ name }} {{ enabled }} {{ hidden }} {{ directory_synced }} {{ kind }}", &[], Some("ann True False False user")),
        (Field::Notes, "<{{ title }}>", &[(Field::Title, "a & b")], Some("<a & b>")),
    ] {
        let projection = project(&template(field, source), values);
        assert_eq!(projection.values.get(field), expected, "{source}");
        assert_eq!((projection.left_alone, projection.notes), (FieldSet::default(), vec![]), "{source}");
    }
}

#[test]
fn what_a_profile_must_not_say() {
    for (field, source, expected) in [
        (Field::Title, "{{ titel }}", "mapping of title: unknown name `titel`"),
        (Field::Title, "{{ a }}{{ b }}{{ title }}", "mapping of title: unknown name `a`, `b`"),
        (Field::Title, "title", "mapping of title: the template names no field, as {{ display_name }} does"),
        (Field::Title, "{{ title", "mapping of title: syntax error: unexpected end of input, expected end of variable block"),
        (Field::Title, "{{ title | shout }}", "mapping of title: unknown filter: filter shout is unknown"),
        (Field::Title, "{% if not title %}{{ title | shout }}{% endif %}", "mapping of title: unknown filter: filter shout is unknown"),
        (Field::Title, "{{ title is loud }}", "mapping of title: unknown test: test loud is unknown"),
        (
            Field::Phone,
            "{{ phone | e164('Suisse') }}",
            "mapping of phone: invalid operation: e164 takes a country as ISO code, as in e164('CH')",
        ),
        (Field::Phone, "{{ phone | e164 }}", "mapping of phone: missing argument"),
        (Field::Title, "{% include 'x' %}{{ title }}", "mapping of title: syntax error: unknown statement include"),
        (Field::Title, "{% for i in range(9) %}{{ title }}{% endfor %}", "mapping of title: unknown name `range`"),
        (Field::Manager, "{{ manager }}", "mapping of manager: the manager is on or off; it is the manager's own published contact"),
        (
            Field::ExternalEmailAddress,
            "{{ address }}",
            "mapping of address: the address takes no template; `routing_address` of the scope chooses it",
        ),
    ] {
        assert_eq!(Mapping::compile(&template(field, source)).unwrap_err().to_string(), expected, "{source}");
    }
    let all = [(Field::ExternalEmailAddress, FieldMapping::Off), (Field::Title, FieldMapping::Template("x".to_owned()))];
    let problems = Mapping::problems(&settings(&all));
    assert_eq!(
        problems.iter().map(SettingError::setting).collect::<Vec<_>>(),
        [Setting::Mapping(Field::Title), Setting::Mapping(Field::ExternalEmailAddress)]
    );
    let long = template(Field::DisplayName, &format!("{{{{ display_name }}}}{}", "x".repeat(250)));
    assert!(matches!(Mapping::compile(&long), Err(SettingError::NotPossible { .. })));
}

/// The display name has a form of its own where nothing is said of it: the title, else the Name.
#[test]
fn a_display_name_is_what_the_profile_says() {
    let said = |settings: &BTreeMap<Field, FieldMapping>, values: &[(Field, &str)]| {
        project(settings, values).values.get(Field::DisplayName).map(str::to_owned)
    };
    let ann = [(Field::DisplayName, "Ann"), (Field::Title, "Clerk")];
    assert_eq!(said(&settings(&[(Field::DisplayName, FieldMapping::Off)]), &ann), None);
    assert_eq!(said(&template(Field::DisplayName, "{{ title }}"), &ann).as_deref(), Some("Clerk"));
    assert_eq!(said(&template(Field::DisplayName, "{{ title }}"), &ann[..1]).as_deref(), Some("Ann"), "nobody is shown without a name");
    assert_eq!(said(&BTreeMap::new(), &[]).as_deref(), Some("ann"));
}

#[test]
fn a_template_that_fails_for_one_recipient_leaves_the_field_alone() {
    let projection = project(&template(Field::Title, "{{ title | int + 1 }}"), &[(Field::Title, "Clerk"), (Field::City, "Bern")]);
    assert!(projection.left_alone.contains(Field::Title) && projection.values.get(Field::Title).is_none());
    assert_eq!(projection.values.get(Field::City), Some("Bern"));
    assert!(matches!(projection.notes.as_slice(), [Note::TemplateFailed { field: Field::Title, .. }]), "{:?}", projection.notes);
}

#[test]
fn long_values_are_cut_and_noted() {
    let long = format!("{}a x", "😀".repeat(31));
    let projection = project(&BTreeMap::new(), &[(Field::Department, &long), (Field::Title, &"x".repeat(128))]);
    assert_eq!(projection.values.get(Field::Department), Some(format!("{}a", "😀".repeat(31)).as_str()));
    assert_eq!(projection.notes, [Note::Cut { field: Field::Department, limit: 64 }]);

    let on = settings(&[(Field::OtherTelephone, FieldMapping::On)]);
    let fits = format!("{}\n{}", "1".repeat(64), "2".repeat(64));
    let projection = project(&on, &[(Field::OtherTelephone, &fits)]);
    assert_eq!((projection.values.get(Field::OtherTelephone), projection.notes.len()), (Some(fits.as_str()), 0), "the limit is of a line");
    let projection = project(&on, &[(Field::OtherTelephone, &format!("{0}3\n{0}4", "1".repeat(64)))]);
    assert_eq!((projection.values.get(Field::OtherTelephone), projection.notes.len()), (Some("1".repeat(64).as_str()), 1));
}

#[test]
fn a_country_that_exchange_refuses_is_left_alone() {
    let projection = project(&BTreeMap::new(), &[(Field::CountryOrRegion, "Elbonia")]);
    assert!(projection.left_alone.contains(Field::CountryOrRegion) && projection.values.get(Field::CountryOrRegion).is_none());
    assert_eq!(projection.notes, [Note::CountryUnknown]);
}

#[test]
fn managers_and_rooms() {
    let mapping = Mapping::compile(&BTreeMap::new()).unwrap();
    let mut ann = recipient(&[]);
    assert_eq!(mapping.project(&ann, "ann@a.example", None).notes, []);
    ann.manager_name = Some("boss".to_owned());
    assert_eq!(mapping.project(&ann, "ann@a.example", None).notes, [Note::ManagerNotPublished]);
    let with = mapping.project(&ann, "ann@a.example", Some("galbridge-1"));
    assert_eq!((with.values.get(Field::Manager), with.notes.len()), (Some("galbridge-1"), 0));
    let off =
        Mapping::compile(&settings(&[(Field::Manager, FieldMapping::Off)])).unwrap().project(&ann, "ann@a.example", Some("galbridge-1"));
    assert_eq!((off.values.get(Field::Manager), off.notes.len()), (None, 0));
    ann.kind = Kind::Room;
    ann.manager_name = None;
    assert_eq!(mapping.project(&ann, "ann@a.example", None).notes, [Note::RoomBooking]);
}

#[test]
fn peers_are_copied_without_templates() {
    let settings = settings(&[
        (Field::DisplayName, FieldMapping::Template("{{ display_name }} (Contoso)".to_owned())),
        (Field::Phone, FieldMapping::Template("{{ phone | e164('CH') }}".to_owned())),
        (Field::Title, FieldMapping::Off),
    ]);
    let contact = recipient(&[
        (Field::DisplayName, "Helpdesk"),
        (Field::Phone, "044 668 18 00"),
        (Field::Title, "Desk"),
        (Field::Department, &"x".repeat(65)),
        (Field::ExternalEmailAddress, "Help@X.example"),
    ]);
    let copy = Mapping::compile(&settings).unwrap().copy(&contact, Some("boss"));
    let expected = [
        (Field::DisplayName, "Helpdesk"),
        (Field::Phone, "044 668 18 00"),
        (Field::Department, &"x".repeat(64)),
        (Field::Manager, "boss"),
        (Field::ExternalEmailAddress, "help@x.example"),
    ];
    assert_eq!(copy.values, expected.into_iter().collect());
    assert_eq!(copy.notes, [Note::Cut { field: Field::Department, limit: 64 }]);
}

fn any_values() -> impl Strategy<Value = Values> {
    let text = prop_oneof![
        any::<String>(),
        "[a😀\u{301} ]{60,300}",
        prop::sample::select(vec!["CH", "Ann (Contoso)", "\r\n", "<html><body>x</body></html>", "044 668 18 00", "(Contoso) (Contoso)"])
            .prop_map(str::to_owned),
    ];
    let field = prop::sample::select(
        Field::all().filter(|field| *field != Field::ExternalEmailAddress && *field != Field::Manager).collect::<Vec<_>>(),
    );
    prop::collection::vec((field, text), 0..12).prop_map(|entries| entries.into_iter().collect::<Values>())
}

/// Everything published; templates where the test wants them.
fn everything(templates: bool) -> Mapping {
    let mut settings: BTreeMap<Field, FieldMapping> = Field::all().map(|field| (field, FieldMapping::On)).collect();
    if templates {
        settings.extend(template(Field::DisplayName, "Zürich {{ display_name }} (Contoso)"));
        settings.extend(template(Field::Phone, "{{ phone | e164('CH') }}"));
        settings.extend(template(Field::Title, "{{ title | trim | upper }}"));
    }
    Mapping::compile(&settings).unwrap()
}

proptest! {
    #[test]
    fn projecting_twice_is_projecting_once(values in any_values(), templates in any::<bool>()) {
        let mapping = everything(templates);
        let mut ann = recipient(&[]);
        ann.values = values;
        let once = mapping.project(&ann, "ann@a.example", None);
        ann.values = once.values.clone();
        let twice = mapping.project(&ann, "ann@a.example", None);
        prop_assert_eq!(&twice.values, &once.values);
        let copied = mapping.copy(&ann, None);
        prop_assert_eq!(copied.values.with(Field::DisplayName, None), twice.values.with(Field::DisplayName, None));
    }

    #[test]
    fn limits_are_kept_and_values_are_in_their_shown_form(values in any_values(), templates in any::<bool>()) {
        let mut ann = recipient(&[]);
        ann.values = values;
        let mapping = everything(templates);
        for projection in [mapping.project(&ann, "ann@a.example", None), mapping.copy(&ann, None)] {
            for (field, value) in &projection.values {
                let parts: Vec<&str> = if field.is_set() { value.lines().collect() } else { vec![value] };
                for part in parts {
                    prop_assert!(part.encode_utf16().count() <= field.row().limit, "{}", field);
                }
                prop_assert_eq!(normalise::shown(field, value), value);
                prop_assert!(!projection.left_alone.contains(field));
            }
        }
    }
}
