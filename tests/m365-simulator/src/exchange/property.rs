//! What Exchange shows of an object, property by property. MICROSOFT.md sections 3.3 and 4.2.

use std::borrow::Cow;

use jiff::Timestamp;
use uuid::Uuid;

use crate::directory::attribute::{List, Text};
use crate::directory::country;
use crate::directory::entry::{Entry, Kind};
use crate::directory::store::Directory;

/// A property an Exchange cmdlet can show or filter by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Property {
    Text(Text),
    List(List),
    Special(Special),
}

macro_rules! specials {
    ($($name:ident),* $(,)?) => {
        /// The properties that are no plain attribute.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Special { $($name),* }

        impl Special {
            const ALL: &'static [(&'static str, Special)] = &[$((stringify!($name), Special::$name)),*];
        }
    };
}

specials! {
    Identity, Id, Name, Alias, Guid, ExchangeObjectId, ExternalDirectoryObjectId, DistinguishedName,
    EmailAddresses, PrimarySmtpAddress, WindowsEmailAddress, ExternalEmailAddress, RecipientType,
    RecipientTypeDetails, HiddenFromAddressListsEnabled, IsDirSynced, LegacyExchangeDN, Manager, WhenChanged,
    WhenChangedUTC, WhenCreated, WhenCreatedUTC, WhenSoftDeleted, UserPrincipalName, AccountDisabled,
    RequireSenderAuthenticationEnabled, RequireAllSendersAreAuthenticated, ModerationEnabled,
    UsePreferMessageFormat, OrganizationId, OrganizationalUnit, ExchangeVersion, ObjectCategory, ObjectState,
    IsValid, ResourceType, IsShared, IsResource, GroupType, AccessType, GroupMemberCount,
    HiddenGroupMembershipEnabled, EmailAddressPolicyEnabled, SamAccountName, MaxSendSize, MaxReceiveSize,
    PoliciesIncluded, PoliciesExcluded, AddressListMembership, SKUAssigned, ExchangeGuid, AccountEnabled, UserType,
    RecipientFilter, MemberJoinRestriction, MicrosoftOnlineServicesID, DirectReports,
}

impl Property {
    /// The property of this name, any case.
    pub(crate) fn parse(name: &str) -> Option<Property> {
        if let Some((_, special)) = Special::ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            return Some(Property::Special(*special));
        }
        Text::parse(name).map(Property::Text).or_else(|| List::parse(name).map(Property::List))
    }
}

/// A value in the form Exchange shows it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    Text(Cow<'a, str>),
    Null,
    Flag(bool),
    Number(usize),
    List(Vec<Cow<'a, str>>),
    Guid(Uuid),
    Date(Timestamp),
    DateUtc(Timestamp),
}

/// A tenant's directory, as far as showing an object needs it.
#[derive(Clone, Copy)]
pub(crate) struct Lens<'a> {
    pub(crate) directory: &'a Directory,
    /// The tenant's `onmicrosoft.com` domain.
    pub(crate) organisation: &'a str,
}

fn text(value: &str) -> Value<'_> {
    Value::Text(Cow::Borrowed(value))
}

fn owned<'a>(value: String) -> Value<'a> {
    Value::Text(Cow::Owned(value))
}

fn nullable(value: Option<&str>) -> Value<'_> {
    value.map_or(Value::Null, text)
}

impl Lens<'_> {
    /// The value of a property, as Exchange shows it.
    pub(crate) fn value<'b>(&self, entry: &'b Entry, property: Property) -> Value<'b> {
        match property {
            Property::Text(Text::CountryOrRegion) => {
                let stored = entry.text(Text::CountryOrRegion);
                if stored.is_empty() { Value::Null } else { text(country::friendly(stored).unwrap_or(stored)) }
            }
            Property::Text(Text::MailTip) if entry.text(Text::MailTip).is_empty() => Value::Null,
            Property::Text(Text::GeoCoordinates | Text::SeniorityIndex) if entry.text_of(property).is_empty() => Value::Null,
            Property::Text(which) => text(entry.text(which)),
            Property::List(List::MailTipTranslations) => Value::List(translations(entry)),
            Property::List(List::ManagedBy) if entry.kind.class() == Some(crate::directory::entry::Class::User) => text(""),
            Property::List(which) => Value::List(entry.list(which).iter().map(|value| value.as_str().into()).collect()),
            Property::Special(special) => self.special(entry, special),
        }
    }

    fn special<'b>(&self, entry: &'b Entry, special: Special) -> Value<'b> {
        match special {
            Special::Identity | Special::Id | Special::Name => text(&entry.name),
            Special::Alias => text(&entry.alias),
            Special::Guid | Special::ExchangeObjectId | Special::ExchangeGuid => Value::Guid(entry.guid),
            Special::ExternalDirectoryObjectId if !entry.has_id => text(""),
            Special::ExternalDirectoryObjectId => match entry.kind {
                Kind::DynamicDistributionGroup => text(""),
                _ => owned(entry.anchor.to_string()),
            },
            Special::DistinguishedName => owned(self.distinguished_name(entry)),
            Special::EmailAddresses => Value::List(entry.addresses.iter().map(|one| one.as_str().into()).collect()),
            Special::PrimarySmtpAddress => text(entry.primary()),
            Special::WindowsEmailAddress => text(&entry.windows_address),
            Special::ExternalEmailAddress => nullable(entry.external.as_deref()),
            Special::RecipientType => text(entry.kind.recipient_type()),
            Special::RecipientTypeDetails => text(entry.kind.type_details()),
            Special::HiddenFromAddressListsEnabled => Value::Flag(entry.hidden),
            Special::IsDirSynced => Value::Flag(entry.dir_synced),
            Special::LegacyExchangeDN => text(&entry.legacy_dn),
            Special::Manager => self.manager_name(entry).map_or(Value::Null, owned),
            Special::WhenChanged => Value::Date(entry.changed),
            Special::WhenCreated => Value::Date(entry.created),
            Special::WhenChangedUTC => Value::DateUtc(entry.changed),
            Special::WhenCreatedUTC => Value::DateUtc(entry.created),
            Special::WhenSoftDeleted => entry.soft_deleted.map_or(Value::Null, Value::Date),
            Special::UserPrincipalName | Special::MicrosoftOnlineServicesID => text(entry.upn.as_deref().unwrap_or("")),
            Special::AccountDisabled => Value::Flag(!entry.account_enabled),
            Special::AccountEnabled => Value::Flag(entry.account_enabled),
            Special::UserType => text(if entry.is_guest { "Guest" } else { "Member" }),
            Special::RequireSenderAuthenticationEnabled | Special::RequireAllSendersAreAuthenticated => {
                Value::Flag(entry.require_authentication)
            }
            Special::ModerationEnabled => Value::Flag(entry.moderation_enabled),
            Special::UsePreferMessageFormat => Value::Flag(entry.prefer_message_format),
            Special::OrganizationId => owned(format!(
                "NAMPR01A001.PROD.OUTLOOK.COM/Microsoft Exchange Hosted Organizations/{0} - \
                 NAMPR01A001.PROD.OUTLOOK.COM/ConfigurationUnits/{0}/Configuration",
                self.organisation
            )),
            Special::OrganizationalUnit => {
                owned(format!("nampr01a001.prod.outlook.com/Microsoft Exchange Hosted Organizations/{}", self.organisation))
            }
            Special::ExchangeVersion => text("0.20 (15.0.0.0)"),
            Special::ObjectCategory => text(match entry.kind {
                Kind::Contact => "NAMPR01A001.PROD.OUTLOOK.COM/Configuration/Schema/Person",
                kind if kind.is_group() => "NAMPR01A001.PROD.OUTLOOK.COM/Configuration/Schema/Group",
                _ => "NAMPR01A001.PROD.OUTLOOK.COM/Configuration/Schema/User",
            }),
            Special::ObjectState => text("Unchanged"),
            Special::IsValid => Value::Flag(true),
            Special::ResourceType => match entry.kind {
                Kind::Room => text("Room"),
                Kind::Equipment => text("Equipment"),
                _ => Value::Null,
            },
            Special::IsShared => Value::Flag(entry.kind == Kind::Shared),
            Special::IsResource => Value::Flag(matches!(entry.kind, Kind::Room | Kind::Equipment)),
            Special::GroupType => text(match entry.kind {
                Kind::MailSecurityGroup | Kind::SecurityGroup => "Universal, SecurityEnabled",
                _ => "Universal",
            }),
            Special::AccessType => text("Private"),
            Special::GroupMemberCount => Value::Number(entry.members.len()),
            Special::HiddenGroupMembershipEnabled => Value::Flag(entry.hidden_membership),
            Special::EmailAddressPolicyEnabled => Value::Flag(false),
            Special::SamAccountName => owned(format!("${}", &entry.guid.simple().to_string()[..18])),
            Special::MaxSendSize | Special::MaxReceiveSize => text("unlimited"),
            Special::PoliciesIncluded | Special::PoliciesExcluded | Special::AddressListMembership | Special::DirectReports => {
                Value::List(Vec::new())
            }
            Special::SKUAssigned => match entry.kind {
                Kind::User => Value::Flag(true),
                _ => Value::Null,
            },
            Special::RecipientFilter => match entry.kind {
                Kind::DynamicDistributionGroup => text(entry.text(Text::Description)),
                _ => Value::Null,
            },
            Special::MemberJoinRestriction => text("Closed"),
        }
    }

    /// The name a reading shows for the manager; none if he is gone.
    fn manager_name(&self, entry: &Entry) -> Option<String> {
        let manager = self.directory.live(entry.manager?)?;
        Some(manager.name.clone())
    }

    /// Where the object is in the directory tree.
    pub(crate) fn distinguished_name(&self, entry: &Entry) -> String {
        format!(
            "CN={},OU={},OU=Microsoft Exchange Hosted Organizations,DC=NAMPR01A001,DC=PROD,DC=OUTLOOK,DC=COM",
            entry.name.replace('\\', "\\\\").replace(',', "\\,"),
            self.organisation
        )
    }
}

impl Entry {
    fn text_of(&self, property: Property) -> &str {
        match property {
            Property::Text(which) => self.text(which),
            _ => "",
        }
    }
}

/// A MailTip is kept as its default translation too. MICROSOFT.md section 5.
fn translations(entry: &Entry) -> Vec<Cow<'_, str>> {
    let mut all: Vec<Cow<'_, str>> = Vec::new();
    let tip = entry.text(Text::MailTip);
    if !tip.is_empty() {
        all.push(Cow::Owned(format!("default:{tip}")));
    }
    all.extend(entry.list(List::MailTipTranslations).iter().map(|one| Cow::Borrowed(one.as_str())));
    all
}
