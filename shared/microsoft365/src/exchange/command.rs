//! The cmdlets that are used, and the way each is sent (MICROSOFT.md 4.1 and 4.4).

/// A cmdlet of Exchange Online. No other is ever sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Command {
    /// `Get-Recipient`
    GetRecipient,
    /// `Get-User`
    GetUser,
    /// `Get-Contact`
    GetContact,
    /// `Get-MailContact`
    GetMailContact,
    /// `Get-Mailbox`
    GetMailbox,
    /// `Get-DistributionGroup`
    GetDistributionGroup,
    /// `Get-UnifiedGroup`
    GetUnifiedGroup,
    /// `Get-DynamicDistributionGroup`
    GetDynamicDistributionGroup,
    /// `Get-AcceptedDomain`
    GetAcceptedDomain,
    /// `New-MailContact`
    NewMailContact,
    /// `Set-MailContact`
    SetMailContact,
    /// `Set-Contact`
    SetContact,
    /// `Set-MailUser`
    SetMailUser,
    /// `Set-User`
    SetUser,
    /// `Remove-MailContact`
    RemoveMailContact,
}

impl Command {
    /// All of them: what a least-privilege role must hold.
    pub const ALL: [Self; 15] = [
        Self::GetRecipient,
        Self::GetUser,
        Self::GetContact,
        Self::GetMailContact,
        Self::GetMailbox,
        Self::GetDistributionGroup,
        Self::GetUnifiedGroup,
        Self::GetDynamicDistributionGroup,
        Self::GetAcceptedDomain,
        Self::NewMailContact,
        Self::SetMailContact,
        Self::SetContact,
        Self::SetMailUser,
        Self::SetUser,
        Self::RemoveMailContact,
    ];

    /// The cmdlet's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GetRecipient => "Get-Recipient",
            Self::GetUser => "Get-User",
            Self::GetContact => "Get-Contact",
            Self::GetMailContact => "Get-MailContact",
            Self::GetMailbox => "Get-Mailbox",
            Self::GetDistributionGroup => "Get-DistributionGroup",
            Self::GetUnifiedGroup => "Get-UnifiedGroup",
            Self::GetDynamicDistributionGroup => "Get-DynamicDistributionGroup",
            Self::GetAcceptedDomain => "Get-AcceptedDomain",
            Self::NewMailContact => "New-MailContact",
            Self::SetMailContact => "Set-MailContact",
            Self::SetContact => "Set-Contact",
            Self::SetMailUser => "Set-MailUser",
            Self::SetUser => "Set-User",
            Self::RemoveMailContact => "Remove-MailContact",
        }
    }

    /// Whether it changes the directory.
    pub fn writes(self) -> bool {
        match self {
            Self::GetRecipient
            | Self::GetUser
            | Self::GetContact
            | Self::GetMailContact
            | Self::GetMailbox
            | Self::GetDistributionGroup
            | Self::GetUnifiedGroup
            | Self::GetDynamicDistributionGroup
            | Self::GetAcceptedDomain => false,
            Self::NewMailContact
            | Self::SetMailContact
            | Self::SetContact
            | Self::SetMailUser
            | Self::SetUser
            | Self::RemoveMailContact => true,
        }
    }
}

/// Where a cmdlet is sent: `/adminapi/{version}/{tenant}/{endpoint}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `beta` or `v2.0`.
    pub version: String,
    /// `InvokeCommand`, or an endpoint of the documented Admin API.
    pub endpoint: String,
}

/// The routing table. Everything goes to `beta/InvokeCommand`; what the documented Admin API
/// (MICROSOFT.md 4.4) serves some day is a row here, such as `SetMailContact → v2.0/MailContact`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes(Vec<(Command, Route)>);

impl Routes {
    /// Sends a cmdlet another way from now on.
    #[must_use]
    pub fn with(mut self, command: Command, version: &str, endpoint: &str) -> Self {
        self.0.retain(|(known, _)| *known != command);
        self.0.push((command, Route { version: version.to_owned(), endpoint: endpoint.to_owned() }));
        self
    }

    /// The path for a cmdlet.
    pub(super) fn path(&self, command: Command, tenant: uuid::Uuid) -> String {
        let route = self.0.iter().find(|(known, _)| *known == command).map(|(_, route)| route);
        let (version, endpoint) = route.map_or(("beta", "InvokeCommand"), |route| (&route.version, &route.endpoint));
        format!("/adminapi/{version}/{}/{endpoint}", tenant.hyphenated())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_future_endpoint_is_one_row() {
        let routes = Routes::default().with(Command::SetMailContact, "v2.0", "MailContact");
        assert_eq!(
            routes.path(Command::SetMailContact, uuid::Uuid::nil()),
            "/adminapi/v2.0/00000000-0000-0000-0000-000000000000/MailContact"
        );
        assert_eq!(
            routes.path(Command::SetContact, uuid::Uuid::nil()),
            "/adminapi/beta/00000000-0000-0000-0000-000000000000/InvokeCommand"
        );
    }

    #[test]
    fn getting_is_not_writing() {
        for command in Command::ALL {
            assert_eq!(command.writes(), !command.as_str().starts_with("Get-"));
        }
    }
}
