//! What an error of Exchange means: by .NET type first, by text second, by status last (MICROSOFT.md 4.3).

use super::error::{ExchangeError, Form};

/// What an error means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// The object is not there, or not there yet.
    NotFound,
    /// The manager a write names is not there, or not there yet. Told from `NotFound` by what was asked.
    ManagerNotFound,
    /// Somebody else holds an address.
    AddressInUse,
    /// Somebody else has the Name.
    NameInUse,
    /// More than one object answers to the identity.
    Ambiguous,
    /// Mastered on-premises.
    DirectorySynced,
    /// An address or another value is not taken.
    Refused,
    /// Entra, written at the same time, said no; for no lasting reason.
    DualWrite,
    /// Creations pause.
    CreationQuota,
    /// The application's role is missing or does not hold the cmdlet.
    RoleMissing,
    /// A parameter does not exist, or the role does not hold it.
    ParameterUnknown,
    /// A new tenant that was never customised.
    Dehydrated,
    /// Wait.
    Throttled,
    /// Passing trouble. What became of the request is not known.
    Transient,
    /// The token was refused, twice.
    Unauthorized,
    /// Not an answer of a cmdlet.
    Strange,
}

/// How a row recognises an error.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sign {
    /// A part of the .NET type.
    Type(&'static str),
    /// A part of the type and a part of the text.
    TypeAndText(&'static str, &'static str),
    /// A part of the text, any case.
    Text(&'static str),
    /// How it is written.
    Form(Form),
    /// How it is written, and its status.
    FormAndStatus(Form, u16),
    /// From this status to that one.
    Status(u16, u16),
}

/// The table; the first row that fits decides.
pub(super) static TABLE: &[(Sign, Class)] = &[
    // Types that say everything.
    (Sign::Type("ManagementObjectNotFoundException"), Class::NotFound),
    (Sign::Type("ProxyAddressExistsException"), Class::AddressInUse),
    (Sign::Type("ADObjectAlreadyExistsException"), Class::NameInUse),
    (Sign::Type("ManagementObjectAmbiguousException"), Class::Ambiguous),
    (Sign::Type("RecipientUsageExceededRecentQuotaException"), Class::CreationQuota),
    (Sign::Type("CmdletAccessDeniedException"), Class::RoleMissing),
    (Sign::Type("InvalidOperationInDehydratedContextException"), Class::Dehydrated),
    (Sign::TypeAndText("UnableToWriteToAadException", "already exists"), Class::AddressInUse),
    (Sign::Type("UnableToWriteToAadException"), Class::DualWrite),
    (Sign::Type("DCOverloadedException"), Class::Transient),
    (Sign::Type("SuitabilityDirectoryException"), Class::Transient),
    (Sign::Type("ServerInMMException"), Class::Transient),
    (Sign::Type("ADServerSettingsChangedException"), Class::Transient),
    (Sign::Type("StorageTransientException"), Class::Transient),
    (Sign::Type("ADTransientException"), Class::Transient),
    // Texts, where the type is a general one.
    (Sign::Text("The role assigned to application"), Class::RoleMissing),
    (Sign::Text("AuthZ-CmdletAccessDenied"), Class::RoleMissing),
    (Sign::Text("couldn't be found on"), Class::NotFound),
    (Sign::Text("is already being used by the proxy addresses"), Class::AddressInUse),
    (Sign::Text("same value for property proxyAddresses already exists"), Class::AddressInUse),
    (Sign::Text("is already being used. Please try another name"), Class::NameInUse),
    (Sign::Text("There are multiple recipients matching identity"), Class::Ambiguous),
    (Sign::Text("being synchronized from your on-premises organization"), Class::DirectorySynced),
    (Sign::Text("on-premises mastered Directory sync objects"), Class::DirectorySynced),
    (Sign::Text("is not an SMTP e-mail address"), Class::Refused),
    (Sign::Text("isn't a valid SMTP address"), Class::Refused),
    (Sign::Text("maximum number of mail users and contacts you can create"), Class::CreationQuota),
    (Sign::Text("ExternalDirectoryObjectId was not returned"), Class::DualWrite),
    (Sign::Text("A parameter cannot be found that matches parameter name"), Class::ParameterUnknown),
    (Sign::Text("issue may be transient"), Class::Transient),
    (Sign::Text("maximum number of concurrent requests"), Class::Throttled),
    // Forms, then statuses.
    (Sign::Form(Form::Binding), Class::Refused),
    (Sign::FormAndStatus(Form::Blank, 403), Class::RoleMissing),
    (Sign::Status(401, 401), Class::Unauthorized),
    (Sign::Status(403, 403), Class::RoleMissing),
    (Sign::Status(429, 429), Class::Throttled),
    (Sign::Status(408, 408), Class::Transient),
    (Sign::Status(500, 599), Class::Transient),
    (Sign::FormAndStatus(Form::Piped, 404), Class::NotFound),
    (Sign::FormAndStatus(Form::Json, 404), Class::NotFound),
    (Sign::FormAndStatus(Form::Proxied, 404), Class::NotFound),
    (Sign::Form(Form::Piped), Class::Refused),
    (Sign::Form(Form::Json), Class::Refused),
    (Sign::Form(Form::Proxied), Class::Refused),
    (Sign::Status(400, 400), Class::Refused),
    (Sign::Status(409, 409), Class::Refused),
    (Sign::Status(0, u16::MAX), Class::Strange),
];

impl ExchangeError {
    /// What it means.
    pub(crate) fn class(&self) -> Class {
        let text = self.text.to_ascii_lowercase();
        let fits = |sign: &Sign| match *sign {
            Sign::Type(part) => self.kind.contains(part),
            Sign::TypeAndText(part, words) => self.kind.contains(part) && text.contains(&words.to_ascii_lowercase()),
            Sign::Text(words) => text.contains(&words.to_ascii_lowercase()),
            Sign::Form(form) => self.form == form,
            Sign::FormAndStatus(form, status) => self.form == form && self.status == status,
            Sign::Status(from, to) => (from..=to).contains(&self.status),
        };
        TABLE.iter().find(|(sign, _)| fits(sign)).map_or(Class::Strange, |(_, class)| *class)
    }

    /// Whether it complains of an X.500 address.
    pub(crate) fn is_about_x500(&self) -> bool {
        self.text.to_ascii_lowercase().contains("x500:")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(form: Form, status: u16, kind: &str, text: &str) -> ExchangeError {
        ExchangeError { form, status, kind: kind.into(), text: text.into(), retry_after: None }
    }

    const TASKS: &str = "Microsoft.Exchange.Configuration.Tasks";

    #[test]
    fn every_row_of_the_contract() {
        let task = format!("{TASKS}.RecipientTaskException");
        let rows: &[(Form, u16, &str, &str, Class)] = &[
            (Form::Piped, 404, "M.ManagementObjectNotFoundException", "", Class::NotFound),
            (Form::Proxied, 500, "M.ManagementObjectNotFoundException", "", Class::NotFound),
            (
                Form::Piped,
                404,
                "Other",
                "The operation couldn't be performed because object 'x' couldn't be found on 'DC'.",
                Class::NotFound,
            ),
            (Form::Piped, 400, "M.ProxyAddressExistsException", "The proxy address \"SMTP:x\" is already …", Class::AddressInUse),
            (
                Form::Piped,
                409,
                &task,
                "The proxy address \"SMTP:x@y\" is already being used by the proxy addresses or LegacyExchangeDN of \"z\".",
                Class::AddressInUse,
            ),
            (
                Form::Json,
                400,
                "Microsoft.Exchange.Data.Directory.ADObjectAlreadyExistsException",
                "The object 'CN=x' already exists.",
                Class::NameInUse,
            ),
            (Form::Piped, 400, &task, "The name \"x\" is already being used. Please try another name.", Class::NameInUse),
            (
                Form::Piped,
                500,
                &task,
                "There are multiple recipients matching identity \"x\". Please specify a unique value.",
                Class::Ambiguous,
            ),
            (
                Form::Piped,
                400,
                "System.InvalidOperationException",
                "… because the object is being synchronized from your on-premises organization. …",
                Class::DirectorySynced,
            ),
            (Form::Piped, 400, "System.InvalidOperationException", "… out of the current user's write scope.", Class::Refused),
            (Form::Piped, 400, &task, "The external e-mail address x is not an SMTP e-mail address.", Class::Refused),
            (Form::Piped, 400, &task, "\"x\" isn't a valid SMTP address.", Class::Refused),
            (Form::Piped, 400, &task, "ExternalDirectoryObjectId was not returned", Class::DualWrite),
            (
                Form::Json,
                400,
                "X DualWrite.LocStrings.UnableToWriteToAadException",
                "… proxyAddresses already exists.",
                Class::AddressInUse,
            ),
            (Form::Json, 500, "DualWrite.LocStrings.UnableToWriteToAadException", "… However, it failed.", Class::DualWrite),
            (Form::Piped, 400, "M.RecipientUsageExceededRecentQuotaException", "", Class::CreationQuota),
            (
                Form::Piped,
                400,
                "",
                "You've reached the maximum number of mail users and contacts you can create at this time.",
                Class::CreationQuota,
            ),
            (
                Form::Piped,
                401,
                "System.UnauthorizedAccessException",
                "[FailureCategory=AuthZ-CmdletAccessDeniedException] The role assigned to application x isn't supported",
                Class::RoleMissing,
            ),
            (Form::Blank, 403, "CmdletAccessDeniedException", "", Class::RoleMissing),
            (Form::Blank, 403, "", "", Class::RoleMissing),
            (
                Form::Binding,
                400,
                "System.Management.Automation.ParameterBindingException",
                "A parameter cannot be found that matches parameter name 'X'.",
                Class::ParameterUnknown,
            ),
            (
                Form::Binding,
                400,
                "Microsoft.Exchange.AdminApi.CommandInvocation.ParameterTransformationException",
                "Cannot convert value",
                Class::Refused,
            ),
            (
                Form::Binding,
                400,
                "Microsoft.Exchange.AdminApi.CommandInvocation.AmbiguousParameterSetException",
                "Parameter set cannot be resolved",
                Class::Refused,
            ),
            (Form::Piped, 400, "M.InvalidOperationInDehydratedContextException", "", Class::Dehydrated),
            (
                Form::Plain,
                429,
                "",
                "You have reached the maximum number of concurrent requests per tenant. Please wait and try again",
                Class::Throttled,
            ),
            (
                Form::Plain,
                503,
                "",
                "You have reached the maximum number of concurrent requests per tenant. Please wait and try again",
                Class::Throttled,
            ),
            (Form::Blank, 429, "", "", Class::Throttled),
            (Form::Piped, 400, "M.DCOverloadedException", "", Class::Transient),
            (Form::Piped, 400, "M.SuitabilityDirectoryException", "", Class::Transient),
            (Form::Piped, 400, "M.ServerInMMException", "", Class::Transient),
            (Form::Piped, 400, "M.ADServerSettingsChangedException", "", Class::Transient),
            (Form::Piped, 400, "M.StorageTransientException", "", Class::Transient),
            (Form::Unknown, 500, "Microsoft.Exchange.Data.Directory.ADTransientException", "", Class::Transient),
            (Form::Piped, 400, "", "This issue may be transient.", Class::Transient),
            (Form::Plain, 500, "", "oops", Class::Transient),
            (Form::Blank, 503, "", "", Class::Transient),
            (Form::Plain, 504, "", "<html>", Class::Transient),
            (Form::Blank, 408, "", "", Class::Transient),
            (Form::Blank, 401, "", "", Class::Unauthorized),
            (Form::Plain, 404, "", "<html>", Class::Strange),
            (Form::Piped, 400, "Microsoft.Exchange.Data.DataValidationException", "too long", Class::Refused),
            (Form::Unknown, 405, "", "", Class::Strange),
        ];
        for (form, status, kind, text, expected) in rows {
            assert_eq!(error(*form, *status, kind, text).class(), *expected, "{form:?} {status} {kind} {text}");
        }
    }

    #[test]
    fn x500_is_recognised() {
        assert!(
            error(Form::Piped, 400, "", "The proxy address \"X500:/o=x\" is already being used by the proxy addresses …").is_about_x500()
        );
        assert!(!error(Form::Piped, 400, "", "The proxy address \"SMTP:x@y\" is …").is_about_x500());
    }
}
