//! The errors of the token endpoint, whole (MICROSOFT.md 1.4). Decided by code, never by the text;
//! 700027 alone has two meanings that only its reason tells apart.

use serde::Deserialize;

use crate::hosts::Cloud;

/// What is wrong, in our words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// 700027: the certificate is not registered on the application, or not yet everywhere.
    CertificateUnknown,
    /// 700027: the certificate is registered, but has expired.
    CertificateExpired,
    /// 700024: the clocks differ too much.
    Clock,
    /// 7000215: the application was asked for a secret.
    SecretWrong,
    /// 7000222: its secrets have expired.
    SecretExpired,
    /// 700016 and 7000229: the tenant does not know the application.
    AppUnknown,
    /// 90002: no such tenant, or it is in another cloud.
    TenantUnknown,
    /// 900023: the tenant id is none.
    TenantMalformed,
    /// 70011: we asked for a wrong scope.
    ScopeWrong,
    /// 500011: the tenant does not have the resource.
    ResourceUnknown,
    /// The certificate or the assertion is refused.
    CertificateRefused,
    /// 53000 and its family: Conditional Access.
    Blocked,
    /// 50034: cannot occur without a user.
    UserUnknown,
    /// Anything else.
    Other,
}

/// One row: codes, and what they mean.
struct Row(&'static [u32], Trouble);

static TABLE: &[Row] = &[
    Row(&[700_027], Trouble::CertificateUnknown),
    Row(&[700_024], Trouble::Clock),
    Row(&[7_000_215], Trouble::SecretWrong),
    Row(&[7_000_222], Trouble::SecretExpired),
    Row(&[700_016, 7_000_229], Trouble::AppUnknown),
    Row(&[90_002], Trouble::TenantUnknown),
    Row(&[900_023], Trouble::TenantMalformed),
    Row(&[70_011], Trouble::ScopeWrong),
    Row(&[500_011], Trouble::ResourceUnknown),
    Row(&[7_000_214, 1_000_502, 7_000_274, 7_000_277, 50_012, 50_013, 50_027], Trouble::CertificateRefused),
    Row(&[53_000, 53_001, 53_002, 53_003, 53_004, 530_003, 530_032], Trouble::Blocked),
    Row(&[50_034], Trouble::UserUnknown),
];

/// An answer of the token endpoint that is no token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EntraError {
    /// What is wrong.
    pub(super) trouble: Trouble,
    /// The AADSTS code, 0 if there was none.
    pub(super) code: u32,
    /// OAuth's `error`.
    pub(super) word: String,
    /// Entra's trace id, for Microsoft's support.
    pub(super) trace: String,
    /// Entra's own time, `2026-01-09 02:02:12Z`.
    pub(super) timestamp: String,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
    #[serde(default)]
    error_codes: Vec<u32>,
    #[serde(default)]
    trace_id: String,
    #[serde(default)]
    timestamp: String,
}

impl EntraError {
    /// Reads an error body; none if it is not one.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let body: Body = serde_json::from_slice(body).ok()?;
        let code = body.error_codes.first().copied().or_else(|| code_in(&body.error_description)).unwrap_or(0);
        if code == 0 && body.error.is_empty() {
            return None;
        }
        let trouble = trouble(code, &body.error_description);
        let limited = |text: String| text.chars().filter(|letter| !letter.is_control()).take(80).collect();
        Some(Self { trouble, code, word: limited(body.error), trace: limited(body.trace_id), timestamp: limited(body.timestamp) })
    }

    /// The same, where the certificate is known to have expired: Entra says of some only that it does not know them.
    pub(super) fn of_an_expired_certificate(self) -> Self {
        match self.trouble {
            Trouble::CertificateUnknown | Trouble::CertificateRefused => Self { trouble: Trouble::CertificateExpired, ..self },
            Trouble::CertificateExpired
            | Trouble::Clock
            | Trouble::SecretWrong
            | Trouble::SecretExpired
            | Trouble::AppUnknown
            | Trouble::TenantUnknown
            | Trouble::TenantMalformed
            | Trouble::ScopeWrong
            | Trouble::ResourceUnknown
            | Trouble::Blocked
            | Trouble::UserUnknown
            | Trouble::Other => self,
        }
    }

    /// A short stable word for the trouble.
    pub(super) fn name(&self) -> &'static str {
        match self.trouble {
            Trouble::CertificateUnknown => "certificate-not-registered",
            Trouble::CertificateExpired => "certificate-expired",
            Trouble::Clock => "clock",
            Trouble::SecretWrong => "secret-wrong",
            Trouble::SecretExpired => "secret-expired",
            Trouble::AppUnknown => "app-not-in-tenant",
            Trouble::TenantUnknown => "tenant-not-found",
            Trouble::TenantMalformed => "tenant-malformed",
            Trouble::ScopeWrong => "scope",
            Trouble::ResourceUnknown => "resource-not-in-tenant",
            Trouble::CertificateRefused => "certificate-refused",
            Trouble::Blocked => "conditional-access",
            Trouble::UserUnknown => "user-not-found",
            Trouble::Other => "entra",
        }
    }

    /// What is wrong and what to do. The tenant is said by the caller.
    pub(super) fn advice(&self, context: &Context<'_>) -> String {
        let Context { app, thumbprint, resource, cloud } = context;
        let what = match self.trouble {
            Trouble::CertificateUnknown => format!(
                "the certificate {thumbprint} (SHA-256, base64url) is not registered on the application {app}; upload it under \
                 Certificates & secrets of the app registration. If that was done a few minutes ago, wait and try again"
            ),
            Trouble::CertificateExpired => {
                format!(
                    "the certificate {thumbprint} of the application {app} has expired; make a new one (`galbridge certificate new`), upload it under Certificates & secrets of the app registration, and use it here"
                )
            }
            Trouble::Clock => "this machine's clock and Microsoft's differ too much; set the clock of this machine".to_owned(),
            Trouble::SecretWrong | Trouble::SecretExpired => {
                format!("the application {app} was asked for a client secret, but galbridge signs with a certificate; check the app id")
            }
            Trouble::AppUnknown => format!(
                "the application {app} is not known in this tenant; check app_id, or let an administrator of the tenant consent to the application"
            ),
            Trouble::TenantUnknown => match cloud {
                Some(cloud) => format!(
                    "there is no such tenant in the cloud `{cloud}`; check the tenant's id, and its `cloud` in the profile (one of {})",
                    Cloud::ALL.map(Cloud::key).join(", ")
                ),
                None => "there is no such tenant at these hosts; check the tenant's id".to_owned(),
            },
            Trouble::TenantMalformed => "the tenant's id is neither an id nor a domain; check it in the profile".to_owned(),
            Trouble::ScopeWrong => {
                format!("the scope of {resource} was not taken; this is a defect of galbridge or of the configured hosts")
            }
            Trouble::ResourceUnknown => format!(
                "the tenant does not have the service {resource}; for Exchange it needs a licence that includes Exchange Online. Also check its `cloud`"
            ),
            Trouble::CertificateRefused => format!(
                "the certificate {thumbprint} or what it signed was refused; check that it is valid now, allowed by the tenant's \
                 application policies, and not revoked"
            ),
            Trouble::Blocked => format!(
                "a Conditional Access policy for workload identities blocks the application {app}; exclude it, or allow the place it runs at"
            ),
            Trouble::UserUnknown => format!("the sign-in of the application {app} was taken for a user's; this is a defect, report it"),
            Trouble::Other => format!("the token request of the application {app} was refused ({})", self.word),
        };
        format!("{what} (AADSTS{}, trace {})", self.code, self.trace)
    }
}

/// What the advice speaks of.
pub(super) struct Context<'a> {
    pub(super) app: uuid::Uuid,
    pub(super) thumbprint: &'a str,
    pub(super) resource: &'a str,
    pub(super) cloud: Option<Cloud>,
}

fn trouble(code: u32, description: &str) -> Trouble {
    let found = TABLE.iter().find(|row| row.0.contains(&code)).map_or(Trouble::Other, |row| row.1);
    match found {
        Trouble::CertificateUnknown if description.to_ascii_lowercase().contains("key used is expired") => Trouble::CertificateExpired,
        other => other,
    }
}

fn code_in(description: &str) -> Option<u32> {
    let (_, rest) = description.split_once("AADSTS")?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(code: u32, text: &str) -> EntraError {
        let body = serde_json::json!({"error": "invalid_client", "error_description": format!("AADSTS{code}: {text}"), "error_codes": [code], "trace_id": "t"});
        EntraError::parse(body.to_string().as_bytes()).unwrap()
    }

    /// Once a person was told to upload a certificate that had expired.
    #[test]
    fn an_expired_certificate_is_not_to_be_uploaded() {
        let unknown = parsed(700_027, "[Reason - The key was not found., Thumbprint");
        assert_eq!(unknown.of_an_expired_certificate().name(), "certificate-expired");
        assert_eq!(parsed(90_002, "Tenant 'x' not found.").of_an_expired_certificate().name(), "tenant-not-found");
    }

    #[test]
    fn every_code_has_its_trouble_and_its_advice() {
        let rows = [
            (700_027, "[Reason - The key was not found., Thumbprint", "certificate-not-registered"),
            (700_027, "[Reason - The key used is expired., Found key", "certificate-expired"),
            (700_024, "Client assertion is not within its valid time range.", "clock"),
            (7_000_215, "Invalid client secret provided.", "secret-wrong"),
            (7_000_222, "The provided client secret keys are expired.", "secret-expired"),
            (700_016, "Application with identifier", "app-not-in-tenant"),
            (7_000_229, "missing service principal", "app-not-in-tenant"),
            (90_002, "Tenant 'x' not found.", "tenant-not-found"),
            (900_023, "Specified tenant identifier", "tenant-malformed"),
            (70_011, "scope", "scope"),
            (500_011, "The resource principal", "resource-not-in-tenant"),
            (7_000_214, "", "certificate-refused"),
            (1_000_502, "", "certificate-refused"),
            (7_000_274, "", "certificate-refused"),
            (7_000_277, "", "certificate-refused"),
            (50_012, "", "certificate-refused"),
            (50_013, "", "certificate-refused"),
            (50_027, "", "certificate-refused"),
            (53_003, "", "conditional-access"),
            (530_003, "", "conditional-access"),
            (50_034, "", "user-not-found"),
            (50_059, "", "entra"),
        ];
        let context =
            Context { app: uuid::Uuid::nil(), thumbprint: "THUMB", resource: "https://graph.microsoft.com", cloud: Some(Cloud::Global) };
        for (code, text, name) in rows {
            let error = parsed(code, text);
            assert_eq!(error.name(), name, "{code}");
            assert!(error.advice(&context).ends_with(&format!("(AADSTS{code}, trace t)")));
        }
    }

    #[test]
    fn the_wrong_cloud_is_suggested() {
        let context = Context { app: uuid::Uuid::nil(), thumbprint: "", resource: "", cloud: Some(Cloud::GccHigh) };
        let advice = parsed(90_002, "Tenant not found").advice(&context);
        assert!(advice.contains("`gcc-high`") && advice.contains("global, gcc-high, dod, china"), "{advice}");
    }

    #[test]
    fn the_code_is_found_in_the_text_if_need_be() {
        let body = br#"{"error":"invalid_request","error_description":"AADSTS90002: Tenant 'x' not found."}"#;
        assert_eq!(EntraError::parse(body).unwrap().trouble, Trouble::TenantUnknown);
        for other in [&b"{}"[..], b"", b"[]", b"<html>", br#"{"error":5}"#] {
            assert_eq!(EntraError::parse(other), None);
        }
    }
}
