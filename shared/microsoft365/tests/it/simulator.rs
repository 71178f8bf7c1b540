//! The whole adapter against the simulator, which shares no code with it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::ports::{
    ContactChange, ContactWriter as _, Detail, DirectoryReader as _, ExchangeRow, GraphCursor, NewContact, NextPage, ReadError,
    RecipientQuery, TenantError, WriteError,
};
use futures::StreamExt as _;
use gal::reading::Collection;
use gal::{Anchor, Field};
use m365_simulator::{FaultLevel, Latency, SimulatorConfig};
use microsoft365::{Budget, Cloud, Hosts, Parts, Tenant365};
use serde_json::{Value, json};

use crate::world::{World, config, settings, world};

fn contact(number: usize) -> NewContact {
    NewContact {
        name: format!("galbridge-{number}"),
        alias: format!("galbridge-{number}"),
        address: format!("p{number}@partner.example"),
        display_name: format!("Person {number}"),
        first_name: Some("Per".into()),
        last_name: None,
        initials: None,
    }
}

/// Everything of a collection, with the deltaLink.
async fn enumerate(tenant: &Tenant365, collection: Collection) -> (BTreeMap<Anchor, Option<String>>, String) {
    let mut cursor = GraphCursor::Start;
    let mut seen = BTreeMap::new();
    loop {
        let page = match tenant.changes(collection, &cursor).await {
            Ok(page) => page,
            Err(ReadError::CursorExpired) => {
                cursor = GraphCursor::Start;
                seen.clear();
                continue;
            }
            Err(other) => panic!("{other:?}"),
        };
        for change in page.changes {
            match change.removed {
                Some(_) => seen.remove(&change.anchor),
                None => seen.insert(change.anchor, change.mail.flatten()),
            };
        }
        match page.next {
            NextPage::More(link) => cursor = GraphCursor::Enumerating(link),
            NextPage::Complete(link) => return (seen, link),
        }
    }
}

async fn recipients(tenant: &Tenant365, query: &RecipientQuery) -> Vec<ExchangeRow> {
    let mut rows = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let page = tenant.recipients(query, next.as_deref()).await.unwrap();
        rows.extend(page.rows);
        match page.next {
            Some(link) => next = Some(link),
            None => return rows,
        }
    }
}

async fn one(world: &World, query: RecipientQuery) -> Option<ExchangeRow> {
    recipients(&world.tenant, &query).await.pop()
}

fn everything() -> RecipientQuery {
    RecipientQuery::CreatedIn { from: None, to: None }
}

#[tokio::test(start_paused = true)]
async fn a_directory_is_read_whole() {
    let world = world(config(2500, FaultLevel::Usual));
    let mut graph: BTreeSet<Anchor> = BTreeSet::new();
    for collection in Collection::ALL {
        graph.extend(enumerate(&world.tenant, collection).await.0.into_keys());
    }
    let rows = recipients(&world.tenant, &everything()).await;
    let entries = world.simulator.gal("contoso", true);
    let name = |entry: &m365_simulator::GalEntry| entry.properties["Name"].as_str().unwrap().to_owned();
    let listed: BTreeSet<String> = entries.iter().map(name).collect();
    let read: BTreeSet<String> = rows.iter().map(|row| row.half.name.clone()).collect();
    assert!(rows.len() > 1000, "more than a page: {}", rows.len());
    assert!(listed.is_subset(&read), "{:?} are missing", listed.difference(&read).collect::<Vec<_>>());
    // Entra does not know dynamic distribution groups.
    let anchors: BTreeSet<Anchor> = rows.iter().filter_map(|row| row.anchor).collect();
    assert!(anchors.is_subset(&graph), "{} are missing in Graph", anchors.difference(&graph).count());
    let without = rows.iter().filter(|row| row.anchor.is_none());
    assert!(without.clone().count() > 0 && without.clone().all(|row| row.half.type_details == "DynamicDistributionGroup"));
    assert!(!world.tenant.accepted_domains().await.unwrap().is_empty());
    world.tenant.dynamic_groups().await.unwrap();
    for detail in [
        Detail::User,
        Detail::Contact,
        Detail::MailContact,
        Detail::Mailbox,
        Detail::DistributionGroup,
        Detail::UnifiedGroup,
        Detail::DynamicGroup,
    ] {
        let page = world.tenant.details(detail, &everything(), None).await.unwrap();
        assert!(!page.rows.is_empty(), "{detail:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_written_is_read_back() {
    let world = world(config(0, FaultLevel::None));
    let made = world.tenant.create(&contact(1)).await.unwrap();
    let values = |list: &[(Field, &str)]| list.iter().map(|(field, value)| (*field, Some((*value).to_owned()))).collect::<Vec<_>>();
    let written = [
        (Field::DisplayName, "Zoë Ångström 李"),
        (Field::Title, "Clerk"),
        (Field::Initials, "ZÅ"),
        (Field::StreetAddress, "1 St\r\nFloor 2"),
        (Field::CountryOrRegion, "CH"),
        (Field::OtherTelephone, "+41 1\n+41 2"),
        (Field::MailTip, "Out of town"),
        (Field::CustomAttribute3, "O'Hara"),
        (Field::ExtensionCustomAttribute2, "b\na"),
        (Field::WebPage, "https://a.example"),
    ];
    let stamp = (Field::CustomAttribute15, Some("galbridge1|i|t|x".to_owned()));
    let change = ContactChange {
        values: values(&written),
        stamp: Some(stamp),
        x500_add: vec!["/o=Old/cn=zoe".into()],
        hidden: Some(false),
        ..ContactChange::default()
    };
    world.tenant.change(made.guid, &change).await.unwrap();

    let row = one(&world, RecipientQuery::Name("galbridge-1".into())).await.unwrap();
    assert_eq!(row.half.guid, made.guid);
    assert_eq!(row.half.type_details, "MailContact");
    let value = |field| row.half.values.get(field);
    assert_eq!(
        (value(Field::DisplayName), value(Field::Title), value(Field::CountryOrRegion)),
        (Some("Zoë Ångström 李"), Some("Clerk"), Some("Switzerland"))
    );
    assert_eq!((value(Field::CustomAttribute15), value(Field::CustomAttribute3)), (Some("galbridge1|i|t|x"), Some("O'Hara")));
    assert_eq!(value(Field::ExtensionCustomAttribute2).map(|text| text.lines().collect::<BTreeSet<_>>()), Some(BTreeSet::from(["a", "b"])));
    assert!(
        row.half.email_addresses.iter().any(|address| address.eq_ignore_ascii_case("X500:/o=Old/cn=zoe")),
        "{:?}",
        row.half.email_addresses
    );
    let detail = |kind| world.tenant.details(kind, &const { RecipientQuery::Guid(uuid::Uuid::nil()) }, None);
    assert!(detail(Detail::Contact).await.unwrap().rows.is_empty());
    let person = world.tenant.details(Detail::Contact, &RecipientQuery::Guid(made.guid), None).await.unwrap().rows.remove(0);
    let shown = |field| person.values.iter().find(|(known, _)| *known == field).and_then(|(_, value)| value.as_deref());
    assert_eq!((shown(Field::Initials), shown(Field::WebPage)), (Some("ZÅ"), Some("https://a.example")));
    assert_eq!(shown(Field::OtherTelephone).map(|text| text.lines().count()), Some(2));
    let mail = world.tenant.details(Detail::MailContact, &RecipientQuery::Guid(made.guid), None).await.unwrap().rows.remove(0);
    assert!(mail.legacy_exchange_dn.is_some());
    assert!(
        mail.values
            .iter()
            .any(|(field, value)| *field == Field::MailTip && value.as_deref().is_some_and(|tip| tip.contains("Out of town")))
    );

    let cleared: Vec<(Field, Option<String>)> =
        written.iter().filter(|(field, _)| *field != Field::DisplayName).map(|(field, _)| (*field, None)).collect();
    let change = ContactChange {
        values: cleared,
        stamp: Some((Field::CustomAttribute15, None)),
        x500_remove: vec!["/o=Old/cn=zoe".into()],
        hidden: Some(true),
        ..ContactChange::default()
    };
    world.tenant.change(made.guid, &change).await.unwrap();
    let row = one(&world, RecipientQuery::Guid(made.guid)).await.unwrap();
    assert!(row.half.hidden);
    let left: Vec<(Field, &str)> = row.half.values.iter().collect();
    assert_eq!(left, [(Field::DisplayName, "Zoë Ångström 李"), (Field::FirstName, "Per")]);
    assert!(!row.half.email_addresses.iter().any(|address| address.to_ascii_uppercase().starts_with("X500:/O=OLD")));
    let person = world.tenant.details(Detail::Contact, &RecipientQuery::Guid(made.guid), None).await.unwrap().rows.remove(0);
    let left: Vec<Field> = person.values.iter().filter(|(_, value)| value.is_some()).map(|(field, _)| *field).collect();
    assert_eq!(left, [Field::DisplayName, Field::FirstName]);

    world.tenant.remove(made.guid).await.unwrap();
    world.tenant.remove(made.guid).await.unwrap();
    assert_eq!(one(&world, RecipientQuery::Guid(made.guid)).await, None);
    assert_eq!(
        world.tenant.change(made.guid, &ContactChange { hidden: Some(true), ..ContactChange::default() }).await,
        Err(WriteError::NotFound)
    );
}

#[tokio::test(start_paused = true)]
async fn contacts_are_found_by_every_query() {
    let world = world(config(0, FaultLevel::None));
    let made = world.tenant.create(&contact(1)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let later = world.tenant.create(&NewContact { name: "O'Hara".into(), alias: "ohara".into(), ..contact(2) }).await.unwrap();
    let row = one(&world, RecipientQuery::Guid(made.guid)).await.unwrap();
    let (anchor, created) = (row.anchor.unwrap(), row.half.when_created);
    for query in [
        RecipientQuery::Anchor(anchor),
        RecipientQuery::Address("P1@PARTNER.example".into()),
        RecipientQuery::Name("galbridge-1".into()),
        RecipientQuery::CreatedIn { from: Some(created), to: Some(created + Duration::from_secs(2)) },
    ] {
        let found = recipients(&world.tenant, &query).await;
        assert_eq!(found.iter().map(|row| row.half.guid).collect::<Vec<_>>(), [made.guid], "{query:?}");
        for detail in [Detail::Contact, Detail::MailContact] {
            let rows = world.tenant.details(detail, &query, None).await.unwrap().rows;
            assert_eq!(rows.iter().map(|row| row.guid).collect::<Vec<_>>(), [made.guid], "{detail:?} {query:?}");
        }
    }
    assert_eq!(one(&world, RecipientQuery::Name("O'Hara".into())).await.unwrap().half.guid, later.guid);
    let since = recipients(&world.tenant, &RecipientQuery::ChangedSince(created + Duration::from_secs(2))).await;
    assert_eq!(since.iter().map(|row| row.half.guid).collect::<Vec<_>>(), [later.guid]);
    assert!(recipients(&world.tenant, &RecipientQuery::ChangedSince(created + Duration::from_mins(1))).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn conflicts_have_their_names() {
    let world = world(config(0, FaultLevel::None));
    let first = world.tenant.create(&contact(1)).await.unwrap();
    let second = world.tenant.create(&contact(2)).await.unwrap();
    let outcome = world.tenant.create(&NewContact { name: "other".into(), alias: "other".into(), ..contact(1) }).await;
    assert!(matches!(outcome, Err(WriteError::AddressInUse { .. })), "{outcome:?}");
    let outcome = world.tenant.create(&NewContact { address: "new@partner.example".into(), ..contact(1) }).await;
    assert_eq!(outcome, Err(WriteError::NameInUse));
    let outcome = world.tenant.create(&NewContact { address: "no address".into(), ..contact(3) }).await;
    assert!(matches!(outcome, Err(WriteError::Refused { .. })), "{outcome:?}");
    let x500 = ContactChange { x500_add: vec!["/o=a".into()], ..ContactChange::default() };
    world.tenant.change(first.guid, &x500).await.unwrap();
    world.tenant.change(first.guid, &x500).await.unwrap();
    let outcome = world.tenant.change(second.guid, &x500).await;
    assert!(matches!(outcome, Err(WriteError::X500Refused { .. })), "{outcome:?}");
    let country = ContactChange { values: vec![(Field::CountryOrRegion, Some("Atlantis".into()))], ..ContactChange::default() };
    let outcome = world.tenant.change(first.guid, &country).await;
    assert!(matches!(outcome, Err(WriteError::Refused { .. })), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn the_creation_quota_is_recognised() {
    let world = world(SimulatorConfig { creation_quota: Some(2), ..config(0, FaultLevel::None) });
    for number in 0..2 {
        world.tenant.create(&contact(number)).await.unwrap();
    }
    assert_eq!(world.tenant.create(&contact(3)).await, Err(WriteError::CreationQuota));
}

#[tokio::test(start_paused = true)]
async fn changes_are_followed() {
    let world = world(config(50, FaultLevel::None));
    let (users, link) = enumerate(&world.tenant, Collection::Users).await;
    let anchor = *users.keys().next().unwrap();
    let removed = *users.keys().nth(1).unwrap();
    world
        .simulator
        .apply_json(
            "contoso",
            json!([{"op": "update", "anchor": anchor, "set": {"Title": "Boss", "Department": null}}, {"op": "delete", "anchor": removed}]),
        )
        .unwrap();
    tokio::time::sleep(Duration::from_mins(10)).await;
    let page = world.tenant.changes(Collection::Users, &GraphCursor::Delta(link)).await.unwrap();
    let change = page.changes.iter().find(|change| change.anchor == anchor).unwrap();
    assert!(change.values.contains(&(Field::Title, Some("Boss".into()))), "{:?}", change.values);
    assert!(change.user_principal_name.is_none(), "what did not change is not mentioned");
    assert!(page.changes.iter().any(|change| change.anchor == removed && change.removed.is_some()));
}

#[tokio::test(start_paused = true)]
async fn an_old_cursor_has_expired() {
    let world = world(config(20, FaultLevel::None));
    let (_, link) = enumerate(&world.tenant, Collection::Users).await;
    tokio::time::sleep(Duration::from_hours(8 * 24)).await;
    assert_eq!(world.tenant.changes(Collection::Users, &GraphCursor::Delta(link)).await, Err(ReadError::CursorExpired));
    let (_, link) = enumerate(&world.tenant, Collection::Users).await;
    world.simulator.apply_json("contoso", json!([{"op": "resync"}])).unwrap();
    assert_eq!(world.tenant.changes(Collection::Users, &GraphCursor::Delta(link)).await, Err(ReadError::CursorExpired));
}

#[tokio::test(start_paused = true)]
async fn an_old_page_link_has_expired() {
    let world = world(config(1500, FaultLevel::None));
    let page = world.tenant.recipients(&everything(), None).await.unwrap();
    let next = page.next.unwrap();
    tokio::time::sleep(Duration::from_mins(15)).await;
    assert_eq!(world.tenant.recipients(&everything(), Some(&next)).await, Err(ReadError::PageExpired));
}

#[tokio::test(start_paused = true)]
async fn members_and_a_group_that_is_gone() {
    let world = world(config(300, FaultLevel::Usual));
    let group = Anchor(*world.info.groups.get("all-staff").unwrap());
    let members = world.tenant.transitive_members(group).await.unwrap();
    assert!(!members.is_empty() && members.is_sorted());
    let nobody = Anchor(uuid::Uuid::from_u128(1));
    assert_eq!(world.tenant.transitive_members(nobody).await, Err(ReadError::GroupGone(nobody)));
}

fn configuration_code(error: &TenantError) -> &str {
    match error {
        TenantError::Configuration { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_settings_are_told_apart() {
    let world = world(config(5, FaultLevel::None));
    let code = async |settings, parts| configuration_code(&Tenant365::new(settings, parts).roles().await.unwrap_err()).to_owned();
    let right = || (settings(&world.info), world.parts.clone());
    let (mut wrong, parts) = right();
    wrong.id = uuid::Uuid::max();
    assert_eq!(code(wrong, parts).await, "tenant-not-found");
    let (mut wrong, parts) = right();
    wrong.hosts = Hosts::of(Cloud::China);
    assert_eq!(code(wrong, parts).await, "tenant-not-found");
    let (mut wrong, parts) = right();
    wrong.app_id = uuid::Uuid::max();
    assert_eq!(code(wrong, parts).await, "app-not-in-tenant");
    world.simulator.apply_json("contoso", json!([{"op": "certificates", "clear": true}])).unwrap();
    let (settings, parts) = right();
    assert_eq!(code(settings, parts).await, "certificate-not-registered");
}

#[tokio::test(start_paused = true)]
async fn missing_rights_are_told_apart() {
    let write = async |world: &World| Tenant365::new(settings(&world.info), world.parts.clone()).create(&contact(1)).await.unwrap_err();
    let world = world(config(5, FaultLevel::None));
    assert!(world.tenant.roles().await.unwrap().contains(&"Exchange.ManageAsApp".to_owned()));
    world.simulator.apply_json("contoso", json!([{"op": "exchange-role", "role": "read"}])).unwrap();
    let WriteError::Tenant(error) = write(&world).await else { panic!() };
    assert_eq!(configuration_code(&error), "exchange-role");
    world.tenant.recipients(&everything(), None).await.unwrap();
    world.simulator.apply_json("contoso", json!([{"op": "exchange-role", "role": "none"}])).unwrap();
    let Err(ReadError::Tenant(error)) = world.tenant.recipients(&everything(), None).await else { panic!() };
    assert_eq!(configuration_code(&error), "exchange-role");
    world.simulator.apply_json("contoso", json!([{"op": "revoke", "role": "User.Read.All"}])).unwrap();
    let fresh = Tenant365::new(settings(&world.info), world.parts.clone());
    let Err(ReadError::Tenant(error)) = fresh.changes(Collection::Users, &GraphCursor::Start).await else { panic!() };
    assert_eq!(configuration_code(&error), "graph-permission");
    world.simulator.apply_json("contoso", json!([{"op": "revoke", "role": "Exchange.ManageAsApp"}])).unwrap();
    let fresh = Tenant365::new(settings(&world.info), world.parts.clone());
    let Err(ReadError::Tenant(error)) = fresh.recipients(&everything(), None).await else { panic!() };
    assert!(configuration_code(&error).starts_with("exchange-"), "{error}");
}

/// What a careful caller does (DESIGN.md "Writing a contact is three cmdlets"): create, or find what was created.
async fn publish(tenant: &Tenant365, number: usize) {
    let new = contact(number);
    let mut guid = None;
    for _ in 0..30 {
        match tenant.create(&new).await {
            Ok(created) => guid = Some(created.guid),
            Err(WriteError::Unknown { .. } | WriteError::NameInUse | WriteError::AddressInUse { .. }) => {
                tokio::time::sleep(Duration::from_secs(5)).await;
                guid = tenant
                    .recipients(&RecipientQuery::Name(new.name.clone()), None)
                    .await
                    .ok()
                    .and_then(|page| page.rows.first().map(|row| row.half.guid));
            }
            Err(WriteError::Tenant(TenantError::Transient { .. })) => tokio::time::sleep(Duration::from_secs(5)).await,
            Err(other) => panic!("{other:?}"),
        }
        if guid.is_some() {
            break;
        }
    }
    let change = ContactChange {
        values: vec![(Field::Title, Some(format!("Title {number}"))), (Field::City, Some("Bern".into()))],
        stamp: Some((Field::CustomAttribute15, Some(format!("galbridge1|{number}")))),
        ..ContactChange::default()
    };
    for _ in 0..30 {
        match tenant.change(guid.unwrap(), &change).await {
            Ok(()) => return,
            Err(WriteError::NotFound | WriteError::Unknown { .. } | WriteError::Tenant(TenantError::Transient { .. })) => {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    panic!("contact {number} was never filled");
}

#[tokio::test(start_paused = true)]
async fn a_hostile_day_makes_nothing_twice() {
    for seed in [7, 8, 9] {
        let world = world(SimulatorConfig { seed, latency: Latency::Real, ..config(0, FaultLevel::Hostile) });
        futures::stream::iter(0..60).for_each_concurrent(6, |number| publish(&world.tenant, number)).await;
        let entries = world.simulator.gal("contoso", true);
        let named = |entry: &m365_simulator::GalEntry| {
            entry.properties.get("Name").and_then(Value::as_str).is_some_and(|name| name.starts_with("galbridge-"))
        };
        let made: Vec<_> = entries.into_iter().filter(named).collect();
        assert_eq!(made.len(), 60, "seed {seed}");
        assert!(made.iter().all(|entry| entry.properties.get("Title").is_some_and(|title| title.as_str().unwrap().starts_with("Title "))));
    }
}

#[tokio::test(start_paused = true)]
async fn the_writing_rate_is_nearly_what_is_allowed() {
    let world = world(SimulatorConfig { latency: Latency::Real, ..config(0, FaultLevel::None) });
    futures::stream::iter(0..100).for_each_concurrent(8, |number| publish(&world.tenant, number)).await;
    let stats = world.simulator.stats();
    let stats = &stats.tenants["contoso"];
    let (reached, allowed) = (stats.rate_reached.unwrap(), stats.rate_allowed.unwrap());
    assert!(reached > 0.95 * allowed, "{reached} of {allowed}");
    assert!(stats.max_exchange_in_flight <= 3 && stats.refusals.is_empty(), "{:?}", stats.refusals);
    assert_eq!(stats.writes, 300);
}

#[tokio::test(start_paused = true)]
async fn two_processes_that_share_a_tenant_adapt() {
    let world = world(SimulatorConfig { latency: Latency::Real, ..config(0, FaultLevel::None) });
    let other = Tenant365::new(settings(&world.info), Parts { budget: Budget::new(3), ..world.parts.clone() });
    let one = futures::stream::iter(0..60).for_each_concurrent(8, |number| publish(&world.tenant, number));
    let two = futures::stream::iter(60..120).for_each_concurrent(8, |number| publish(&other, number));
    tokio::join!(one, two);
    let stats = world.simulator.stats();
    let stats = &stats.tenants["contoso"];
    let (reached, allowed) = (stats.rate_reached.unwrap(), stats.rate_allowed.unwrap());
    assert!(reached > 0.7 * allowed, "{reached} of {allowed}, {:?}", stats.refusals);
}
