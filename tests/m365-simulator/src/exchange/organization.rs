//! Readings about the organisation itself: Get-AcceptedDomain and Get-OrganizationConfig.

use serde_json::{Map, Value, json};

use super::error::ExchangeError;
use super::invoke::Invocation;
use crate::clock::exchange_time;
use crate::directory::address::DomainType;
use crate::tenant::TenantState;

/// The rows of either cmdlet.
pub(crate) fn rows(call: &Invocation<'_>, state: &TenantState) -> Result<Vec<Value>, ExchangeError> {
    let rows = match call.bound.cmdlet {
        "Get-AcceptedDomain" => accepted_domains(call, state)?,
        _ => vec![organization_config(call)],
    };
    Ok(rows.into_iter().map(|row| selected(row, call.select.as_deref())).collect())
}

fn accepted_domains(call: &Invocation<'_>, state: &TenantState) -> Result<Vec<Value>, ExchangeError> {
    let wanted = call.bound.text("Identity");
    let rows: Vec<Value> = state
        .accepted_domains
        .iter()
        .filter(|domain| wanted.as_deref().is_none_or(|wanted| domain.domain_name.eq_ignore_ascii_case(wanted)))
        .map(|domain| {
            let name = &domain.domain_name;
            json!({
                "Identity": name, "Id": name, "Name": name, "DomainName": name,
                "DomainType": match domain.domain_type {
                    DomainType::Authoritative => "Authoritative",
                    DomainType::InternalRelay => "InternalRelay",
                },
                "Default": domain.default,
                "InitialDomain": name.ends_with(".onmicrosoft.com"),
                "MatchSubDomains": false, "AddressBookEnabled": true, "EmailOnly": false,
                "ExternallyManaged": false, "AuthenticationType": "Managed", "IsValid": true,
                "CatchAllRecipientID": null, "FederatedOrganizationLink": null,
                "Guid@data.type": "System.Guid", "Guid@odata.type": "#Guid",
                "Guid": uuid::Uuid::from_u128(name.bytes().fold(1, |sum: u128, byte| {
                    sum.wrapping_mul(1_099_511_628_211).wrapping_add(u128::from(byte))
                })),
                "WhenChangedUTC@data.type": "System.DateTime",
                "WhenChangedUTC": exchange_time(call.inner.config.start, true),
            })
        })
        .collect();
    match wanted {
        Some(wanted) if rows.is_empty() => Err(ExchangeError::not_found(&wanted)),
        _ => Ok(rows),
    }
}

fn organization_config(call: &Invocation<'_>) -> Value {
    let info = &call.tenant.info;
    json!({
        "Identity": info.initial_domain, "Id": info.initial_domain, "Name": info.initial_domain,
        "DisplayName": info.name, "Guid@data.type": "System.Guid", "Guid@odata.type": "#Guid", "Guid": info.id,
        "ExternalDirectoryOrganizationId": info.id, "IsDehydrated": false, "IsValid": true,
        "AdminDisplayVersion": "0.20 (15.20.8000.22)", "OrganizationId": info.initial_domain,
        "LegacyExchangeDN": "/o=ExchangeLabs", "RequiredCharsetCoverage": 0,
        "WhenCreatedUTC@data.type": "System.DateTime",
        "WhenCreatedUTC": exchange_time(call.inner.config.start, true),
    })
}

fn selected(row: Value, select: Option<&[String]>) -> Value {
    let (Some(select), Value::Object(row)) = (select, &row) else {
        return row;
    };
    let kept: Map<String, Value> = row
        .iter()
        .filter(|(key, _)| {
            let name = key.split('@').next().unwrap_or(key);
            select.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
        })
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Value::Object(kept)
}
