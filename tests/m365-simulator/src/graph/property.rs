//! The properties of users, contacts and groups that Graph can select. MICROSOFT.md section 3.2.

use serde_json::{Map, Value, json};

use super::error::GraphError;
use crate::clock::graph_time;
use crate::directory::attribute::Text;
use crate::directory::entry::{Class, Entry, Kind};
use crate::directory::facet as f;
use crate::directory::store::Directory;

/// A property and the facets a change of it shows in.
pub(crate) type Property = (&'static str, u64);

const USER: &[Property] = &[
    ("id", 0),
    ("userPrincipalName", f::PRINCIPAL_NAME),
    ("creationType", f::CREATION_TYPE),
    ("displayName", f::DISPLAY_NAME),
    ("givenName", f::GIVEN_NAME),
    ("surname", f::SURNAME),
    ("mail", f::MAIL),
    ("mailNickname", f::NICKNAME),
    ("proxyAddresses", f::PROXIES),
    ("userType", f::USER_TYPE),
    ("accountEnabled", f::ENABLED),
    ("companyName", f::COMPANY),
    ("department", f::DEPARTMENT),
    ("jobTitle", f::JOB_TITLE),
    ("officeLocation", f::OFFICE),
    ("businessPhones", f::PHONE),
    ("mobilePhone", f::MOBILE),
    ("faxNumber", f::FAX),
    ("streetAddress", f::STREET),
    ("city", f::CITY),
    ("state", f::STATE),
    ("postalCode", f::POSTAL_CODE),
    ("country", f::COUNTRY),
    ("onPremisesSyncEnabled", f::SYNCED),
    ("onPremisesExtensionAttributes", f::EXTENSION),
    ("showInAddressList", f::SHOWN),
    ("manager", f::MANAGER),
    ("createdDateTime", 0),
];

const CONTACT: &[Property] = &[
    ("id", 0),
    ("addresses", f::STREET | f::CITY | f::STATE | f::POSTAL_CODE | f::COUNTRY | f::OFFICE),
    ("companyName", f::COMPANY),
    ("department", f::DEPARTMENT),
    ("displayName", f::DISPLAY_NAME),
    ("givenName", f::GIVEN_NAME),
    ("jobTitle", f::JOB_TITLE),
    ("mail", f::MAIL),
    ("mailNickname", f::NICKNAME),
    ("onPremisesSyncEnabled", f::SYNCED),
    ("phones", f::PHONE | f::MOBILE | f::FAX),
    ("proxyAddresses", f::PROXIES),
    ("surname", f::SURNAME),
    ("manager", f::MANAGER),
];

const GROUP: &[Property] = &[
    ("id", 0),
    ("displayName", f::DISPLAY_NAME),
    ("description", f::DESCRIPTION),
    ("mail", f::MAIL),
    ("mailNickname", f::NICKNAME),
    ("proxyAddresses", f::PROXIES),
    ("mailEnabled", f::GROUP_KIND),
    ("securityEnabled", f::GROUP_KIND),
    ("groupTypes", f::GROUP_KIND),
    ("onPremisesSyncEnabled", f::SYNCED),
    ("visibility", f::GROUP_KIND),
    ("members", f::MEMBERS),
    ("createdDateTime", 0),
    ("hideFromAddressLists", 0),
];

/// What a user shows when nothing is selected.
const USER_DEFAULT: &[&str] = &[
    "businessPhones",
    "displayName",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
];

/// Real properties that no object here has a value for.
const UNUSED: &str = "deletedDateTime ageGroup assignedLicenses assignedPlans authorizationInfo employeeHireDate \
    employeeId employeeOrgData employeeType externalUserState externalUserStateChangeDateTime identities imAddresses \
    isResourceAccount lastPasswordChangeDateTime licenseAssignmentStates onPremisesDistinguishedName \
    onPremisesDomainName onPremisesImmutableId onPremisesLastSyncDateTime onPremisesProvisioningErrors \
    onPremisesSamAccountName onPremisesSecurityIdentifier onPremisesUserPrincipalName otherMails passwordPolicies \
    preferredDataLocation preferredLanguage provisionedPlans securityIdentifier serviceProvisioningErrors \
    signInSessionsValidFromDateTime usageLocation classification expirationDateTime isAssignableToRole \
    membershipRule membershipRuleProcessingState owners renewedDateTime resourceBehaviorOptions \
    resourceProvisioningOptions theme uniqueName";

/// Kept in `SharePoint`: only a single user shows them, never a collection or a delta.
const SINGLE_ONLY: &str = "aboutMe birthday hireDate interests mySite pastProjects preferredName responsibilities \
    schools skills mailboxSettings";

/// The properties of a collection.
pub(crate) fn all(class: Class) -> &'static [Property] {
    match class {
        Class::User => USER,
        Class::Contact => CONTACT,
        Class::Group => GROUP,
    }
}

/// The name of a type in `@odata.type`.
pub(crate) fn odata_type(class: Class) -> &'static str {
    match class {
        Class::User => "#microsoft.graph.user",
        Class::Contact => "#microsoft.graph.orgContact",
        Class::Group => "#microsoft.graph.group",
    }
}

/// The collection's name in paths.
pub(crate) fn collection(class: Class) -> &'static str {
    match class {
        Class::User => "users",
        Class::Contact => "contacts",
        Class::Group => "groups",
    }
}

/// Reads a `$select` list. Names that are real but have no values here are kept out of the result.
pub(crate) fn select(class: Class, list: &str, single: bool) -> Result<Vec<Property>, GraphError> {
    let mut selected = vec![("id", 0)];
    for name in list.split(',').map(str::trim) {
        if let Some(property) = all(class).iter().find(|(known, _)| *known == name) {
            if !single && name == "hideFromAddressLists" {
                return Err(GraphError::unsupported("hideFromAddressLists can only be read on a single group."));
            }
            if !selected.contains(property) {
                selected.push(*property);
            }
        } else if class == Class::User && SINGLE_ONLY.split_whitespace().any(|known| known == name) {
            if !single {
                return Err(GraphError::new(501, "NotImplemented", format!("Property '{name}' is not supported here.")));
            }
        } else if !UNUSED.split_whitespace().any(|known| known == name) {
            let kind = odata_type(class).trim_start_matches('#');
            return Err(GraphError::new(
                400,
                "BadRequest",
                format!("Parsing OData Select and Expand failed: Could not find a property named '{name}' on type '{kind}'."),
            ));
        }
    }
    Ok(selected)
}

/// What comes when nothing is selected. Navigations never do.
pub(crate) fn default_selection(class: Class) -> Vec<Property> {
    let wanted = |name: &str| match class {
        Class::User => USER_DEFAULT.contains(&name),
        Class::Contact => name != "manager",
        Class::Group => name != "members" && name != "hideFromAddressLists",
    };
    all(class).iter().filter(|(name, _)| wanted(name)).copied().collect()
}

fn optional(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { Value::from(text) }
}

fn one_or_none(text: &str) -> Value {
    if text.is_empty() { json!([]) } else { json!([text]) }
}

/// The value of a property; null if it has none.
pub(crate) fn value(directory: &Directory, entry: &Entry, name: &str) -> Value {
    let text = |which: Text| optional(entry.text(which));
    match name {
        "id" => json!(entry.anchor),
        "userPrincipalName" => entry.upn.clone().into(),
        "creationType" => {
            if entry.invited {
                json!("Invitation")
            } else {
                Value::Null
            }
        }
        "displayName" => text(Text::DisplayName),
        "givenName" => text(Text::FirstName),
        "surname" => text(Text::LastName),
        "mail" => optional(entry.primary()),
        "mailNickname" => optional(&entry.alias),
        "proxyAddresses" => json!(entry.addresses),
        "userType" => json!(if entry.is_guest { "Guest" } else { "Member" }),
        "accountEnabled" => json!(entry.account_enabled),
        "companyName" => text(Text::Company),
        "department" => text(Text::Department),
        "jobTitle" => text(Text::Title),
        "officeLocation" => text(Text::Office),
        "businessPhones" => one_or_none(entry.text(Text::Phone)),
        "mobilePhone" => text(Text::MobilePhone),
        "faxNumber" => text(Text::Fax),
        "streetAddress" => text(Text::StreetAddress),
        "city" => text(Text::City),
        "state" => text(Text::StateOrProvince),
        "postalCode" => text(Text::PostalCode),
        "country" => text(Text::CountryOrRegion),
        "onPremisesSyncEnabled" => {
            if entry.dir_synced {
                json!(true)
            } else {
                Value::Null
            }
        }
        "onPremisesExtensionAttributes" => extension_attributes(entry),
        "showInAddressList" => shown(entry),
        "createdDateTime" => json!(graph_time(entry.created)),
        "addresses" => json!([{
            "city": text(Text::City),
            "countryOrRegion": text(Text::CountryOrRegion),
            "officeLocation": text(Text::Office),
            "postalCode": text(Text::PostalCode),
            "state": text(Text::StateOrProvince),
            "street": text(Text::StreetAddress),
        }]),
        "phones" => phones(entry),
        "description" => text(Text::Description),
        "mailEnabled" => json!(entry.kind != Kind::SecurityGroup),
        "securityEnabled" => json!(matches!(entry.kind, Kind::SecurityGroup | Kind::MailSecurityGroup)),
        "groupTypes" => {
            if entry.kind == Kind::Microsoft365Group {
                json!(["Unified"])
            } else {
                json!([])
            }
        }
        "visibility" => {
            if entry.kind == Kind::Microsoft365Group {
                json!("Private")
            } else {
                Value::Null
            }
        }
        "hideFromAddressLists" => json!(entry.hidden),
        "manager" => entry.manager.and_then(|manager| directory.live(manager)).map_or(Value::Null, |manager| {
            let class = manager.kind.class().unwrap_or(Class::User);
            json!({"@odata.type": odata_type(class), "id": manager.anchor})
        }),
        _ => Value::Null,
    }
}

fn extension_attributes(entry: &Entry) -> Value {
    let mut all = Map::new();
    for (at, custom) in Text::CUSTOM.into_iter().enumerate() {
        all.insert(format!("extensionAttribute{}", at + 1), optional(entry.text(custom)));
    }
    Value::Object(all)
}

/// Not to be relied on, by design: it follows Exchange's hidden flag for some objects only.
fn shown(entry: &Entry) -> Value {
    let follows = entry.anchor.as_bytes()[15].is_multiple_of(2);
    if entry.is_guest || entry.hidden && follows { json!(false) } else { Value::Null }
}

fn phones(entry: &Entry) -> Value {
    let of = |kind: &str, which: Text| {
        let number = entry.text(which);
        (!number.is_empty()).then(|| json!({"type": kind, "number": number}))
    };
    let all = [of("business", Text::Phone), of("mobile", Text::MobilePhone), of("businessFax", Text::Fax)];
    Value::Array(all.into_iter().flatten().collect())
}

/// Whether a value is as good as none.
pub(crate) fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}
