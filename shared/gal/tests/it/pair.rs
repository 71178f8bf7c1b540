//! Two tenants with one person, and what a plan of them says, in a line of text.

use std::fmt::Write as _;

use gal::decide::{Context, Serve};
use gal::link::{Before, Step};
use gal::managers::Intended;
use gal::operation::{Operation, QuietChange};
use gal::plan::{Focus, Plan, plan};
use gal::policy::{ConflictPolicy, Direction, DirectionPolicy, GuardLimits, GuestPolicy, PairPolicy, RelayPolicy, TenantFacts};
use gal::reading::Reading;
use gal::recipient::Presence;
use gal::scope::{Scope, ScopeSettings};
use gal::stamp::{Mark, made_name};
use gal::{Anchor, Base, Entry, Field, Kind, Link, LinkKey, Origin, Phase, Provenance, Recipient, Role, Side, Sides, Stamp, Values, World};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

pub(crate) const INSTALLATION: &str = "here";
pub(crate) const GRACE: u32 = 14;

/// The present moment.
pub(crate) fn now() -> Timestamp {
    "2026-01-15T08:00:00Z".parse().unwrap()
}

pub(crate) fn ago(days: i64) -> Timestamp {
    now() - SignedDuration::from_hours(24 * days)
}

/// The n-th object of a side.
pub(crate) fn anchor(side: Side, number: u32) -> Anchor {
    let side = if side == Side::A { 0xa } else { 0xb };
    Anchor(Uuid::from_u128(side << 96 | u128::from(number)))
}

/// The tenant of a side: `contoso` (a) or `fabrikam` (b).
pub(crate) fn tenant(side: Side) -> TenantFacts {
    let name = if side == Side::A { "contoso" } else { "fabrikam" };
    TenantFacts {
        tenant_id: format!("{name}-id"),
        name: name.to_owned(),
        authoritative_domains: [format!("{name}.example")].into(),
        relay_domains: [format!("relay.{name}.example")].into(),
    }
}

/// A policy that publishes everything both ways.
pub(crate) fn policy() -> PairPolicy {
    let publishing = || DirectionPolicy {
        scope: Scope::compile(ScopeSettings { kinds: vec![Kind::User, Kind::Contact], ..ScopeSettings::default() }).unwrap(),
        mapping: gal::mapping::Mapping::compile(&std::collections::BTreeMap::new()).unwrap(),
        carry_x500: true,
        guests: GuestPolicy::Skip,
        internal_relay: RelayPolicy::Skip,
    };
    PairPolicy {
        direction: Direction::TwoWay,
        conflicts: ConflictPolicy::Hold,
        peer_deletions: false,
        deletion_grace_days: GRACE,
        guard: GuardLimits::default(),
        publishing: Sides::from_fn(|_| publishing()),
    }
}

/// What a plan is asked with.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) policy: PairPolicy,
    pub(crate) tenants: Sides<TenantFacts>,
    pub(crate) serve: Serve,
    pub(crate) closed: Sides<bool>,
    pub(crate) homes: Sides<bool>,
    pub(crate) now: Timestamp,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            policy: policy(),
            tenants: Sides::from_fn(tenant),
            serve: Serve::Everybody,
            closed: Sides::default(),
            homes: Sides { a: true, b: true },
            now: now(),
        }
    }
}

impl Asked {
    pub(crate) fn with<T>(&self, ask: impl FnOnce(&Context<'_>) -> T) -> T {
        let mesh = [self.tenants.a.clone(), self.tenants.b.clone()];
        ask(&Context {
            now: self.now,
            installation: INSTALLATION,
            pair: &self.policy,
            tenants: self.tenants.clone(),
            mesh: &mesh,
            serve: self.serve,
            closed: self.closed,
            homes: self.homes,
            intended: Intended::default(),
        })
    }

    pub(crate) fn plan(&self, world: &World) -> Plan {
        self.focus(world, &Focus::Everything)
    }

    pub(crate) fn focus(&self, world: &World, focus: &Focus) -> Plan {
        self.with(|context| plan(context, world, focus))
    }
}

/// Somebody, complete and shown.
pub(crate) fn recipient(side: Side, number: u32, kind: Kind, address: &str) -> Recipient {
    let legacy = format!("/o=x/cn={side}{number}");
    let blank = Reading::default().recipient(anchor(side, number), Field::CustomAttribute15, Presence::Present);
    let external = (kind == Kind::Contact).then_some(address);
    Recipient {
        guid: Some(Uuid::from_u128(u128::from(number) << 64 | u128::from(side == Side::B))),
        kind,
        name: format!("name-{side}{number}"),
        values: Values::default().with(Field::DisplayName, Some("Ann")).with(Field::ExternalEmailAddress, external),
        addresses: vec![address.to_owned()],
        primary: Some(address.to_owned()),
        x500: vec![legacy.clone()],
        legacy_exchange_dn: Some(legacy),
        enabled: (kind == Kind::User).then_some(true),
        exchange: true,
        complete: true,
        ..blank
    }
}

pub(crate) fn set(recipient: &mut Recipient, field: Field, value: Option<&str>) {
    recipient.values = recipient.values.with(field, value);
}

/// Ann of contoso: a user with a title.
pub(crate) fn ann() -> Recipient {
    let mut ann = recipient(Side::A, 1, Kind::User, "ann@contoso.example");
    set(&mut ann, Field::Title, Some("Clerk"));
    ann
}

/// The contact that stands for somebody of the other side, as galbridge made it.
pub(crate) fn copy_of(source: &Recipient, side: Side, number: u32) -> Recipient {
    let mut copy = recipient(side, number, Kind::Contact, source.primary.as_deref().unwrap());
    copy.name = made_name(INSTALLATION, &tenant(side.other()).tenant_id, source.anchor);
    copy.values = source.values.with(Field::ExternalEmailAddress, source.primary.as_deref());
    copy.x500.extend(source.x500.iter().cloned());
    copy.mark = Mark::Stamp(stamp(source, side.other(), Provenance::Made, role_of(source)));
    copy
}

pub(crate) fn role_of(source: &Recipient) -> Role {
    if source.kind == Kind::Contact { Role::Peer } else { Role::Projection }
}

pub(crate) fn stamp(source: &Recipient, side: Side, provenance: Provenance, role: Role) -> Stamp {
    Stamp {
        installation: INSTALLATION.to_owned(),
        origin_tenant: tenant(side).tenant_id,
        anchor: source.anchor,
        provenance,
        role,
        staged: None,
    }
}

/// The link of a source and its contact, both in step.
pub(crate) fn link(source: &Recipient, side: Side, contact: &Recipient, provenance: Provenance, phase: Phase) -> Link {
    let base = |recipient: &Recipient| Base::of(&recipient.values.with(Field::ExternalEmailAddress, recipient.primary.as_deref()));
    let key = LinkKey { origin: Origin::of(side), anchor: source.anchor };
    Link {
        target: Some(contact.anchor).filter(|_| phase != Phase::Creating { step: Step::Intended }),
        target_guid: contact.guid,
        phase,
        base_source: base(source),
        base_target: base(contact),
        before: (provenance == Provenance::Found).then(|| Before {
            values: contact.values.with(Field::Title, Some("Before")),
            hidden: true,
            x500: vec![],
        }),
        linked_at: Some(ago(30)),
        ..Link::intended(key, role_of(source), provenance, contact.name.clone(), source.primary.clone().unwrap())
    }
}

pub(crate) fn world(a: Vec<Recipient>, b: Vec<Recipient>, links: Vec<Link>) -> World {
    let mut world = World::default();
    for (side, people) in [(Side::A, a), (Side::B, b)] {
        for one in people {
            world.insert(side, Entry::new(one));
        }
    }
    for link in links {
        world.insert_link(link);
    }
    world
}

/// What a plan says, each thing on its own, in its order.
pub(crate) fn said(plan: &Plan, world: &World) -> Vec<String> {
    let mut all: Vec<String> = plan.operations.iter().map(|operation| operation_said(operation, world)).collect();
    all.extend(plan.quiet.iter().map(quiet_said));
    all.extend(plan.skipped.iter().map(|skipped| format!("skip {} {}: {}", skipped.side, skipped.title, skipped.reason)));
    all.extend(plan.again.iter().map(|(side, _, again)| format!("again {side} {again:?}")));
    all.extend(plan.notes.iter().map(|noted| format!("note {} {}: {}", noted.side, noted.title, noted.note)));
    if all.is_empty() {
        all.push("nothing".to_owned());
    }
    all
}

/// The same as lines of a table.
pub(crate) fn tell(told: &mut String, plan: &Plan, world: &World) {
    for line in said(plan, world) {
        let _ = writeln!(told, "  {line}");
    }
}

fn operation_said(operation: &Operation, world: &World) -> String {
    let mut text =
        format!("{} in {} for {} <{}> ({})", operation.action, operation.side, operation.title, operation.address, operation.reason);
    for told in operation.told() {
        let value = |value: &Option<String>| {
            let short = |text: &str, long: &str, short: &str| text.replace(long, short);
            let text = short(value.as_deref().unwrap_or("-"), &now().as_second().to_string(), "NOW");
            let text = short(&text, &format!("galbridge1|{INSTALLATION}|contoso-id|"), "");
            short(&text, "-0000-0000-0000-0000000000", "…")
        };
        let _ = write!(text, "; {}: {} → {}", told.property, value(&told.before), value(&told.after));
    }
    let before = operation.start.as_deref().or_else(|| world.link(operation.key));
    if let Some(start) = &operation.start {
        let _ = write!(text, "; begins as {}", link_said(start));
    }
    if let Some(manager) = &operation.manager {
        let _ = write!(text, "; after {manager}");
    }
    let after = before.map(|link| operation.patch.apply(link));
    if let (Some(before), Some(Some(after))) = (before, &after)
        && before.address != after.address
    {
        let _ = write!(text, "; published as <{}> from now on", after.address);
    }
    let _ = write!(text, " ⇒ {}", after.map_or("no link".to_owned(), |link| link.map_or("forgotten".to_owned(), |link| link_said(&link))));
    text
}

fn quiet_said(change: &QuietChange) -> String {
    let after = change.patch.apply(&change.link);
    let after = after.map_or("forgotten".to_owned(), |link| link_said(&link));
    format!("remember {:?}{} for {} ⇒ {after}", change.quiet, if change.new { " (new)" } else { "" }, change.title)
}

/// A link without what is everywhere the same: bases as the fields that differ between both halves.
pub(crate) fn link_said(link: &Link) -> String {
    let phase = match &link.phase {
        Phase::Staged { since, side } => {
            format!("staged in {side} since {}", if *since == now() { "now".to_owned() } else { since.to_string() })
        }
        Phase::Creating { step } => format!("creating {step:?}"),
        Phase::Suppressed { reason } => format!("suppressed {reason:?}"),
        Phase::Live | Phase::Joining | Phase::Kept => format!("{:?}", link.phase),
    };
    let mut text = format!("{} {phase} {} {}", link.key.origin.as_str(), link.provenance, link.role);
    let differing: Vec<String> =
        Field::all().filter(|field| link.base_source.get(*field) != link.base_target.get(*field)).map(|field| field.to_string()).collect();
    if !differing.is_empty() {
        let _ = write!(text, ", bases differ in {}", differing.join(" "));
    }
    let print = |field| Base::print(field, Some("Head"));
    for (name, base) in [("source", &link.base_source), ("target", &link.base_target)] {
        if base.get(Field::Title) == print(Field::Title) {
            let _ = write!(text, ", {name} base Head");
        }
    }
    if link.base_hidden {
        text.push_str(", hidden by its administrator");
    }
    if link.claimed {
        text.push_str(", claimed");
    }
    if link.deletions > 0 {
        let _ = write!(text, ", deletions {}", link.deletions);
    }
    if !link.conflicts.is_empty() {
        let _ = write!(text, ", waiting for {:?}", link.conflicts);
    }
    if link.target.is_none() {
        text.push_str(", no contact yet");
    }
    if link.before.is_some() {
        text.push_str(", remembers before");
    }
    text
}

/// What a plan writes into a field, and on which side.
pub(crate) fn writes(plan: &Plan, field: Field) -> Vec<(Side, Option<&str>)> {
    let changes = plan.operations.iter().flat_map(|operation| operation.changes.iter().map(|change| (operation.side, change)));
    changes.filter(|(_, change)| change.field == field).map(|(side, change)| (side, change.after.as_deref())).collect()
}

/// The fields that are published into each side, by default.
pub(crate) fn published() -> gal::Sides<gal::field::FieldSet> {
    let fields = gal::mapping::Mapping::compile(&std::collections::BTreeMap::default()).unwrap().fields();
    gal::Sides { a: fields, b: fields }
}
