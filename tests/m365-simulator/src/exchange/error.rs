//! The six forms in which Exchange says no. MICROSOFT.md section 4.3.

use serde_json::{Value, json};

use crate::reply::Reply;

/// A refusal of a cmdlet.
#[derive(Debug, Clone)]
pub(crate) struct ExchangeError {
    pub(crate) status: u16,
    /// The .NET type, with its namespace.
    pub(crate) kind: String,
    pub(crate) text: String,
    pub(crate) form: Form,
    /// What `GET /_sim/stats` counts it as.
    pub(crate) reason: &'static str,
}

/// Which form an error takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Type and text between pipes.
    A,
    /// JSON inside the message.
    B,
    /// Binding errors.
    C,
    /// NUL bytes.
    D,
    /// Plain text.
    E,
    /// Form A inside a proxy's complaint.
    F,
}

impl ExchangeError {
    pub(crate) fn new(reason: &'static str, status: u16, kind: &str, text: impl Into<String>) -> ExchangeError {
        ExchangeError { status, kind: kind.to_owned(), text: text.into(), form: Form::A, reason }
    }

    /// The same error in another form.
    pub(crate) fn in_form(self, form: Form) -> ExchangeError {
        ExchangeError { form, ..self }
    }

    pub(crate) fn not_found(identity: &str) -> ExchangeError {
        ExchangeError::new(
            "not-found",
            404,
            "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException",
            format!(
                "The operation couldn't be performed because object '{identity}' couldn't be found on \
                 'BN8PR01A001DC02.NAMPR01A001.PROD.OUTLOOK.COM'."
            ),
        )
    }

    pub(crate) fn ambiguous(identity: &str) -> ExchangeError {
        ExchangeError::new(
            "ambiguous",
            500,
            "Microsoft.Exchange.Configuration.Tasks.ManagementObjectAmbiguousException",
            format!("There are multiple recipients matching identity \"{identity}\". Please specify a unique value."),
        )
    }

    pub(crate) fn binding(text: impl Into<String>) -> ExchangeError {
        ExchangeError::new("binding", 400, "Microsoft.Exchange.AdminApi.CommandInvocation.ParameterTransformationException", text)
            .in_form(Form::C)
    }

    pub(crate) fn unknown_parameter(name: &str) -> ExchangeError {
        ExchangeError::new(
            "unknown-parameter",
            400,
            "System.Management.Automation.ParameterBindingException",
            format!("A parameter cannot be found that matches parameter name '{name}'."),
        )
        .in_form(Form::C)
    }

    /// 403 of NUL bytes; the reason is in a header alone.
    pub(crate) fn access_denied(reason: &'static str) -> ExchangeError {
        ExchangeError::new(reason, 403, "CmdletAccessDeniedException", "").in_form(Form::D)
    }

    pub(crate) fn too_long(property: &str, limit: usize, length: usize) -> ExchangeError {
        ExchangeError::new(
            "too-long",
            400,
            "Microsoft.Exchange.Data.DataValidationException",
            format!(
                "The length of the property is too long. The maximum length is {limit} and the length of the value \
                 provided is {length}. Property Name: {property}"
            ),
        )
    }

    pub(crate) fn invalid(text: impl Into<String>) -> ExchangeError {
        ExchangeError::new("invalid", 400, "Microsoft.Exchange.Configuration.Tasks.RecipientTaskException", text)
    }

    /// The answer.
    pub(crate) fn reply(&self) -> Reply {
        match self.form {
            Form::A => json_reply(self.status, &self.form_a(&self.piped())),
            Form::B => {
                let inner = json!({"Message": self.text, "TypeName": self.kind, "StackTrace": null, "InnerError": null});
                let mut body = self.form_a(&inner.to_string());
                body["error"]["code"] = json!("BadRequest");
                body["error"]["details"][0]["code"] = json!("Context");
                json_reply(400, &body)
            }
            Form::C => json_reply(self.status, &self.form_c()),
            Form::D => Reply::text(403, "application/json;odata.metadata=minimal;charset=utf-8", vec![0_u8; 336])
                .with("X-ExceptionType", self.kind.clone()),
            Form::E => Reply::text(
                self.status,
                "text/plain; charset=utf-8",
                "You have reached the maximum number of concurrent requests per tenant. Please wait and try again",
            ),
            Form::F => {
                let inner = self.form_a(&self.piped());
                let wrapped = format!(
                    "|Microsoft.Exchange.Configuration.CmdletProxyException|Error on proxy command 'Invoke' to server \
                     BN8PR01MB0001.namprd01.prod.outlook.com: Server version 15.20.8000.0000, Proxy method PSWS: \
                     {}: Error executing cmdlet : {inner} \
                     [Server=BN8PR01MB0001,RequestId=00000000-0000-0000-0000-000000000000,TimeStamp=Thu, 15 Jan 2026 \
                     08:00:00 GMT] .",
                    self.code()
                );
                json_reply(self.status, &self.form_a(&wrapped))
            }
        }
    }

    fn piped(&self) -> String {
        format!("Ex{:06X}|{}|{}", self.kind.len() * 7919 + 0x10_0000, self.kind, self.text)
    }

    fn code(&self) -> &'static str {
        match self.status {
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "NotFound",
            408 => "RequestTimeout",
            409 => "Conflict",
            429 => "TooManyRequests",
            500 => "InternalServerError",
            503 => "ServiceUnavailable",
            504 => "GatewayTimeout",
            _ => "BadRequest",
        }
    }

    fn form_a(&self, details: &str) -> Value {
        let detail_code = if self.status >= 500 { "ServerTransient" } else { "Client" };
        json!({
            "error": {
                "code": self.code(),
                "message": "Error executing cmdlet",
                "details": [{"code": detail_code, "target": "", "message": details}],
                "innererror": {
                    "message": "Error executing cmdlet",
                    "type": "Microsoft.Exchange.Admin.OData.Core.ODataServiceException",
                    "stacktrace": "   at Microsoft.Exchange.Admin.OData.Core.Invoke()",
                    "internalexception": {
                        "message": "Exception of type 'Microsoft.Exchange.Management.PSDirectInvoke.\
                                    DirectInvokeCmdletExecutionException' was thrown.",
                        "type": "Microsoft.Exchange.Management.PSDirectInvoke.DirectInvokeCmdletExecutionException",
                    },
                },
            },
            "adminapi.warnings@odata.type": "#Collection(String)",
            "@adminapi.warnings": [],
        })
    }

    fn form_c(&self) -> Value {
        json!({
            "error": {
                "code": "BadRequest",
                "message": "Invalid Operation",
                "innererror": {
                    "message": "Invalid Operation",
                    "type": "Microsoft.Exchange.Admin.OData.Core.ODataServiceException",
                    "stacktrace": "   at Microsoft.Exchange.AdminApi.CommandInvocation.Bind()",
                    "internalexception": {"message": self.text, "type": self.kind},
                },
            },
            "adminapi.warnings@odata.type": "#Collection(String)",
            "@adminapi.warnings": [],
        })
    }
}

fn json_reply(status: u16, body: &Value) -> Reply {
    Reply::text(
        status,
        "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8",
        body.to_string(),
    )
}
