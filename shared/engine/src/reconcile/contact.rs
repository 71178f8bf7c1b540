//! Changing a contact that exists, and remembering what was written: the link with its bases, and
//! the replica as the service will show it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use gal::field::Cmdlet;
use gal::link::Begun;
use gal::operation::{Action, Extras, FieldChange, Operation};
use gal::reading::ExchangeHalf;
use gal::recipient::Presence;
use gal::stamp::NAME_PREFIX;
use gal::{Anchor, Field, Link, LinkKey, Origin, Role, Side};
use jiff::Timestamp;
use uuid::Uuid;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::ports::{ContactChange, ContactWriter, ReplicaWrite, StoreError, WriteError};
use crate::records::{Due, Replica, RunKind, manager_key};
use crate::snapshot::released_keys;

use super::apply::{Failed, Shared};
use super::run::{Ended, Run};

/// How often a replica that changes under our hands is written again.
const CONFLICT_RETRIES: usize = 10;

impl Shared<'_> {
    /// The link as it stands now.
    pub(crate) async fn link(&self, key: LinkKey) -> Option<Link> {
        self.loaded.lock().await.world.link(key).cloned()
    }
}

impl Run<'_> {
    pub(crate) fn writer(&self, side: Side) -> Result<&dyn ContactWriter, EngineError> {
        Ok(self.engine.connection(self.pair.tenants.get(side))?.writer.as_ref())
    }

    /// Writes fields, stamp, hidden flag and addresses of a contact, then remembers.
    pub(crate) async fn change(&self, shared: &Shared<'_>, operation: &Operation) -> Result<Ended, Failed> {
        let Some(contact) = operation.contact.clone() else {
            return Ok(self.quarantine(shared, operation, "the contact has no Exchange Guid".to_owned()).await?);
        };
        let looks =
            matches!(operation.action, Action::Restore | Action::Relink | Action::Claim | Action::TakeOver) || self.kind == RunKind::Undo;
        if looks && !self.is_as_planned(operation, &contact).await? {
            return Ok(Ended::Deferred("somebody changed the contact in this moment; the next reading tells".to_owned()));
        }
        // What a found contact was before is stored before the first write.
        if let Some(start) = &operation.start {
            self.store_link(shared, start).await?;
            self.tie(start).await?;
        }
        self.announce(shared, operation).await?;
        let operation = &*self.with_manager(shared, operation).await;
        let mut change = self.contact_change(shared, operation.side, &operation.changes, &operation.extras).await;
        let guest = operation.action == Action::AdoptGuest || self.is_guest(shared, operation.side, contact.anchor).await;
        let writer = self.writer(operation.side)?;
        // First what it says, then that it is shown: what is refused, or cut off, shows nobody as who he is no more.
        if (operation.shows_again() || operation.action == Action::TakeOver) && !guest {
            let (shown, filled) = change.values.into_iter().partition(|(field, _)| field.row().cmdlet == Cmdlet::SetMailContact);
            change.values = shown;
            let filled = ContactChange { values: filled, ..ContactChange::default() };
            if !filled.is_empty() {
                writer.change(contact.guid, &filled).await?;
            }
        }
        let mut x500_refused = false;
        loop {
            let outcome = if guest { writer.change_guest(contact.guid, &change).await } else { writer.change(contact.guid, &change).await };
            match outcome {
                Ok(()) => break,
                // The X500 addresses are given up for this recipient; everything else is written.
                Err(WriteError::X500Refused { .. }) if !change.x500_add.is_empty() => {
                    change.x500_add.clear();
                    x500_refused = true;
                    self.note(format!("{}: the tenant refused the X500 addresses; they are given up for it", operation.key));
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.wrote(operation.side, contact.anchor, &operation.changes, &taken(&operation.extras, x500_refused), None).await?;
        self.remember(shared, operation, x500_refused).await?;

        self.look_after_showing(shared, operation).await?;
        // What was claimed is shown in the next round, and what flows back to an account that was made again is written.
        if matches!(operation.action, Action::Claim | Action::Relink) {
            self.again(operation.key_after(), self.engine.now(), Due::Touched);
        }
        Ok(Ended::Done)
    }

    /// What is about to be written into a half that both sides edit, or put back against what its source says, is stored before: should the
    /// answer be lost, what stands there is known to be ours.
    async fn announce(&self, shared: &Shared<'_>, operation: &Operation) -> Result<(), EngineError> {
        let puts_back = self.kind == RunKind::Undo;
        let merges = |link: &Link| link.role == Role::Peer && matches!(operation.action, Action::Update | Action::Restore);
        let Some(mut link) = shared.link(operation.key).await.filter(|link| puts_back || merges(link)) else { return Ok(()) };
        let Some(begun) = Begun::of(&link, operation, self.engine.now()) else { return Ok(()) };
        link.announce(begun);
        self.store_link(shared, &link).await
    }

    /// The operation once its manager is there; without the manager, to be looked at again, if he is not.
    pub(crate) async fn with_manager<'o>(&self, shared: &Shared<'_>, operation: &'o Operation) -> Cow<'o, Operation> {
        let Some(manager) = operation.manager else { return Cow::Borrowed(operation) };
        shared.managers.wait_for(manager, operation.key).await;
        if shared.link(manager).await.is_some_and(|link| link.is_live()) {
            return Cow::Borrowed(operation);
        }
        self.again(operation.key, self.engine.now(), Due::Touched);
        Cow::Owned(operation.without_manager())
    }

    pub(crate) async fn is_guest(&self, shared: &Shared<'_>, side: Side, anchor: Anchor) -> bool {
        shared.loaded.lock().await.world.entry(side, anchor).is_some_and(|entry| entry.recipient.kind == gal::Kind::Guest)
    }

    /// The wire's change for a plan's. A manager whom we did not make is said by Guid: his Name may be the display name of
    /// others too, which is refused (MICROSOFT.md 4.3, "multiple recipients matching identity").
    pub(crate) async fn contact_change(&self, shared: &Shared<'_>, side: Side, changes: &[FieldChange], extras: &Extras) -> ContactChange {
        let attribute = self.pair.tenants.get(side).stamp_attribute;
        let mut values: Vec<(Field, Option<String>)> = changes.iter().map(|change| (change.field, change.after.clone())).collect();
        for (_, manager) in values.iter_mut().filter(|(field, _)| *field == Field::Manager) {
            let Some(name) = manager.as_deref().filter(|name| !name.starts_with(NAME_PREFIX)) else { continue };
            let guid = shared.loaded.lock().await.world.named(side, name).and_then(|found| found.recipient.guid);
            *manager = Some(guid.map_or_else(|| name.to_owned(), |guid| guid.to_string()));
        }
        ContactChange {
            values,
            name: extras.rename.clone(),
            hidden: extras.hidden,
            stamp: extras.stamp.as_ref().map(|stamp| (attribute, stamp.as_ref().map(ToString::to_string))),
            x500_add: extras.x500_add.clone(),
            x500_remove: extras.x500_remove.clone(),
        }
    }

    /// Stores the link as it is after an operation.
    pub(crate) async fn remember(&self, shared: &Shared<'_>, operation: &Operation, x500_refused: bool) -> Result<(), EngineError> {
        let Some(before) = shared.link(operation.key).await else { return Ok(()) };
        let was_live = before.is_live();
        match operation.patch.apply(&before) {
            None => {
                if was_live {
                    self.reports_concerned(shared, &before).await?;
                }
                self.forget_link(shared, operation.key).await?;
            }
            Some(mut link) => {
                link.quarantine = None;
                link.deferrals = 0;
                link.unannounce(operation.side, Timestamp::MIN);
                link.x500_refused |= x500_refused;
                link.written_at = Some(self.engine.now());
                if link.is_live() && !was_live {
                    link.linked_at = Some(self.engine.now());
                }
                if link.is_live() != was_live || link.key != operation.key {
                    self.reports_concerned(shared, &link).await?;
                }
                self.store_link(shared, &link).await?;
                // The new link stands before the old one goes: a crash in between leaves both, and the plan knows which counts.
                if link.key != operation.key {
                    self.tie(&link).await?;
                    self.forget_link(shared, operation.key).await?;
                }
                if let Some(since) = operation.staged_since() {
                    let due = gal::decide::purge_at(since, self.pair.policy.deletion_grace_days);
                    self.again(operation.key, due, Due::Purge);
                }
            }
        }
        Ok(())
    }

    /// Stores a link under the version it was read with.
    pub(crate) async fn store_link(&self, shared: &Shared<'_>, link: &Link) -> Result<(), EngineError> {
        let expected = shared.loaded.lock().await.links.get(&link.key).copied();
        let version = self.engine.store.put_link(&self.pair.name, link, expected).await?;
        let mut loaded = shared.loaded.lock().await;
        self.changed(loaded.world.link(link.key), Some(link));
        loaded.links.insert(link.key, version);
        loaded.world.insert_link(link.clone());
        Ok(())
    }

    pub(crate) async fn forget_link(&self, shared: &Shared<'_>, key: LinkKey) -> Result<(), EngineError> {
        let expected = shared.loaded.lock().await.links.remove(&key);
        if let Some(version) = expected {
            self.engine.store.delete_link(&self.pair.name, key, version).await?;
        }
        let link = shared.loaded.lock().await.world.remove_link(key);
        self.changed(link.as_ref(), None);
        match link {
            Some(link) => self.untie(&link).await,
            None => Ok(()),
        }
    }

    /// Writes into the contact's replica which link it belongs to. The source's link has the source's own key.
    pub(crate) async fn tie(&self, link: &Link) -> Result<(), EngineError> {
        let Some(target) = link.target else { return Ok(()) };
        self.edit_replica(link.target_side(), target, |replica| {
            (replica.linked_to != Some(link.key)).then(|| Replica { linked_to: Some(link.key), ..replica.clone() })
        })
        .await
    }

    /// The contact's replica belongs to no link any more, if it belonged to this one.
    async fn untie(&self, link: &Link) -> Result<(), EngineError> {
        let Some(target) = link.target else { return Ok(()) };
        self.edit_replica(link.target_side(), target, |replica| {
            (replica.linked_to == Some(link.key)).then(|| Replica { linked_to: None, ..replica.clone() })
        })
        .await
    }

    /// Writes into the replica what was written to the service, as the service will show it: a
    /// reading that is older than our write must not look like an edit.
    pub(crate) async fn wrote(
        &self,
        side: Side,
        anchor: Anchor,
        changes: &[FieldChange],
        extras: &Extras,
        new: Option<(&ExchangeHalf, LinkKey)>,
    ) -> Result<(), EngineError> {
        let attribute = self.pair.tenants.get(side).stamp_attribute;
        let now = self.engine.now();
        if let Some((half, key)) = new {
            let mut half = half.clone();
            written(&mut half, attribute, changes, extras);
            if self.new_replica(side, anchor, half, key).await? {
                return Ok(());
            }
        }
        self.edit_replica(side, anchor, |replica| {
            let mut next = replica.clone();
            next.written_at = Some(now);
            next.linked_to = new.map_or(next.linked_to, |(_, key)| Some(key));
            let half = next.reading.exchange.as_mut()?;
            written(half, attribute, changes, extras);
            Some(next)
        })
        .await
    }

    /// Writes into the replica that a contact was removed: nobody is joined with it any more.
    pub(crate) async fn removed(&self, side: Side, anchor: Anchor) -> Result<(), EngineError> {
        let now = self.engine.now();
        self.edit_replica(side, anchor, |replica| {
            let present = replica.presence == Presence::Present;
            present.then(|| Replica { presence: Presence::Gone(now), written_at: Some(now), ..replica.clone() })
        })
        .await
    }

    /// Stores the replica of a contact that was just made; `false` if a snapshot was faster: then its replica stands, and is edited.
    async fn new_replica(&self, side: Side, anchor: Anchor, half: ExchangeHalf, key: LinkKey) -> Result<bool, EngineError> {
        let stamp = self.pair.tenants.get(side).stamp_attribute;
        let now = self.engine.now();
        let reading = gal::reading::Reading { graph: None, exchange: Some(half) };
        let replica = Replica {
            anchor,
            reading,
            presence: Presence::Present,
            linked_to: Some(key),
            version: 1,
            first_seen: now,
            written_at: Some(now),
        };
        let holders = replica.holder_keys(stamp);
        let write = ReplicaWrite { side, replica, expected: None, holders, holders_before: Vec::new(), agenda: None };
        Ok(self.engine.store.put_replicas(&self.pair.name, vec![write]).await?.is_empty())
    }

    /// Changes a replica under its version; read again if somebody else changed it first.
    async fn edit_replica(&self, side: Side, anchor: Anchor, edit: impl Fn(&Replica) -> Option<Replica>) -> Result<(), EngineError> {
        let stamp = self.pair.tenants.get(side).stamp_attribute;
        for _ in 0..CONFLICT_RETRIES {
            let Some(replica) = self.engine.store.replica(&self.pair.name, side, anchor).await? else { return Ok(()) };
            let Some(mut next) = edit(&replica) else { return Ok(()) };
            next.version = replica.version + 1;
            // Whoever waits for an address that becomes free is looked at again. Before the write, so that a crash loses nobody: this
            // run takes the row only when everything of this plan is done.
            let freed: BTreeSet<String> = released_keys(Some(&replica.recipient(stamp)), &next.recipient(stamp)).into_iter().collect();
            let waiting = self.engine.holders_of(self.pair, side.other(), &freed).await?;
            self.engine.touch(self.pair, side.other(), waiting).await?;
            self.engine.touch(self.pair, side, self.pair.statics_with(side, &freed)).await?;
            let write = ReplicaWrite {
                side,
                holders: next.holder_keys(stamp),
                holders_before: replica.holder_keys(stamp),
                expected: Some(replica.version),
                replica: next,
                agenda: None,
            };
            if self.engine.store.put_replicas(&self.pair.name, vec![write]).await?.is_empty() {
                return Ok(());
            }
        }
        Err(StoreError::Conflict { item: format!("replica {anchor}") }.into())
    }

    /// Somebody is published, or no more, who may be a manager: the reports get the field, or lose it. They are on the agenda
    /// before the link says so, so that a crash forgets none of them; those that this run writes anyway wait for it themselves.
    pub(super) async fn reports_concerned(&self, shared: &Shared<'_>, link: &Link) -> Result<(), EngineError> {
        let Some(side) = link.key.origin.source_side() else { return Ok(()) };
        let name = {
            let loaded = shared.loaded.lock().await;
            let Some(entry) = loaded.world.entry(side, link.key.anchor) else { return Ok(()) };
            let name = entry.recipient.name.to_lowercase();
            if loaded.managers.as_ref().is_some_and(|managers| !managers.get(side).contains(&name)) {
                return Ok(());
            }
            name
        };
        let reports = self.engine.store.holders(&self.pair.name, side, &manager_key(&name)).await?;
        let key = |anchor| LinkKey { origin: Origin::of(side), anchor };
        let others = reports.into_iter().filter(|anchor| !shared.managers.has_report(key(*anchor)));
        self.engine.touch(self.pair, side, others).await
    }
}

/// Applies a write to what is known of the object.
fn written(half: &mut ExchangeHalf, attribute: Field, changes: &[FieldChange], extras: &Extras) {
    for change in changes {
        match change.field {
            Field::ExternalEmailAddress => {
                if let Some(address) = &change.after {
                    // The old address is not kept as a proxy (MICROSOFT.md 5).
                    let old = half.external_email_address.replace(format!("SMTP:{address}"));
                    let old = old.map(|old| gal::normalise::address(&old));
                    half.email_addresses.retain(|proxy| Some(gal::normalise::address(proxy)) != old);
                    half.email_addresses.push(format!("SMTP:{address}"));
                    half.primary_smtp_address = Some(address.clone());
                }
            }
            Field::Manager => half.manager_name.clone_from(&change.after),
            field => half.values = half.values.with(field, change.after.as_deref()),
        }
    }
    if let Some(hidden) = extras.hidden {
        half.hidden = hidden;
    }
    if let Some(stamp) = &extras.stamp {
        half.values = half.values.with(attribute, stamp.as_ref().map(ToString::to_string).as_deref());
    }
    half.email_addresses.extend(extras.x500_add.iter().map(|address| format!("X500:{address}")));
    half.email_addresses.retain(|proxy| {
        let bare = proxy.get(..5).filter(|prefix| prefix.eq_ignore_ascii_case("x500:")).map(|_| &proxy[5..]);
        !bare.is_some_and(|bare| extras.x500_remove.iter().any(|gone| gone == bare))
    });
    if let Some(name) = &extras.rename {
        half.name.clone_from(name);
    }
}

/// The half of a contact that was just made, before its first reading: when the service says that it was, is not known, and by a clock of
/// ours a reading would be taken for an older one.
pub(crate) fn new_half(guid: Uuid, name: &str, address: &str, engine: &Engine) -> ExchangeHalf {
    ExchangeHalf {
        guid,
        name: name.to_owned(),
        type_details: "MailContact".to_owned(),
        values: gal::Values::default(),
        email_addresses: vec![format!("SMTP:{address}")],
        primary_smtp_address: Some(address.to_owned()),
        external_email_address: Some(format!("SMTP:{address}")),
        hidden: false,
        directory_synced: false,
        manager_name: None,
        legacy_exchange_dn: None,
        authenticated_senders_only: false,
        detailed: true,
        when_changed: Timestamp::UNIX_EPOCH,
        when_created: engine.now(),
    }
}

/// What a service took of what was to be written beside fields.
pub(super) fn taken(extras: &Extras, x500_refused: bool) -> Extras {
    let x500_add = if x500_refused { Vec::new() } else { extras.x500_add.clone() };
    Extras { x500_add, ..extras.clone() }
}
