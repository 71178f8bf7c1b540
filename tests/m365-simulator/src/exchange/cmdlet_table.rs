//! The cmdlets the simulator serves, with the parameters Exchange Online takes. MICROSOFT.md section 5; reference pages.
//!
//! `Name:type`, and `!` where the cmdlet cannot do without. On-premises parameters are absent: they are unknown here.

/// Cmdlet and its parameters.
pub(crate) const CMDLETS: &[(&str, &str)] = &[
    ("Get-AcceptedDomain", "Identity:identity ResultSize:unlimited"),
    (
        "Get-Contact",
        "Anr:text Filter:text Identity:identity OrganizationalUnit:identity RecipientTypeDetails:list \
         ResultSize:unlimited SortBy:text",
    ),
    (
        "Get-DistributionGroup",
        "Anr:text Credential:text Filter:text Identity:identity \
         IncludeAcceptMessagesOnlyFromDLMembersWithDisplayNames:flag \
         IncludeAcceptMessagesOnlyFromSendersOrMembersWithDisplayNames:flag \
         IncludeAcceptMessagesOnlyFromWithDisplayNames:flag \
         IncludeBypassModerationFromSendersOrMembersWithDisplayNames:flag \
         IncludeGrantSendOnBehalfToWithDisplayNames:flag IncludeManagedByWithDisplayNames:flag \
         IncludeModeratedByWithDisplayNames:flag ManagedBy:identity OrganizationalUnit:identity \
         RecipientTypeDetails:list ResultSize:unlimited SortBy:text",
    ),
    ("Get-DistributionGroupMember", "Credential:text Identity:identity! IncludeSoftDeletedObjects:flag ResultSize:unlimited"),
    (
        "Get-DynamicDistributionGroup",
        "Anr:text Credential:text Filter:text Identity:identity \
         IncludeAcceptMessagesOnlyFromDLMembersWithDisplayNames:flag \
         IncludeAcceptMessagesOnlyFromSendersOrMembersWithDisplayNames:flag \
         IncludeAcceptMessagesOnlyFromWithDisplayNames:flag \
         IncludeBypassModerationFromSendersOrMembersWithDisplayNames:flag \
         IncludeGrantSendOnBehalfToWithDisplayNames:flag IncludeManagedByWithDisplayNames:flag \
         IncludeModeratedByWithDisplayNames:flag ManagedBy:identity OrganizationalUnit:identity ResultSize:unlimited \
         SortBy:text",
    ),
    (
        "Get-MailContact",
        "ANR:text Filter:text Identity:identity OrganizationalUnit:identity RecipientTypeDetails:list \
         ResultSize:unlimited SortBy:text",
    ),
    (
        "Get-MailUser",
        "Anr:text Filter:text HVEAccount:flag Identity:identity OrganizationalUnit:identity ResultSize:unlimited \
         SharedWithMailUser:flag SoftDeletedMailUser:flag SortBy:text",
    ),
    (
        "Get-Mailbox",
        "Anr:text Archive:flag Filter:text GroupMailbox:flag Identity:identity InactiveMailboxOnly:flag \
         IncludeAcceptMessagesOnlyFromDLMembersWithDisplayNames:flag \
         IncludeAcceptMessagesOnlyFromSendersOrMembersWithDisplayNames:flag \
         IncludeAcceptMessagesOnlyFromWithDisplayNames:flag IncludeEmailAddressDisplayNames:flag \
         IncludeForwardingAddressWithDisplayNames:flag IncludeGrantSendOnBehalfToWithDisplayNames:flag \
         IncludeInactiveMailbox:flag MailboxPlan:identity Migration:flag OrganizationalUnit:identity \
         PublicFolder:flag RecipientTypeDetails:list ResultSize:unlimited SoftDeletedMailbox:flag SortBy:text",
    ),
    ("Get-OrganizationConfig", ""),
    (
        "Get-Recipient",
        "Anr:text AuthenticationType:text BookmarkDisplayName:text Capabilities:list Filter:text Identity:identity \
         IncludeBookmarkObject:flag IncludeManagerWithDisplayName:flag IncludeSoftDeletedRecipients:flag \
         OrganizationalUnit:identity Properties:list PropertySet:text RecipientPreviewFilter:text RecipientType:list \
         RecipientTypeDetails:list ResultSize:unlimited SortBy:text",
    ),
    (
        "Get-UnifiedGroup",
        "Anr:text Filter:text Identity:identity IncludeAcceptMessagesOnlyFromSendersOrMembersWithDisplayNames:flag \
         IncludeAllProperties:flag IncludeBypassModerationFromSendersOrMembersWithDisplayNames:flag \
         IncludeGrantSendOnBehalfToWithDisplayNames:flag IncludeModeratedByWithDisplayNames:flag \
         IncludeRejectMessagesFromSendersOrMembersWithDisplayNames:flag IncludeSoftDeletedGroups:flag \
         ResultSize:unlimited SortBy:text",
    ),
    ("Get-UnifiedGroupLinks", "Identity:identity! LinkType:text! ResultSize:unlimited"),
    (
        "Get-User",
        "Anr:text Filter:text Identity:identity IncludeDirectReportsWithDisplayNames:flag \
         IncludeManagerWithDisplayName:flag IsVIP:flag OrganizationalUnit:identity PublicFolder:flag \
         RecipientTypeDetails:list ResultSize:unlimited Sortby:text",
    ),
    (
        "New-MailContact",
        "Alias:text Confirm:flag DisplayName:text ExternalEmailAddress:proxy! FirstName:text Initials:text \
         LastName:text MacAttachmentFormat:text MessageBodyFormat:text MessageFormat:text ModeratedBy:list \
         ModerationEnabled:flag Name:text! OrganizationalUnit:identity SendModerationNotifications:text \
         UsePreferMessageFormat:flag WhatIf:flag",
    ),
    ("Remove-MailContact", "Confirm:flag Identity:identity! WhatIf:flag"),
    (
        "Set-Contact",
        "AssistantName:text City:text Company:text Confirm:flag CountryOrRegion:country Department:text \
         DisplayName:text Fax:text FirstName:text GeoCoordinates:text HomePhone:text Identity:identity! Initials:text \
         LastName:text Manager:identity MobilePhone:text Name:text Notes:text Office:text OtherFax:list \
         OtherHomePhone:list OtherTelephone:list Pager:text Phone:text PhoneticDisplayName:text PostOfficeBox:list \
         PostalCode:text SeniorityIndex:number SimpleDisplayName:text StateOrProvince:text StreetAddress:text \
         TelephoneAssistant:text Title:text WebPage:text WhatIf:flag WindowsEmailAddress:smtp",
    ),
    (
        "Set-MailContact",
        "AcceptMessagesOnlyFrom:list AcceptMessagesOnlyFromDLMembers:list AcceptMessagesOnlyFromSendersOrMembers:list \
         Alias:text BypassModerationFromSendersOrMembers:list Confirm:flag CustomAttribute1:text \
         CustomAttribute10:text CustomAttribute11:text CustomAttribute12:text CustomAttribute13:text \
         CustomAttribute14:text CustomAttribute15:text CustomAttribute2:text CustomAttribute3:text \
         CustomAttribute4:text CustomAttribute5:text CustomAttribute6:text CustomAttribute7:text \
         CustomAttribute8:text CustomAttribute9:text DisplayName:text EmailAddresses:proxies \
         ExtensionCustomAttribute1:list ExtensionCustomAttribute2:list ExtensionCustomAttribute3:list \
         ExtensionCustomAttribute4:list ExtensionCustomAttribute5:list ExternalEmailAddress:proxy ForceUpgrade:flag \
         GrantSendOnBehalfTo:list HiddenFromAddressListsEnabled:flag Identity:identity! MacAttachmentFormat:text \
         MailTip:text MailTipTranslations:list MessageBodyFormat:text MessageFormat:text ModeratedBy:list \
         ModerationEnabled:flag Name:text RejectMessagesFrom:list RejectMessagesFromDLMembers:list \
         RejectMessagesFromSendersOrMembers:list RequireSenderAuthenticationEnabled:flag \
         SendModerationNotifications:text SimpleDisplayName:text UseMapiRichTextFormat:text \
         UsePreferMessageFormat:flag UserCertificate:list UserSMimeCertificate:list WhatIf:flag \
         WindowsEmailAddress:smtp",
    ),
    (
        "Set-MailUser",
        "AcceptMessagesOnlyFrom:list AcceptMessagesOnlyFromDLMembers:list AcceptMessagesOnlyFromSendersOrMembers:list \
         Alias:text ArchiveGuid:guid BypassModerationFromSendersOrMembers:list Confirm:flag CustomAttribute1:text \
         CustomAttribute10:text CustomAttribute11:text CustomAttribute12:text CustomAttribute13:text \
         CustomAttribute14:text CustomAttribute15:text CustomAttribute2:text CustomAttribute3:text \
         CustomAttribute4:text CustomAttribute5:text CustomAttribute6:text CustomAttribute7:text \
         CustomAttribute8:text CustomAttribute9:text DataEncryptionPolicy:identity DisplayName:text \
         EmailAddresses:proxies EnableLitigationHoldForMigration:flag ExchangeGuid:guid ExcludeFromAllHolds:flag \
         ExcludeFromAllOrgHolds:flag ExcludeFromOrgHolds:list ExtensionCustomAttribute1:list \
         ExtensionCustomAttribute2:list ExtensionCustomAttribute3:list ExtensionCustomAttribute4:list \
         ExtensionCustomAttribute5:list ExternalEmailAddress:proxy FederatedIdentity:text ForceUpgrade:flag \
         GrantSendOnBehalfTo:list HVEAccount:flag HiddenFromAddressListsEnabled:flag Identity:identity! \
         ImmutableId:text JournalArchiveAddress:smtp MacAttachmentFormat:text MailTip:text MailTipTranslations:list \
         MailboxRegion:text MaxReceiveSize:unlimited MaxSendSize:unlimited MessageBodyFormat:text MessageFormat:text \
         MicrosoftOnlineServicesID:smtp ModeratedBy:list ModerationEnabled:flag Name:text Password:text \
         PrimarySmtpAddress:smtp RecalculateInactiveMailUser:flag RecipientLimits:unlimited RejectMessagesFrom:list \
         RejectMessagesFromDLMembers:list RejectMessagesFromSendersOrMembers:list RemoveComplianceTagHoldApplied:flag \
         RemoveDelayHoldApplied:flag RemoveDelayReleaseHoldApplied:flag RemoveDisabledArchive:flag \
         RemoveLitigationHoldEnabled:flag RemoveMailboxProvisioningConstraint:flag RemoveOrphanedHolds:list \
         RequireSenderAuthenticationEnabled:flag ResetPasswordOnNextLogon:flag SendModerationNotifications:text \
         SimpleDisplayName:text UnblockForwardSyncPostCrossTenantMigration:flag UseMapiRichTextFormat:text \
         UsePreferMessageFormat:flag UserCertificate:list UserSMimeCertificate:list WhatIf:flag \
         WindowsEmailAddress:smtp",
    ),
    (
        "Set-User",
        "AssistantName:text AuthenticationPolicy:text BlockCloudCache:flag CanHaveCloudCache:flag City:text \
         ClearDataEncryptionPolicy:flag Company:text Confirm:flag CountryOrRegion:country Department:text \
         DesiredWorkloads:text DisplayName:text EXOModuleEnabled:flag Fax:text FirstName:text Force:flag \
         GeoCoordinates:text HomePhone:text Identity:identity! Initials:text IsShadowMailbox:flag LastName:text \
         MailboxRegion:text MailboxRegionSuffix:text ManagedOnboardingType:text Manager:identity MobilePhone:text \
         Name:text Notes:text Office:text OtherFax:list OtherHomePhone:list OtherTelephone:list Pager:text \
         PermanentlyClearPreviousMailboxInfo:flag Phone:text PhoneticDisplayName:text PostOfficeBox:list \
         PostalCode:text PublicFolder:flag RemotePowerShellEnabled:flag RemoveMailboxProvisioningConstraint:flag \
         ResetPasswordOnNextLogon:flag SeniorityIndex:number SimpleDisplayName:text StateOrProvince:text \
         StreetAddress:text StsRefreshTokensValidFrom:text Title:text VIP:flag WebPage:text WhatIf:flag \
         WindowsEmailAddress:smtp",
    ),
];
