//! What is read of Exchange, property by property (MICROSOFT.md 3.3), and how a row becomes the port's.

use engine::ports::{AcceptedDomain, Detail, DetailRow, DomainType, DynamicGroup, ExchangeRow};
use gal::reading::ExchangeHalf;
use gal::{Field, Values};
use jiff::Timestamp;

use super::command::Command;
use super::row::Row;

/// `Get-Recipient`'s properties besides the fields.
const RECIPIENT: &str = "Guid,Name,ExternalDirectoryObjectId,RecipientTypeDetails,EmailAddresses,PrimarySmtpAddress,ExternalEmailAddress,\
                         HiddenFromAddressListsEnabled,IsDirSynced,Manager,WhenChangedUTC,WhenCreatedUTC";

/// The fields that `Get-Recipient` shows: the filterable ones.
fn in_recipient(field: Field) -> bool {
    matches!(
        field,
        Field::DisplayName
            | Field::FirstName
            | Field::LastName
            | Field::Title
            | Field::Company
            | Field::Department
            | Field::Office
            | Field::Phone
            | Field::City
            | Field::StateOrProvince
            | Field::PostalCode
            | Field::CountryOrRegion
            | Field::Notes
    ) || (Field::CustomAttribute1..=Field::CustomAttribute15).contains(&field)
        || (Field::ExtensionCustomAttribute1..=Field::ExtensionCustomAttribute5).contains(&field)
}

/// The fields that `Get-User` and `Get-Contact` show: those `Set-Contact` writes, less the manager, who is no text.
fn in_person(field: Field) -> bool {
    field.row().cmdlet == gal::field::Cmdlet::SetContact && field != Field::Manager
}

/// The cmdlet of a detail.
pub(super) fn command(detail: Detail) -> Command {
    match detail {
        Detail::User => Command::GetUser,
        Detail::Contact => Command::GetContact,
        Detail::MailContact => Command::GetMailContact,
        Detail::Mailbox => Command::GetMailbox,
        Detail::DistributionGroup => Command::GetDistributionGroup,
        Detail::UnifiedGroup => Command::GetUnifiedGroup,
        Detail::DynamicGroup => Command::GetDynamicDistributionGroup,
    }
}

/// The fields a detail shows.
fn fields(detail: Detail) -> Vec<Field> {
    match detail {
        Detail::User | Detail::Contact => Field::all().filter(|field| in_person(*field)).collect(),
        Detail::MailContact | Detail::Mailbox | Detail::DistributionGroup | Detail::UnifiedGroup | Detail::DynamicGroup => {
            vec![Field::MailTip]
        }
    }
}

/// `$select` of `Get-Recipient`.
pub(super) fn recipient_select() -> String {
    selected(RECIPIENT, Field::all().filter(|field| in_recipient(*field)))
}

/// `$select` of a detail.
pub(super) fn detail_select(detail: Detail) -> String {
    let fixed = match detail {
        Detail::User => "Guid,Manager,LegacyExchangeDN",
        Detail::Contact => "Guid,Manager",
        Detail::MailContact | Detail::Mailbox | Detail::DistributionGroup | Detail::UnifiedGroup | Detail::DynamicGroup => {
            "Guid,LegacyExchangeDN,RequireSenderAuthenticationEnabled"
        }
    };
    selected(fixed, fields(detail).into_iter())
}

fn selected(fixed: &str, fields: impl Iterator<Item = Field>) -> String {
    fields.fold(fixed.to_owned(), |list, field| format!("{list},{}", field.property()))
}

/// A row of `Get-Recipient`; none without a Guid, which everything else hangs on.
pub(super) fn recipient(row: &Row) -> Option<ExchangeRow> {
    let values: Values = Field::all().filter(|field| in_recipient(*field)).filter_map(|field| Some((field, row.value(field)?))).collect();
    let half = ExchangeHalf {
        guid: row.guid("Guid")?,
        name: row.text("Name").unwrap_or_default(),
        type_details: row.text("RecipientTypeDetails").unwrap_or_default(),
        values,
        email_addresses: row.list("EmailAddresses"),
        primary_smtp_address: row.text("PrimarySmtpAddress"),
        external_email_address: row.text("ExternalEmailAddress"),
        hidden: row.flag("HiddenFromAddressListsEnabled").unwrap_or(false),
        directory_synced: row.flag("IsDirSynced").unwrap_or(false),
        manager_name: row.text("Manager"),
        legacy_exchange_dn: None,
        authenticated_senders_only: false,
        detailed: false,
        // A row without a date would be read again every time, which is safe.
        when_changed: row.moment("WhenChangedUTC").unwrap_or(Timestamp::UNIX_EPOCH),
        when_created: row.moment("WhenCreatedUTC").unwrap_or(Timestamp::UNIX_EPOCH),
    };
    Some(ExchangeRow { anchor: row.anchor(), half })
}

/// A row of a detail cmdlet.
pub(super) fn detail(detail: Detail, row: &Row) -> Option<DetailRow> {
    let manager_name = match detail {
        Detail::User | Detail::Contact => Some(row.text("Manager").unwrap_or_default()),
        Detail::MailContact | Detail::Mailbox | Detail::DistributionGroup | Detail::UnifiedGroup | Detail::DynamicGroup => None,
    };
    Some(DetailRow {
        guid: row.guid("Guid")?,
        values: fields(detail).into_iter().map(|field| (field, row.value(field))).collect(),
        legacy_exchange_dn: row.text("LegacyExchangeDN"),
        authenticated_senders_only: row.flag("RequireSenderAuthenticationEnabled"),
        manager_name,
    })
}

/// A row of `Get-AcceptedDomain`.
pub(super) fn accepted_domain(row: &Row) -> Option<AcceptedDomain> {
    let domain = row.text("DomainName").or_else(|| row.text("Name"))?.to_lowercase();
    let domain_type = match row.text("DomainType").as_deref() {
        Some(kind) if kind.eq_ignore_ascii_case("Authoritative") => DomainType::Authoritative,
        Some(_) | None => DomainType::Relay,
    };
    Some(AcceptedDomain { domain, domain_type })
}

/// A row of `Get-DynamicDistributionGroup`.
pub(super) fn dynamic_group(row: &Row) -> Option<DynamicGroup> {
    let name = row.text("DisplayName").or_else(|| row.text("Name"))?;
    Some(DynamicGroup { name, filter: row.text("RecipientFilter").unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_sample_of_the_contract_is_read() {
        let row = Row::new(json!({
            "ExternalEmailAddress": "SMTP:ann@a.example", "Alias": "ann.a", "CustomAttribute1": "", "CustomAttribute15": "stamp",
            "ExtensionCustomAttribute1@odata.type": "#Collection(String)", "ExtensionCustomAttribute1": ["b", "a"],
            "DisplayName": "Ann A", "EmailAddresses": ["SMTP:ann@a.example", "X500:/o=ExchangeLabs/x"],
            "ExternalDirectoryObjectId": "44444444-4444-4444-4444-444444444444", "HiddenFromAddressListsEnabled": false, "IsDirSynced": false,
            "PrimarySmtpAddress": "ann@a.example", "RecipientTypeDetails": "MailContact", "Name": "ann@a.example", "Manager": null,
            "WhenChangedUTC": "2024-04-10T08:56:22.0000000Z", "WhenCreatedUTC": "2024-04-09T08:56:22.0000000Z",
            "Guid": "33333333-3333-3333-3333-333333333333"
        }))
        .unwrap();
        let read = recipient(&row).unwrap();
        assert_eq!(read.anchor.unwrap().to_string(), "44444444-4444-4444-4444-444444444444");
        assert_eq!(read.half.values.get(Field::CustomAttribute1), None);
        assert_eq!(read.half.values.get(Field::CustomAttribute15), Some("stamp"));
        assert_eq!(read.half.values.get(Field::ExtensionCustomAttribute1), Some("b\na"));
        assert_eq!(read.half.email_addresses, ["SMTP:ann@a.example", "X500:/o=ExchangeLabs/x"]);
        assert_eq!(read.half.when_changed, "2024-04-10T08:56:22Z".parse().unwrap());
        assert!(!read.half.detailed && read.half.manager_name.is_none());
    }

    #[test]
    fn details_show_blank_as_none() {
        let row = Row::new(json!({"Guid": "33333333-3333-3333-3333-333333333333", "MobilePhone": "", "Fax": "1", "OtherFax": [], "Manager": "", "LegacyExchangeDN": "/o=x"})).unwrap();
        let read = detail(Detail::User, &row).unwrap();
        assert!(read.values.contains(&(Field::MobilePhone, None)) && read.values.contains(&(Field::Fax, Some("1".into()))));
        assert!(read.values.contains(&(Field::OtherFax, None)));
        assert_eq!(
            (read.manager_name.as_deref(), read.legacy_exchange_dn.as_deref(), read.authenticated_senders_only),
            (Some(""), Some("/o=x"), None)
        );
        let read = detail(Detail::MailContact, &row).unwrap();
        assert_eq!((read.manager_name, read.values), (None, vec![(Field::MailTip, None)]));
    }

    #[test]
    fn every_field_is_read_somewhere() {
        for field in Field::all().filter(|field| !matches!(field, Field::Manager | Field::ExternalEmailAddress)) {
            assert!(in_recipient(field) || in_person(field) || field == Field::MailTip, "{field}");
        }
        assert!(!recipient_select().contains("LegacyExchangeDN"), "Get-Recipient does not show it");
        assert!(detail_select(Detail::Contact).contains("StreetAddress"));
    }

    #[test]
    fn domains_are_lower_case() {
        let row = |kind: &str| Row::new(json!({"DomainName": "Contoso.Example", "DomainType": kind})).unwrap();
        assert_eq!(
            accepted_domain(&row("Authoritative")),
            Some(AcceptedDomain { domain: "contoso.example".into(), domain_type: DomainType::Authoritative })
        );
        assert_eq!(accepted_domain(&row("InternalRelay")).unwrap().domain_type, DomainType::Relay);
        assert_eq!(accepted_domain(&row("New")).unwrap().domain_type, DomainType::Relay);
    }
}
