//! The two simulated tenants: what administrators do there, what stands there, and what goes wrong.

use std::collections::{BTreeMap, BTreeSet};

use gal::{Anchor, Field, Side, Sides};
use jiff::{SignedDuration, Timestamp};
use m365_simulator::{GalEntry, MadeBy, Simulator};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::level::{Act, Broken, FaultAt, FaultKind, Shown, Touch};
use crate::lexicon::{Address, tenant_of};

/// How long what was just made does not show, where a scenario says so.
const LAG: SignedDuration = SignedDuration::from_hours(6);

/// Both tenants as they really are.
pub(super) struct Tenants {
    simulator: Simulator,
    attributes: BTreeSet<Field>,
    before: Sides<BTreeMap<Uuid, GalEntry>>,
    lag: Option<(Side, Timestamp)>,
}

impl Tenants {
    pub(super) fn of(simulator: Simulator, attributes: BTreeSet<Field>) -> Self {
        Self { simulator, attributes, before: Sides::default(), lag: None }
    }

    fn contacts(&self, side: Side) -> Vec<GalEntry> {
        let mut all = self.simulator.gal(tenant_of(side), true);
        all.retain(|entry| entry.kind == "contact");
        all
    }

    /// The address of a contact that is there.
    pub(super) fn address(&self, side: Side, anchor: Anchor) -> Option<Address> {
        self.contacts(side).iter().find(|entry| entry.anchor == anchor.0).map(address)
    }

    fn find(&self, side: Side, wanted: &str) -> Option<GalEntry> {
        self.contacts(side).into_iter().find(|entry| address(entry) == wanted)
    }

    /// What stands on a side; what lags is not shown by its listings yet.
    pub(super) fn shown(&self, side: Side) -> BTreeMap<Address, Shown> {
        let lags = self.lags() && self.lag.is_some_and(|(lagging, _)| lagging == side);
        let mut shown = BTreeMap::new();
        for entry in self.contacts(side).into_iter().filter(|entry| !(lags && entry.made_by == MadeBy::App)) {
            let values = self.attributes.iter().filter_map(|field| Some((*field, text(&entry, field.property())?)));
            let one = Shown { attributes: values.collect(), hidden: entry.hidden };
            let address = address(&entry);
            let free = !shown.contains_key(&address);
            shown.insert(if free { address } else { format!("{address}#2") }, one);
        }
        shown
    }

    /// What administrators do, one after the other.
    pub(super) fn edit(&self, touches: &[Touch]) -> Result<(), Broken> {
        touches.iter().try_for_each(|touch| {
            let operation = self.operation(touch)?;
            self.simulator.apply_json(tenant_of(touch.side), json!([operation])).map(drop).map_err(Broken)
        })
    }

    fn operation(&self, touch: &Touch) -> Result<Value, Broken> {
        let anchor = || {
            let found = self.find(touch.side, &touch.address);
            found.map(|entry| entry.anchor).ok_or_else(|| Broken(format!("side {} has no {} to edit", touch.side, touch.address)))
        };
        Ok(match &touch.act {
            Act::Make { name, attributes, hidden } => {
                let mut set: Map<String, Value> =
                    attributes.iter().map(|(field, value)| (field.property().to_owned(), json!(value))).collect();
                let taken = self.contacts(touch.side).iter().any(|entry| text(entry, "Name").as_deref() == Some(name));
                set.insert("Name".to_owned(), json!(if taken { format!("{name} again") } else { name.clone() }));
                set.insert("ExternalEmailAddress".to_owned(), json!(touch.address));
                if *hidden {
                    set.insert("HiddenFromAddressListsEnabled".to_owned(), json!(true));
                }
                json!({ "op": "create", "kind": "contact", "set": set })
            }
            Act::Change(changes) => {
                let set: Map<String, Value> = changes.iter().map(|(field, value)| (field.property().to_owned(), json!(value))).collect();
                json!({ "op": "update", "anchor": anchor()?, "set": set })
            }
            Act::Hide(hidden) => json!({ "op": "update", "anchor": anchor()?, "set": { "HiddenFromAddressListsEnabled": hidden } }),
            Act::Move(address) => json!({ "op": "update", "anchor": anchor()?, "set": { "ExternalEmailAddress": address } }),
            Act::Delete => json!({ "op": "delete", "anchor": anchor()? }),
        })
    }

    /// From here on objects are counted as written.
    pub(super) fn remember(&mut self) {
        self.before = Sides::from_fn(|side| self.contacts(side).into_iter().map(|entry| (entry.anchor, entry)).collect());
    }

    /// Objects made, changed and removed since.
    pub(super) fn written(&self) -> Sides<u64> {
        Sides::from_fn(|side| {
            let now: BTreeMap<Uuid, GalEntry> = self.contacts(side).into_iter().map(|entry| (entry.anchor, entry)).collect();
            let before = self.before.get(side);
            let anchors: BTreeSet<&Uuid> = now.keys().chain(before.keys()).collect();
            anchors.into_iter().filter(|anchor| now.get(*anchor) != before.get(*anchor)).count() as u64
        })
    }

    /// From now on Graph does not show yet what is made.
    pub(super) fn lag(&mut self, side: Side) -> Result<(), Broken> {
        self.lag = Some((side, self.simulator.now() + LAG));
        self.break_by(&[])
    }

    /// Whether something may not show yet.
    pub(super) fn lags(&self) -> bool {
        self.lag.is_some_and(|(_, until)| self.simulator.now() < until)
    }

    /// What goes wrong from now on; nothing else does.
    pub(super) fn break_by(&self, faults: &[FaultAt]) -> Result<(), Broken> {
        let calls: Vec<Value> = faults.iter().flat_map(|fault| self.calls(fault)).collect();
        let mut plan = json!({ "level": "none", "calls": calls });
        if self.lags() {
            let lag = LAG.as_millis();
            plan["graph_delay_ms"] = json!([lag, lag]);
        }
        self.simulator.set_faults_json(plan).map_err(Broken)
    }

    fn calls(&self, fault: &FaultAt) -> Vec<Value> {
        let tenant = tenant_of(fault.side);
        let reads = |does: &str| {
            let delta = ["users-delta", "contacts-delta", "groups-delta"]
                .map(|endpoint| json!({ "tenant": tenant, "endpoint": endpoint, "do": does }));
            let overlay = json!({ "tenant": tenant, "endpoint": "invoke", "cmdlet": "Get-Recipient", "do": does });
            delta.into_iter().chain([overlay]).collect()
        };
        let writes = |cmdlet: &str| {
            let mut call = json!({
                "tenant": tenant, "endpoint": "invoke", "cmdlet": cmdlet, "do": "form-a", "status": 400,
                "type": "Microsoft.Exchange.Configuration.Tasks.RecipientTaskException", "message": "The scenario refuses this write."
            });
            if let Some(address) = &fault.address {
                let guid = self.find(fault.side, address).and_then(|entry| text(&entry, "Guid"));
                call["identity"] = json!(guid.unwrap_or_else(|| address.clone()));
            }
            call
        };
        match fault.what {
            FaultKind::Unreadable => reads("503"),
            FaultKind::CutOff => reads("truncated-json"),
            FaultKind::Create => vec![writes("New-MailContact")],
            FaultKind::Update => vec![writes("Set-MailContact"), writes("Set-Contact")],
            FaultKind::Delete => vec![writes("Remove-MailContact")],
        }
    }
}

/// Where mail to a contact goes.
fn address(entry: &GalEntry) -> Address {
    text(entry, "ExternalEmailAddress").map(|address| gal::normalise::address(&address)).unwrap_or_default()
}

/// A property that says something.
fn text(entry: &GalEntry, property: &str) -> Option<String> {
    entry.properties.get(property)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}
