//! The table of MICROSOFT.md 4.3, from the wire to the ports' errors: one row, one case, for reading and for writing.

use engine::ports::{ContactChange, ContactWriter as _, DirectoryReader as _, ReadError, RecipientQuery, TenantError, WriteError};
use gal::Field;
use microsoft365::Response;
use serde_json::json;

use crate::script::{Script, form_a, guid, json_reply, reply, with_header};

fn tenant_error(error: &TenantError) -> String {
    match error {
        TenantError::Configuration { code, message } => {
            assert!(message.starts_with("tenant contoso (11111111-1111-1111-1111-111111111111): "), "{message}");
            code.clone()
        }
        TenantError::Transient { .. } => "transient".into(),
        TenantError::Protocol { .. } => "protocol".into(),
    }
}

fn written(error: &WriteError) -> String {
    match error {
        WriteError::NotFound => "not-found".into(),
        WriteError::AddressInUse { .. } => "address-in-use".into(),
        WriteError::X500Refused { .. } => "x500-refused".into(),
        WriteError::NameInUse => "name-in-use".into(),
        WriteError::Unknown { .. } => "unknown".into(),
        WriteError::DirectorySynced => "directory-synced".into(),
        WriteError::CreationQuota => "creation-quota".into(),
        WriteError::Refused { .. } => "refused".into(),
        WriteError::Tenant(error) => tenant_error(error),
    }
}

fn read(error: &ReadError) -> String {
    match error {
        ReadError::CursorExpired => "cursor-expired".into(),
        ReadError::PageExpired => "page-expired".into(),
        ReadError::GroupGone(_) => "group-gone".into(),
        ReadError::Tenant(error) => tenant_error(error),
    }
}

fn form_b(kind: &str, text: &str) -> Response {
    let inner = json!({"Message": text, "TypeName": kind, "StackTrace": null}).to_string();
    json_reply(
        400,
        &json!({"error": {"code": "BadRequest", "message": "Error executing cmdlet", "details": [{"code": "Context", "message": inner}]}}),
    )
}

fn form_c(kind: &str, text: &str) -> Response {
    json_reply(
        400,
        &json!({"error": {"code": "BadRequest", "message": "Invalid Operation", "innererror": {"internalexception": {"type": kind, "message": text}}}}),
    )
}

fn form_f(kind: &str, text: &str) -> Response {
    let inner = json!({"error": {"details": [{"message": format!("Ex1|{kind}|{text}")}]}});
    form_a(
        500,
        "Microsoft.Exchange.Configuration.CmdletProxyException",
        &format!("Error on proxy command 'X' to server Y: Error executing cmdlet : {inner} [Server=Y] ."),
    )
}

/// Answer; what a change makes of it; what a reading makes of it.
fn table() -> Vec<(&'static str, Response, &'static str, &'static str)> {
    let tasks = "Microsoft.Exchange.Configuration.Tasks.RecipientTaskException";
    let proxy = "The proxy address \"SMTP:x@y\" is already being used by the proxy addresses or LegacyExchangeDN of \"z\". Please choose another proxy address.";
    let dual = "X.DualWrite.LocStrings.UnableToWriteToAadException";
    let role = "[FailureCategory=AuthZ-CmdletAccessDeniedException] The role assigned to application x isn't supported in this scenario.";
    vec![
        ("not found, A", form_a(404, "M.ManagementObjectNotFoundException", "couldn't be found on 'DC'"), "not-found", "empty"),
        (
            "not found, F",
            form_f("Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException", "couldn't be found on 'DC'"),
            "not-found",
            "empty",
        ),
        ("proxy in use", form_a(400, "M.ProxyAddressExistsException", proxy), "address-in-use", "protocol"),
        (
            "proxy in use, X500",
            form_a(400, "M.ProxyAddressExistsException", &proxy.replace("SMTP:x@y", "X500:/o=x")),
            "x500-refused",
            "protocol",
        ),
        (
            "name exists, B",
            form_b("Microsoft.Exchange.Data.Directory.ADObjectAlreadyExistsException", "The object 'CN=x' already exists."),
            "name-in-use",
            "protocol",
        ),
        ("name exists, A", form_a(400, tasks, "The name \"x\" is already being used. Please try another name."), "name-in-use", "protocol"),
        (
            "ambiguous",
            form_a(500, tasks, "There are multiple recipients matching identity \"x\". Please specify a unique value."),
            "refused",
            "protocol",
        ),
        (
            "dir-synced",
            form_a(400, "System.InvalidOperationException", "… the object is being synchronized from your on-premises organization. …"),
            "directory-synced",
            "protocol",
        ),
        ("bad address", form_a(400, tasks, "The external e-mail address x is not an SMTP e-mail address."), "refused", "protocol"),
        (
            "dual write, conflict",
            form_b(dual, "Another object with the same value for property proxyAddresses already exists."),
            "address-in-use",
            "protocol",
        ),
        ("dual write, other", form_b(dual, "However, it failed."), "unknown", "transient"),
        ("no id returned", form_a(400, tasks, "ExternalDirectoryObjectId was not returned"), "unknown", "transient"),
        (
            "quota",
            form_a(400, "M.RecipientUsageExceededRecentQuotaException", "You've reached the maximum number"),
            "creation-quota",
            "protocol",
        ),
        ("role, 403", form_a(403, "System.UnauthorizedAccessException", role), "exchange-role", "exchange-role"),
        (
            "role, D",
            with_header(reply(403, vec![0; 985]), "x-exceptiontype", "CmdletAccessDeniedException"),
            "exchange-role",
            "exchange-role",
        ),
        (
            "parameter",
            form_c(
                "System.Management.Automation.ParameterBindingException",
                "A parameter cannot be found that matches parameter name 'X'.",
            ),
            "exchange-parameter",
            "exchange-parameter",
        ),
        (
            "binding, C",
            form_c("Microsoft.Exchange.AdminApi.CommandInvocation.ParameterTransformationException", "Cannot convert"),
            "refused",
            "protocol",
        ),
        (
            "sets, C",
            form_c("Microsoft.Exchange.AdminApi.CommandInvocation.AmbiguousParameterSetException", "Parameter set cannot be resolved"),
            "refused",
            "protocol",
        ),
        ("dehydrated", form_a(400, "M.InvalidOperationInDehydratedContextException", ""), "exchange-dehydrated", "exchange-dehydrated"),
        ("throttled", reply(429, ""), "transient", "transient"),
        (
            "crowded, E",
            reply(503, "You have reached the maximum number of concurrent requests per tenant. Please wait and try again"),
            "transient",
            "transient",
        ),
        ("transient type", form_a(400, "Microsoft.Exchange.Data.Directory.SuitabilityDirectoryException", ""), "unknown", "transient"),
        ("transient text", form_a(400, "X", "This issue may be transient."), "unknown", "transient"),
        ("transient status", reply(504, ""), "unknown", "transient"),
        ("token", reply(401, ""), "exchange-unauthorized", "exchange-unauthorized"),
        ("not the service", reply(404, "<html>"), "protocol", "protocol"),
        ("wrong method", reply(405, ""), "protocol", "protocol"),
    ]
}

#[tokio::test(start_paused = true)]
async fn one_row_one_case() {
    for (name, answer, expected_written, expected_read) in table() {
        let always = || (0..40).map(|_| answer.clone()).collect::<Vec<_>>();
        let change = ContactChange { values: vec![(Field::Title, Some("x".into()))], ..ContactChange::default() };
        let outcome = Script::answering(always()).tenant().change(guid(), &change).await.unwrap_err();
        assert_eq!(written(&outcome), expected_written, "{name}: {outcome:?}");
        let outcome = Script::answering(always()).tenant().recipients(&RecipientQuery::Guid(guid()), None).await;
        let shown = match &outcome {
            Ok(page) if page.rows.is_empty() => "empty".to_owned(),
            Ok(page) => panic!("{page:?}"),
            Err(error) => read(error),
        };
        assert_eq!(shown, expected_read, "{name}: {outcome:?}");
    }
}

/// No message for the tenant as a whole holds what Exchange said of one recipient.
#[tokio::test(start_paused = true)]
async fn errors_of_the_tenant_hold_no_address() {
    let answers =
        [form_a(400, "X.Strange", "bad filter for ann@a.example"), form_a(500, "X", "ann@a.example failed"), reply(418, "ann@a.example")];
    for answer in answers {
        let script = Script::answering((0..8).map(|_| answer.clone()));
        let error = script.tenant().recipients(&RecipientQuery::Guid(guid()), None).await.unwrap_err();
        assert!(!error.to_string().contains("ann@"), "{error}");
    }
}
