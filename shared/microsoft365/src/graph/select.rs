//! What is asked of each collection (MICROSOFT.md 3.1 and 3.2).

use gal::reading::Collection;

use crate::observer::PathClass;

/// `$select` of the first request. Graph reports an object again only if one of these changed, so it also asks for
/// what is read elsewhere: that is the signal to read it there.
pub(super) fn select(collection: Collection) -> &'static str {
    match collection {
        Collection::Users => {
            "id,userPrincipalName,creationType,displayName,givenName,surname,mail,proxyAddresses,userType,accountEnabled,companyName,\
             department,jobTitle,officeLocation,businessPhones,mobilePhone,faxNumber,streetAddress,city,state,postalCode,country,\
             onPremisesSyncEnabled,onPremisesExtensionAttributes"
        }
        Collection::Contacts => {
            "id,displayName,givenName,surname,mail,proxyAddresses,companyName,department,jobTitle,addresses,phones,onPremisesSyncEnabled"
        }
        Collection::Groups => "id,displayName,mail,proxyAddresses,onPremisesSyncEnabled,members",
    }
}

/// What the observer calls it.
pub(super) fn path_class(collection: Collection) -> PathClass {
    match collection {
        Collection::Users => PathClass::UsersDelta,
        Collection::Contacts => PathClass::ContactsDelta,
        Collection::Groups => PathClass::GroupsDelta,
    }
}

/// The application permission without which it cannot be read (MICROSOFT.md 2.2).
pub(super) fn permission(path: PathClass) -> &'static str {
    match path {
        PathClass::UsersDelta => "User.Read.All",
        PathClass::ContactsDelta => "OrgContact.Read.All",
        PathClass::GroupsDelta | PathClass::Members => "GroupMember.Read.All",
        PathClass::Token | PathClass::Keys | PathClass::Cmdlet(_) => "User.Read.All, OrgContact.Read.All and GroupMember.Read.All",
    }
}
