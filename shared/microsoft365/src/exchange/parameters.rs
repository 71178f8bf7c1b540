//! From a change to the cmdlets that make it: only what changes is sent, each cmdlet only if it has work
//! (MICROSOFT.md 4.1 "parameter encoding", 5).

use engine::ports::{ContactChange, NewContact};
use gal::Field;
use gal::field::Cmdlet;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::command::Command;
use super::envelope::Invocation;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A mail contact.
    Contact,
    /// A guest: its attributes, flag and stamp. Its address, Name and Alias are Entra's.
    Guest,
}

impl Target {
    /// The cmdlets for mail attributes and for a person's.
    fn commands(self) -> (Command, Command) {
        match self {
            Self::Contact => (Command::SetMailContact, Command::SetContact),
            Self::Guest => (Command::SetMailUser, Command::SetUser),
        }
    }

    /// Whether a field can be written at all.
    fn takes(self, field: Field) -> bool {
        match self {
            Self::Contact => true,
            // Set-User's TelephoneAssistant is for on-premises Exchange.
            Self::Guest => !matches!(field, Field::ExternalEmailAddress | Field::TelephoneAssistant),
        }
    }
}

/// `New-MailContact`.
pub(super) fn creation(contact: &NewContact) -> Invocation {
    let mut invocation = Invocation::new(Command::NewMailContact)
        .with("Name", contact.name.as_str())
        .with("Alias", contact.alias.as_str())
        .with("ExternalEmailAddress", contact.address.as_str());
    let optional = [
        (Field::DisplayName, Some(contact.display_name.as_str()).filter(|name| !name.is_empty())),
        (Field::FirstName, contact.first_name.as_deref()),
        (Field::LastName, contact.last_name.as_deref()),
        (Field::Initials, contact.initials.as_deref()),
    ];
    for (field, value) in optional {
        if let Some(value) = value {
            invocation = invocation.with(field.property(), value);
        }
    }
    invocation
}

/// `Remove-MailContact`.
pub(super) fn removal(contact: Uuid) -> Invocation {
    Invocation::new(Command::RemoveMailContact).with("Identity", identity(contact)).with("Confirm", false)
}

/// The cmdlets of a change, in the order they are sent: mail attributes first if they carry the stamp, because a
/// contact without a stamp is nobody's; else last, because address and visibility count once the rest is right.
/// `Err`: a value that must not be cleared.
pub(super) fn change(id: Uuid, change: &ContactChange, target: Target) -> Result<Vec<Invocation>, String> {
    let (mail_command, person_command) = target.commands();
    let mut mail = Map::new();
    let mut person = Map::new();
    for (field, value) in change.values.iter().filter(|(field, _)| target.takes(*field)) {
        let parameters = match field.row().cmdlet {
            Cmdlet::SetMailContact => &mut mail,
            Cmdlet::SetContact => &mut person,
        };
        parameters.insert(field.property().to_owned(), written(*field, value.as_deref())?);
    }
    if target == Target::Contact
        && let Some(name) = &change.name
    {
        mail.insert("Name".to_owned(), json!(name));
        mail.insert("Alias".to_owned(), json!(name));
    }
    if let Some(hidden) = change.hidden {
        mail.insert("HiddenFromAddressListsEnabled".to_owned(), json!(hidden));
    }
    if let Some((field, value)) = &change.stamp {
        mail.insert(field.property().to_owned(), written(*field, value.as_deref())?);
    }
    if let Some(addresses) = x500(&change.x500_add, &change.x500_remove) {
        mail.insert("EmailAddresses".to_owned(), addresses);
    }
    let mut invocations: Vec<Invocation> = [(person_command, person), (mail_command, mail)]
        .into_iter()
        .filter(|(_, parameters)| !parameters.is_empty())
        .map(|(command, parameters)| with_identity(command, id, parameters))
        .collect();
    if change.stamp.is_some() {
        invocations.reverse();
    }
    Ok(invocations)
}

fn with_identity(command: Command, id: Uuid, parameters: Map<String, Value>) -> Invocation {
    let mut invocation = Invocation::new(command).with("Identity", identity(id));
    invocation.parameters.extend(parameters);
    invocation
}

/// Objects are named by their Guid, never by anything that two could have.
fn identity(id: Uuid) -> String {
    id.hyphenated().to_string()
}

/// The value of a field on the wire.
fn written(field: Field, value: Option<&str>) -> Result<Value, String> {
    match value.filter(|value| !value.is_empty()) {
        Some(value) if field.is_set() => {
            let lines: Vec<&str> = value.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            Ok(if lines.is_empty() { cleared(field) } else { json!(lines) })
        }
        Some(value) => Ok(json!(value)),
        // A contact without it could not be a contact.
        None if field == Field::ExternalEmailAddress => Err(format!("{field} of a contact cannot be cleared")),
        None => Ok(cleared(field)),
    }
}

/// What clears a field: the one place to change if a real tenant wants it otherwise (MICROSOFT.md 11.6).
fn cleared(field: Field) -> Value {
    if field.is_set() { json!({ "@odata.type": HASH_TABLE }) } else { Value::Null }
}

const HASH_TABLE: &str = "#Exchange.GenericHashTable";

/// Adds and removes X.500 addresses among the others; none if there is nothing to do.
fn x500(add: &[String], remove: &[String]) -> Option<Value> {
    let prefixed = |addresses: &[String]| -> Vec<String> { addresses.iter().map(|address| format!("X500:{address}")).collect() };
    let mut table = Map::new();
    for (action, addresses) in [("Add", prefixed(add)), ("Remove", prefixed(remove))] {
        if !addresses.is_empty() {
            table.insert(action.to_owned(), json!(addresses));
        }
    }
    if table.is_empty() {
        return None;
    }
    table.insert("@odata.type".to_owned(), json!(HASH_TABLE));
    Some(Value::Object(table))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::max();

    fn made(wanted: &ContactChange, target: Target) -> Vec<(Command, Value)> {
        change(ID, wanted, target).unwrap().into_iter().map(|made| (made.command, Value::Object(made.parameters))).collect()
    }

    #[test]
    fn each_field_goes_by_its_cmdlet() {
        let wanted = ContactChange {
            values: vec![
                (Field::Title, Some("Clerk".into())),
                (Field::Phone, None),
                (Field::CustomAttribute3, None),
                (Field::MailTip, Some("Hi".into())),
                (Field::Manager, Some("boss".into())),
                (Field::ExternalEmailAddress, Some("a@b.example".into())),
                (Field::OtherTelephone, Some("1\n\n 2 ".into())),
                (Field::ExtensionCustomAttribute1, None),
            ],
            ..ContactChange::default()
        };
        let id = ID.to_string();
        assert_eq!(
            made(&wanted, Target::Contact),
            [
                (
                    Command::SetContact,
                    json!({"Identity": id, "Title": "Clerk", "Phone": null, "Manager": "boss", "OtherTelephone": ["1", "2"]})
                ),
                (
                    Command::SetMailContact,
                    json!({"Identity": id, "CustomAttribute3": null, "MailTip": "Hi", "ExternalEmailAddress": "a@b.example",
                        "ExtensionCustomAttribute1": {"@odata.type": "#Exchange.GenericHashTable"}})
                ),
            ]
        );
    }

    #[test]
    fn the_stamp_goes_first_and_alone_if_there_is_nothing_else() {
        let stamp = Some((Field::CustomAttribute15, Some("galbridge1|…".to_owned())));
        let both = ContactChange {
            values: vec![(Field::City, Some("Bern".into()))],
            stamp: stamp.clone(),
            hidden: Some(false),
            ..ContactChange::default()
        };
        let commands: Vec<Command> = made(&both, Target::Contact).into_iter().map(|(command, _)| command).collect();
        assert_eq!(commands, [Command::SetMailContact, Command::SetContact]);
        let alone = ContactChange { stamp, ..ContactChange::default() };
        assert_eq!(
            made(&alone, Target::Contact),
            [(Command::SetMailContact, json!({"Identity": ID.to_string(), "CustomAttribute15": "galbridge1|…"}))]
        );
        assert!(made(&ContactChange::default(), Target::Contact).is_empty());
    }

    #[test]
    fn x500_addresses_are_added_and_removed_with_prefix() {
        let wanted =
            ContactChange { x500_add: vec!["/o=a".into()], x500_remove: vec!["/o=b".into(), "/o=c".into()], ..ContactChange::default() };
        assert_eq!(
            made(&wanted, Target::Contact)[0].1["EmailAddresses"],
            json!({"@odata.type": "#Exchange.GenericHashTable", "Add": ["X500:/o=a"], "Remove": ["X500:/o=b", "X500:/o=c"]})
        );
    }

    #[test]
    fn a_guest_keeps_its_address_and_name() {
        let wanted = ContactChange {
            values: vec![
                (Field::ExternalEmailAddress, Some("a@b.example".into())),
                (Field::TelephoneAssistant, Some("1".into())),
                (Field::Title, Some("Clerk".into())),
            ],
            name: Some("n".into()),
            hidden: Some(false),
            ..ContactChange::default()
        };
        assert_eq!(
            made(&wanted, Target::Guest),
            [
                (Command::SetUser, json!({"Identity": ID.to_string(), "Title": "Clerk"})),
                (Command::SetMailUser, json!({"Identity": ID.to_string(), "HiddenFromAddressListsEnabled": false})),
            ]
        );
    }

    #[test]
    fn the_address_is_never_cleared() {
        for value in [None, Some(String::new())] {
            let wanted = ContactChange { values: vec![(Field::ExternalEmailAddress, value)], ..ContactChange::default() };
            assert!(change(ID, &wanted, Target::Contact).is_err());
        }
    }

    #[test]
    fn a_creation_takes_names_only() {
        let contact = NewContact {
            name: "galbridge-1".into(),
            alias: "galbridge-1".into(),
            address: "a@b.example".into(),
            display_name: "Ann".into(),
            first_name: Some("Ann".into()),
            last_name: None,
            initials: None,
        };
        assert_eq!(
            Value::Object(creation(&contact).parameters),
            json!({"Name": "galbridge-1", "Alias": "galbridge-1", "ExternalEmailAddress": "a@b.example", "DisplayName": "Ann", "FirstName": "Ann"})
        );
        assert_eq!(Value::Object(removal(ID).parameters), json!({"Identity": ID.to_string(), "Confirm": false}));
    }
}
