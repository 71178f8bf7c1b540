//! How keys and fields of a scenario are said in a directory: key → external address, field → attribute.

use std::collections::{BTreeMap, BTreeSet};

use gal::{Field, Side};

use crate::format::{EditOp, Record, Scenario};

/// The tenants, which are the sides.
pub(crate) const TENANTS: [&str; 2] = ["sidea", "sideb"];

/// The name of a side's tenant.
pub(crate) fn tenant_of(side: Side) -> &'static str {
    match side {
        Side::A => TENANTS[0],
        Side::B => TENANTS[1],
    }
}

/// An SMTP address, lower case.
pub(crate) type Address = String;

/// What a person's record says, in attributes. Blank values are absent.
pub(crate) type Attributes = BTreeMap<Field, String>;

/// The words of one scenario.
#[derive(Clone, Debug)]
pub(crate) struct Lexicon {
    addresses: BTreeMap<String, Address>,
    fields: BTreeMap<String, Field>,
    canonical_mail: bool,
}

/// Fields that have an attribute of their own; all others become custom attributes.
const KNOWN: &[(&str, Field)] = &[
    ("displayName", Field::DisplayName),
    ("jobTitle", Field::Title),
    ("givenName", Field::FirstName),
    ("surname", Field::LastName),
    ("department", Field::Department),
    ("companyName", Field::Company),
    ("company", Field::Company),
    ("officeLocation", Field::Office),
    ("office", Field::Office),
    ("phone", Field::Phone),
    ("businessPhone", Field::Phone),
    ("mobilePhone", Field::MobilePhone),
    ("mobile", Field::MobilePhone),
    ("fax", Field::Fax),
    ("city", Field::City),
    ("street", Field::StreetAddress),
    ("streetAddress", Field::StreetAddress),
    ("postalCode", Field::PostalCode),
    ("note", Field::Notes),
    ("notes", Field::Notes),
];

/// Custom attributes that records may take: the last one is the stamp's, the one before it is touched
/// where only a version token or a clock of a record changes.
const CUSTOM: std::ops::RangeInclusive<u8> = 1..=13;

/// The attribute that is touched without being published.
pub(crate) const TOUCHED: Field = Field::CustomAttribute14;

impl Lexicon {
    /// Collects the words of a scenario; why they cannot be said in a directory.
    pub(crate) fn of(scenario: &Scenario) -> Result<Self, String> {
        let records = all_records(scenario);
        let canonical_mail = scenario.policy.matches_by("email") && constant_mail(&records);
        let mut lexicon = Self { addresses: BTreeMap::new(), fields: fields(&records)?, canonical_mail };
        for (key, record) in &records {
            lexicon.learn(key, record);
        }
        lexicon.learn_mirrors(scenario)?;
        for fault in scenario.steps.iter().flat_map(|step| step.operation.sync.faults()) {
            // "Already exists": the twin is the contact that holds the address already.
            if let (Some(key), Some(twin), "exists") = (&fault.key, &fault.twin, fault.kind.as_str()) {
                let address = lexicon.address(key);
                lexicon.addresses.insert(twin.clone(), address);
            }
        }
        lexicon.distinct(scenario)?;
        Ok(lexicon)
    }

    fn learn(&mut self, key: &str, record: &Record) {
        let said = record.text("_identity").or_else(|| record.fields.get("mail").filter(|_| self.canonical_mail).map(String::as_str));
        match said {
            Some(said) => {
                self.addresses.insert(key.to_owned(), address_in(said, "example.net"));
            }
            None => {
                self.addresses.entry(key.to_owned()).or_insert_with(|| address_in(key, "example.net"));
            }
        }
    }

    /// An object that stands for one of the other side's own has an address in a domain of that side: it is a stand-in.
    fn learn_mirrors(&mut self, scenario: &Scenario) -> Result<(), String> {
        for side in Side::BOTH {
            let initial = scenario.initial.side(side);
            for key in initial.iter().filter(|(_, record)| record.flag("_mirror_of")).map(|(key, _)| key) {
                if scenario.initial.side(side.other()).contains_key(key) {
                    return Err(format!(
                        "`{key}` of {side} mirrors {}'s own object under the same address; own people are mailboxes, and the records of a scenario are mail contacts",
                        side.other()
                    ));
                }
                self.addresses.insert(key.clone(), format!("{}@{}.example", escaped(&key.to_lowercase()), tenant_of(side.other())));
            }
        }
        Ok(())
    }

    /// The address of a key.
    pub(crate) fn address(&self, key: &str) -> Address {
        self.addresses.get(key).cloned().unwrap_or_else(|| address_in(key, "example.net"))
    }

    /// The attribute of a field.
    pub(crate) fn field(&self, name: &str) -> Option<Field> {
        self.fields.get(name).copied()
    }

    /// The field's own word for an attribute.
    pub(crate) fn word(&self, field: Field) -> String {
        let found = self.fields.iter().find(|(_, known)| **known == field).map(|(name, _)| name.clone());
        found.unwrap_or_else(|| field.property().to_owned())
    }

    /// The attributes that records have.
    pub(crate) fn attributes(&self) -> BTreeSet<Field> {
        self.fields.values().copied().collect()
    }

    /// Whether the display name is not a field of these records, so that it says the key.
    pub(crate) fn names_by_key(&self) -> bool {
        !self.fields.values().any(|field| *field == Field::DisplayName)
    }

    /// A record in attributes.
    pub(crate) fn attributes_of(&self, record: &Record) -> Attributes {
        let said = record.fields.iter().filter(|(_, value)| !value.is_empty());
        said.filter_map(|(name, value)| Some((self.field(name)?, value.clone()))).collect()
    }

    /// Two keys that would be one address, although the scenario takes them for two.
    fn distinct(&self, scenario: &Scenario) -> Result<(), String> {
        let folds = scenario.policy.identity.as_deref() == Some("casefold_nfc");
        let states = [&scenario.initial.a, &scenario.initial.b];
        for records in states {
            let mut held: BTreeMap<Address, &str> = BTreeMap::new();
            for key in records.keys() {
                if let Some(other) = held.insert(self.address(key), key) {
                    return Err(format!(
                        "`{other}` and `{key}` of one side share an identity; in a directory two objects cannot hold one address, Exchange refuses the second"
                    ));
                }
            }
        }
        let mut held: BTreeMap<Address, &str> = BTreeMap::new();
        for key in self.addresses.keys() {
            let Some(other) = held.insert(self.address(key), key) else { continue };
            if !folds && other != key && other.eq_ignore_ascii_case(key) {
                return Err(format!("`{other}` and `{key}` differ by case only; addresses are one in any case"));
            }
        }
        if folds && self.addresses.keys().any(|key| !key.is_ascii()) {
            return Err("the scenario compares Unicode forms of a key; an address that Exchange takes is ASCII".to_owned());
        }
        Ok(())
    }
}

/// Every record of a scenario with its key, and the keys of edits without records.
fn all_records(scenario: &Scenario) -> Vec<(&str, Record)> {
    let mut found: Vec<(&str, Record)> = Vec::new();
    let sides = [Some(&scenario.initial.a), Some(&scenario.initial.b), scenario.initial.base.as_ref()];
    for records in sides.into_iter().flatten() {
        found.extend(records.iter().map(|(key, record)| (key.as_str(), record.clone())));
    }
    for step in &scenario.steps {
        let edits = step.operation.edits.iter().chain(step.operation.sync.edits_after_snapshot.iter().flatten());
        for edit in edits.filter(|edit| edit.op != EditOp::Clear) {
            found.push((edit.key.as_str(), edit.record.clone()));
        }
        let expected = [step.expected.a.as_ref(), step.expected.b.as_ref(), step.expected.base.as_ref()];
        for records in expected.into_iter().flatten() {
            found.extend(records.iter().map(|(key, record)| (key.as_str(), record.clone())));
        }
    }
    found
}

/// Whether each key has one `mail` throughout, so that it can be the address.
fn constant_mail(records: &[(&str, Record)]) -> bool {
    let mut mails: BTreeMap<&str, &str> = BTreeMap::new();
    records
        .iter()
        .filter_map(|(key, record)| Some((*key, record.fields.get("mail")?)))
        .all(|(key, mail)| mail.contains('@') && *mails.entry(key).or_insert(mail) == mail.as_str())
}

/// An address for a key: itself if it is one, else `KEY@domain`; what cannot stand in an address is written in hex.
fn address_in(key: &str, domain: &str) -> Address {
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>()[],;:\"\\=".contains(&byte));
    match key.rsplit_once('@') {
        Some((local, own)) if plain(local) && !local.is_empty() && !local.contains('@') && plain(own) && own.contains('.') => {
            key.to_lowercase()
        }
        _ => format!("{}@{domain}", escaped(&key.to_lowercase())),
    }
}

fn escaped(key: &str) -> String {
    let mut text = String::new();
    for byte in key.bytes() {
        if byte.is_ascii_graphic() && !b"@<>()[],;:\"\\=".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("={byte:02x}"));
        }
    }
    if text.is_empty() { "=".to_owned() } else { text }
}

/// Gives every field of the records an attribute.
fn fields(records: &[(&str, Record)]) -> Result<BTreeMap<String, Field>, String> {
    let mut longest: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, value) in records.iter().flat_map(|(_, record)| &record.fields) {
        let units = value.encode_utf16().count();
        longest.entry(name).and_modify(|most| *most = units.max(*most)).or_insert(units);
    }
    let with_fields = || records.iter().filter(|(_, record)| !record.fields.is_empty());
    // A contact always has a display name: it is a field only where every record has one.
    let always_named = with_fields().all(|(_, record)| record.fields.get("displayName").is_some_and(|name| !name.trim().is_empty()));
    let mut taken: BTreeSet<Field> = BTreeSet::new();
    let mut chosen = BTreeMap::new();
    let mut custom = CUSTOM;
    for (name, most) in longest {
        let known = KNOWN.iter().find(|(known, _)| *known == name).map(|(_, field)| *field);
        let known = known.filter(|field| most <= field.row().limit && !taken.contains(field));
        let known = known.filter(|field| *field != Field::DisplayName || always_named);
        let field = known.or_else(|| custom.next().and_then(Field::custom_attribute));
        let Some(field) = field.filter(|field| most <= field.row().limit) else {
            return Err(format!("field `{name}` has no attribute left that takes it ({most} characters)"));
        };
        taken.insert(field);
        chosen.insert(name.to_owned(), field);
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_addresses() {
        assert_eq!(address_in("ada", "example.net"), "ada@example.net");
        assert_eq!(address_in("HeLlO@x.org", "example.net"), "hello@x.org");
        assert_eq!(address_in("sub/z", "example.net"), "sub/z@example.net");
        assert_eq!(address_in("a b", "example.net"), "a=20b@example.net");
    }
}
