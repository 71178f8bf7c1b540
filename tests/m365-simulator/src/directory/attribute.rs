//! The attributes of a directory object that are plain values: one table, with the limits.
//!
//! MICROSOFT.md sections 3.3 and 5. Lengths are counted in UTF-16 code units, as .NET counts them.

macro_rules! texts {
    ($($name:ident $limit:literal),* $(,)?) => {
        /// A text attribute, spelt as Exchange spells the property.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Text { $($name),* }

        impl Text {
            /// Every text attribute.
            pub(crate) const ALL: &'static [Text] = &[$(Text::$name),*];

            /// The property's name in Exchange.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Text::$name => stringify!($name)),* }
            }

            /// The most UTF-16 code units it holds.
            pub(crate) fn limit(self) -> usize {
                match self { $(Text::$name => $limit),* }
            }
        }
    };
}

texts! {
    DisplayName 256, FirstName 64, LastName 64, Initials 6, Title 128, Company 64, Department 64, Office 128,
    Phone 64, MobilePhone 64, Fax 64, HomePhone 64, Pager 64, StreetAddress 1024, City 128, StateOrProvince 128,
    PostalCode 40, CountryOrRegion 128, Notes 1024, PhoneticDisplayName 256, AssistantName 256,
    TelephoneAssistant 64, WebPage 2048, SimpleDisplayName 256, GeoCoordinates 256, SeniorityIndex 16,
    CustomAttribute1 1024, CustomAttribute2 1024, CustomAttribute3 1024, CustomAttribute4 1024,
    CustomAttribute5 1024, CustomAttribute6 1024, CustomAttribute7 1024, CustomAttribute8 1024,
    CustomAttribute9 1024, CustomAttribute10 1024, CustomAttribute11 1024, CustomAttribute12 1024,
    CustomAttribute13 1024, CustomAttribute14 1024, CustomAttribute15 1024,
    MailTip 1024, MessageFormat 64, MessageBodyFormat 64, MacAttachmentFormat 64, UseMapiRichTextFormat 64,
    SendModerationNotifications 64, Description 1024,
}

macro_rules! lists {
    ($($name:ident),* $(,)?) => {
        /// An attribute of several values.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum List { $($name),* }

        impl List {
            /// Every attribute of several values.
            pub(crate) const ALL: &'static [List] = &[$(List::$name),*];

            /// The property's name in Exchange.
            pub(crate) fn name(self) -> &'static str {
                match self { $(List::$name => stringify!($name)),* }
            }
        }
    };
}

lists! {
    OtherTelephone, OtherHomePhone, OtherFax, PostOfficeBox,
    ExtensionCustomAttribute1, ExtensionCustomAttribute2, ExtensionCustomAttribute3, ExtensionCustomAttribute4,
    ExtensionCustomAttribute5, MailTipTranslations, ModeratedBy, BypassModerationFromSendersOrMembers,
    AcceptMessagesOnlyFrom, AcceptMessagesOnlyFromDLMembers, AcceptMessagesOnlyFromSendersOrMembers,
    RejectMessagesFrom, RejectMessagesFromDLMembers, RejectMessagesFromSendersOrMembers, GrantSendOnBehalfTo,
    UserCertificate, UserSMimeCertificate, ManagedBy,
}

impl Text {
    /// The attribute of this Exchange name, any case.
    pub(crate) fn parse(name: &str) -> Option<Text> {
        Text::ALL.iter().copied().find(|text| text.name().eq_ignore_ascii_case(name))
    }

    /// `CustomAttribute1` to `15`, in order.
    pub(crate) const CUSTOM: [Text; 15] = [
        Text::CustomAttribute1,
        Text::CustomAttribute2,
        Text::CustomAttribute3,
        Text::CustomAttribute4,
        Text::CustomAttribute5,
        Text::CustomAttribute6,
        Text::CustomAttribute7,
        Text::CustomAttribute8,
        Text::CustomAttribute9,
        Text::CustomAttribute10,
        Text::CustomAttribute11,
        Text::CustomAttribute12,
        Text::CustomAttribute13,
        Text::CustomAttribute14,
        Text::CustomAttribute15,
    ];

    /// The documented values, for the attributes that are enumerations.
    pub(crate) fn choices(self) -> Option<&'static [&'static str]> {
        Some(match self {
            Text::MessageFormat => &["Text", "Mime"],
            Text::MessageBodyFormat => &["Text", "Html", "TextAndHtml"],
            Text::MacAttachmentFormat => &["BinHex", "UuEncode", "AppleSingle", "AppleDouble"],
            Text::UseMapiRichTextFormat => &["Always", "Never", "UseDefaultSettings"],
            Text::SendModerationNotifications => &["Always", "Internal", "Never"],
            _ => return None,
        })
    }
}

impl List {
    /// The attribute of this Exchange name, any case.
    pub(crate) fn parse(name: &str) -> Option<List> {
        List::ALL.iter().copied().find(|list| list.name().eq_ignore_ascii_case(name))
    }
}

/// Length as .NET counts it.
pub(crate) fn utf16_length(text: &str) -> usize {
    text.encode_utf16().count()
}
