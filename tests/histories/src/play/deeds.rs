//! What administrators do: to their own people, and to what we publish into their directory.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Being, Person, Play};
use crate::script::{Act, FIELDS, Shape, Slot, TENANTS};
use crate::view::{Object, View};

impl Play {
    /// What an administrator does; nothing if it makes no sense now, or the service refuses it.
    pub(super) fn deed(&mut self, act: &Act) -> Option<()> {
        match act {
            Act::Hire { slot, tenant, kind, values, member } => {
                let anchor = self.hire(*slot, *tenant, kind, values)?;
                self.people.insert(*slot, Person { tenant: *tenant, anchor, being: Being::Here, kind });
                if *member {
                    self.group(*tenant, anchor, true);
                }
            }
            Act::HireBoth { slot, values } => {
                let address = format!("p{slot}@partner.example");
                let mut made = Vec::new();
                for (tenant, values) in values.iter().enumerate() {
                    let mut values = values.clone();
                    values.push((0, format!("Person {slot}")));
                    made.push(self.create(tenant, "contact", &address, &values)?);
                }
                self.people.insert(*slot, Person { tenant: 0, anchor: made[0], being: Being::Here, kind: "contact" });
                self.doubles.insert(*slot, made[1]);
            }
            Act::Edit { slot, field, value } => {
                let person = self.here(*slot)?;
                if person.kind == "distribution-group" && FIELDS[*field] != "DisplayName" {
                    return None;
                }
                self.update(person.tenant, person.anchor, FIELDS[*field], json!(value))?;
                self.peers.edited(person.anchor, FIELDS[*field], value.clone());
                self.rivals.edited(person.anchor, FIELDS[*field], value.as_deref());
            }
            Act::Readdress { slot, local } => {
                let person = self.here(*slot)?;
                let address = format!("{local}@{}.example", TENANTS[person.tenant]);
                self.update(person.tenant, person.anchor, "PrimarySmtpAddress", json!(address))?;
            }
            Act::Hide { slot, hidden } => {
                let person = self.here(*slot)?;
                self.update(person.tenant, person.anchor, "HiddenFromAddressListsEnabled", json!(hidden))?;
            }
            Act::Disable { slot, disabled } => {
                let person = self.here(*slot).filter(|person| ["user", "shared"].contains(&person.kind))?;
                self.update(person.tenant, person.anchor, "AccountDisabled", json!(disabled))?;
            }
            Act::Fire { slot, permanent } => {
                let person = self.here(*slot)?;
                let bins = !permanent && !["distribution-group", "contact"].contains(&person.kind);
                self.delete(person.tenant, person.anchor, !bins)?;
                self.people.get_mut(slot)?.being = if bins { Being::Binned } else { Being::Gone };
            }
            Act::Restore { slot } => {
                let person = self.people.get(slot).filter(|person| person.being == Being::Binned)?.clone();
                self.apply(person.tenant, json!([{"op": "restore", "anchor": person.anchor}]))?;
                self.people.get_mut(slot)?.being = Being::Here;
                self.refresh(person.tenant, person.anchor);
            }
            Act::Rehire { slot } => {
                if let Some(gone) = self.people.get(slot).filter(|one| self.shape == Shape::Rivals && one.being == Being::Gone).cloned() {
                    let anchor = self.hire(*slot, gone.tenant, gone.kind, &[])?;
                    self.people.insert(*slot, Person { anchor, being: Being::Here, ..gone });
                    return Some(());
                }
                // Of two that were there before either may be the first half when they are joined anew.
                let person = self.here(*slot).filter(|_| !self.doubles.contains_key(slot))?;
                let before = View::of(self.rig.gal_with_hidden(TENANTS[person.tenant])).0.get(&person.anchor)?.clone();
                let member = self.model.members.contains(&person.anchor);
                self.delete(person.tenant, person.anchor, true)?;
                let values: Vec<(usize, String)> = FIELDS
                    .iter()
                    .enumerate()
                    .filter_map(|(number, field)| Some((number, before.text(field)?.to_owned())))
                    .filter(|(number, _)| *number == 0 || person.kind != "distribution-group")
                    .collect();
                let anchor = self.create(person.tenant, person.kind, &before.address()?, &values)?;
                self.people.insert(*slot, Person { anchor, ..person.clone() });
                if member {
                    self.group(person.tenant, anchor, true);
                }
            }
            Act::Convert { slot } => {
                let person = self.here(*slot)?;
                let kind = match person.kind {
                    "user" => "shared",
                    "shared" => "user",
                    _ => return None,
                };
                self.apply(person.tenant, json!([{"op": "update", "anchor": person.anchor, "kind": kind}]))?;
                self.people.get_mut(slot)?.kind = kind;
                self.refresh(person.tenant, person.anchor);
            }
            Act::Group { slot, member } => {
                let person = self.here(*slot)?;
                self.group(person.tenant, person.anchor, *member)?;
            }
            Act::Move { slot, to } => {
                let person = self.here(*slot).filter(|person| person.tenant != *to && person.kind == "user")?;
                self.delete(person.tenant, person.anchor, false)?;
                let anchor = self.hire(*slot, *to, "user", &[])?;
                self.people.insert(*slot, Person { tenant: *to, anchor, being: Being::Here, kind: "user" });
                self.group(*to, anchor, true);
            }
            Act::EditContact { slot, there, field, value } => {
                let contact = self.contact(*slot, *there)?;
                self.update(*there, contact, FIELDS[*field], json!(value))?;
                self.model.edited(*there, contact, FIELDS[*field], value.clone());
                self.peers.edited(contact, FIELDS[*field], value.clone());
                self.rivals.edited(contact, FIELDS[*field], value.as_deref());
            }
            Act::Annotate { slot, there, value } => {
                let contact = self.contact(*slot, *there)?;
                self.update(*there, contact, "CustomAttribute3", json!(value))?;
                self.model.annotated(*there, contact, value);
            }
            Act::HideContact { slot, there, hidden } => {
                let contact = self.contact(*slot, *there)?;
                self.update(*there, contact, "HiddenFromAddressListsEnabled", json!(hidden))?;
                self.model.hidden(*there, contact, *hidden);
                self.rivals.hidden(contact, *hidden);
            }
            Act::DeleteContact { slot, there } => {
                let contact = self.contact(*slot, *there)?;
                self.delete(*there, contact, true)?;
                self.model.deleted(*there, contact);
                self.peers.deleted(contact);
                self.rivals.deleted(contact);
                self.holders.retain(|_, holder| *holder != contact);
            }
            Act::Hold { slot, there, kind, values } => {
                let person = self.people.get(slot).filter(|person| person.tenant != *there)?.clone();
                if self.holders.contains_key(&(*slot, *there)) || *there >= self.shape.tenants() {
                    return None;
                }
                let view = View::of(self.rig.gal_with_hidden(TENANTS[person.tenant]));
                let address = view.0.get(&person.anchor).and_then(Object::address);
                let address = address.unwrap_or_else(|| format!("p{slot}@{}.example", TENANTS[person.tenant]));
                let mut values = values.clone();
                values.push((0, format!("Holder {slot}")));
                let holder = self.create(*there, kind, &address, &values)?;
                self.holders.insert((*slot, *there), holder);
            }
            Act::LetGo { slot, there } => {
                let holder = self.holders.remove(&(*slot, *there))?;
                self.delete(*there, holder, true)?;
                self.model.deleted(*there, holder);
            }
            Act::Resync { tenant } => {
                self.apply(*tenant, json!([{"op": "resync"}]))?;
            }
            // The operator's.
            _ => return None,
        }
        Some(())
    }

    pub(super) fn here(&self, slot: Slot) -> Option<Person> {
        self.people.get(&slot).filter(|person| person.being == Being::Here).cloned()
    }

    fn contact(&self, slot: Slot, there: usize) -> Option<Uuid> {
        let person = self.people.get(&slot)?;
        if self.shape == Shape::Peers {
            return self.peers.other(person.anchor).filter(|_| there != person.tenant);
        }
        self.model.contact(person.anchor, there).or_else(|| self.rivals.contact(person.anchor))
    }

    fn hire(&mut self, slot: Slot, tenant: usize, kind: &str, values: &[(usize, String)]) -> Option<Uuid> {
        let mut values = values.to_vec();
        values.retain(|_| kind != "distribution-group");
        values.push((0, format!("Person {slot}")));
        let domain = if kind == "contact" { "partner" } else { TENANTS[tenant] };
        let number = if self.shape == Shape::Rivals { slot / 2 } else { slot };
        self.create(tenant, kind, &format!("p{number}@{domain}.example"), &values)
    }

    fn create(&mut self, tenant: usize, kind: &str, address: &str, values: &[(usize, String)]) -> Option<Uuid> {
        let mut set: Map<String, Value> = values.iter().map(|(field, value)| (FIELDS[*field].to_owned(), json!(value))).collect();
        let external = ["guest", "mail-user", "contact"].contains(&kind);
        set.insert(if external { "ExternalEmailAddress" } else { "PrimarySmtpAddress" }.to_owned(), json!(address));
        if kind == "distribution-group" {
            set.insert("RequireSenderAuthenticationEnabled".to_owned(), json!(false));
        }
        let anchor = self.apply(tenant, json!([{"op": "create", "kind": kind, "set": set}]))?.into_iter().flatten().next()?;
        self.refresh(tenant, anchor);
        Some(anchor)
    }

    /// Another title for somebody; distribution groups have none.
    pub(super) fn retitle(&mut self, tenant: usize, anchor: Uuid, title: &str) {
        let group = self.people.values().any(|person| person.anchor == anchor && person.kind == "distribution-group");
        if !group {
            self.update(tenant, anchor, "Title", json!(title));
        }
    }

    fn update(&mut self, tenant: usize, anchor: Uuid, property: &str, value: Value) -> Option<()> {
        let mut set = Map::new();
        set.insert(property.to_owned(), value);
        self.apply(tenant, json!([{"op": "update", "anchor": anchor, "set": set}]))?;
        let view = View::of(self.rig.gal_with_hidden(TENANTS[tenant]));
        // Of a contact that we found only what was edited is known to be its administrator's word.
        let now = view.0.get(&anchor)?.properties.get(property).cloned().unwrap_or_default();
        if let Some(own) = self.model.own.get_mut(&(tenant, anchor)) {
            if own.kind == "contact" {
                own.properties.insert(property.to_owned(), now);
            } else {
                self.refresh(tenant, anchor);
            }
        }
        Some(())
    }

    fn delete(&mut self, tenant: usize, anchor: Uuid, permanent: bool) -> Option<()> {
        self.apply(tenant, json!([{"op": "delete", "anchor": anchor, "permanent": permanent}]))?;
        self.model.own.remove(&(tenant, anchor));
        self.model.members.remove(&anchor);
        Some(())
    }

    fn group(&mut self, tenant: usize, anchor: Uuid, member: bool) -> Option<()> {
        let op = if member { "add-member" } else { "remove-member" };
        self.apply(tenant, json!([{"op": op, "anchor": self.groups[tenant], "member": anchor}]))?;
        if member {
            self.model.members.insert(anchor)
        } else {
            self.model.members.remove(&anchor)
        };
        Some(())
    }

    fn apply(&self, tenant: usize, operations: Value) -> Option<Vec<Option<Uuid>>> {
        self.rig.simulator.apply_json(TENANTS[tenant], operations).ok()
    }

    /// Takes an object as its administrator left it.
    fn refresh(&mut self, tenant: usize, anchor: Uuid) {
        let view = View::of(self.rig.gal_with_hidden(TENANTS[tenant]));
        if let Some(object) = view.0.get(&anchor) {
            self.model.own.insert((tenant, anchor), object.clone());
        }
    }
}
