//! Which properties each cmdlet shows. MICROSOFT.md section 3.3: no single Get has them all.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::property::Property;

/// A property under the name it is written with.
pub(crate) type Column = (&'static str, Property);

const COMMON: &str = "Identity Id Name Guid ExchangeObjectId DistinguishedName WhenChanged WhenCreated \
    WhenChangedUTC WhenCreatedUTC OrganizationId ExchangeVersion ObjectCategory ObjectState IsValid";

const CUSTOM: &str = "CustomAttribute1 CustomAttribute2 CustomAttribute3 CustomAttribute4 CustomAttribute5 \
    CustomAttribute6 CustomAttribute7 CustomAttribute8 CustomAttribute9 CustomAttribute10 CustomAttribute11 \
    CustomAttribute12 CustomAttribute13 CustomAttribute14 CustomAttribute15 ExtensionCustomAttribute1 \
    ExtensionCustomAttribute2 ExtensionCustomAttribute3 ExtensionCustomAttribute4 ExtensionCustomAttribute5";

const RECIPIENT: &str = "Alias City Notes Company CountryOrRegion PostalCode Department DisplayName \
    EmailAddresses EmailAddressPolicyEnabled ExternalDirectoryObjectId ExternalEmailAddress FirstName LastName \
    HiddenFromAddressListsEnabled IsDirSynced ManagedBy Manager Office OrganizationalUnit Phone PoliciesIncluded \
    PoliciesExcluded AddressListMembership PrimarySmtpAddress RecipientType RecipientTypeDetails ResourceType \
    SamAccountName SKUAssigned StateOrProvince Title WhenSoftDeleted";

const PERSON: &str = "AssistantName City Company CountryOrRegion Department DirectReports DisplayName Fax \
    FirstName GeoCoordinates HomePhone Initials LastName Manager MobilePhone Notes Office OrganizationalUnit \
    OtherFax OtherHomePhone OtherTelephone Pager Phone PhoneticDisplayName PostalCode PostOfficeBox RecipientType \
    RecipientTypeDetails SeniorityIndex SimpleDisplayName StateOrProvince StreetAddress TelephoneAssistant Title \
    WebPage WindowsEmailAddress IsDirSynced";

const MAIL: &str = "AcceptMessagesOnlyFrom AcceptMessagesOnlyFromDLMembers \
    AcceptMessagesOnlyFromSendersOrMembers AddressListMembership Alias BypassModerationFromSendersOrMembers \
    DisplayName EmailAddresses EmailAddressPolicyEnabled ExternalDirectoryObjectId GrantSendOnBehalfTo \
    HiddenFromAddressListsEnabled IsDirSynced LegacyExchangeDN MailTip MailTipTranslations MaxReceiveSize \
    MaxSendSize ModeratedBy ModerationEnabled OrganizationalUnit PoliciesIncluded PoliciesExcluded \
    PrimarySmtpAddress RecipientType RecipientTypeDetails RejectMessagesFrom RejectMessagesFromDLMembers \
    RejectMessagesFromSendersOrMembers RequireSenderAuthenticationEnabled SendModerationNotifications \
    SimpleDisplayName WindowsEmailAddress";

const EXTERNAL: &str = "ExternalEmailAddress MacAttachmentFormat MessageBodyFormat MessageFormat \
    UseMapiRichTextFormat UsePreferMessageFormat UserCertificate UserSMimeCertificate";

const SETS: &[(&str, &[&str])] = &[
    ("Get-Recipient", &[COMMON, CUSTOM, RECIPIENT]),
    ("Get-DistributionGroupMember", &[COMMON, CUSTOM, RECIPIENT]),
    ("Get-UnifiedGroupLinks", &[COMMON, CUSTOM, RECIPIENT]),
    (
        "Get-User",
        &[
            COMMON,
            PERSON,
            "AccountDisabled ExternalDirectoryObjectId LegacyExchangeDN MicrosoftOnlineServicesID SamAccountName \
             UserPrincipalName WhenSoftDeleted SKUAssigned",
        ],
    ),
    ("Get-Contact", &[COMMON, PERSON]),
    ("Get-MailContact", &[COMMON, CUSTOM, MAIL, EXTERNAL]),
    ("Get-MailUser", &[COMMON, CUSTOM, MAIL, EXTERNAL, "UserPrincipalName AccountDisabled WhenSoftDeleted ExchangeGuid"]),
    (
        "Get-Mailbox",
        &[
            COMMON,
            CUSTOM,
            MAIL,
            "UserPrincipalName AccountDisabled ExchangeGuid IsShared IsResource ResourceType Office SKUAssigned \
             SamAccountName WhenSoftDeleted",
        ],
    ),
    (
        "Get-DistributionGroup",
        &[COMMON, CUSTOM, MAIL, "GroupType ManagedBy MemberJoinRestriction HiddenGroupMembershipEnabled Description SamAccountName"],
    ),
    ("Get-DynamicDistributionGroup", &[COMMON, CUSTOM, MAIL, "ManagedBy RecipientFilter Notes"]),
    (
        "Get-UnifiedGroup",
        &[COMMON, CUSTOM, MAIL, "AccessType GroupMemberCount GroupType HiddenGroupMembershipEnabled ManagedBy Notes WhenSoftDeleted"],
    ),
    (
        "(everything)",
        &[
            COMMON,
            CUSTOM,
            RECIPIENT,
            PERSON,
            MAIL,
            EXTERNAL,
            "UserPrincipalName AccountDisabled AccountEnabled UserType HiddenGroupMembershipEnabled Description",
        ],
    ),
];

static COLUMNS: LazyLock<HashMap<&'static str, Vec<Column>>> = LazyLock::new(|| {
    SETS.iter()
        .map(|(cmdlet, groups)| {
            let mut columns: Vec<Column> = Vec::new();
            for name in groups.iter().flat_map(|group| group.split_whitespace()) {
                let known = columns.iter().any(|(other, _)| *other == name);
                if let (false, Some(property)) = (known, Property::parse(name)) {
                    columns.push((name, property));
                }
            }
            (*cmdlet, columns)
        })
        .collect()
});

/// What this cmdlet shows of each object.
pub(crate) fn of(cmdlet: &str) -> &'static [Column] {
    COLUMNS.get(cmdlet).map_or(&[], Vec::as_slice)
}

/// Every property there is, for the simulator's own `gal`.
pub(crate) fn everything() -> &'static [Column] {
    of("(everything)")
}
