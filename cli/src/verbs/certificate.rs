//! `certificate new` and `certificate show`.

use std::path::{Path, PathBuf};

use credentials::{Credential, CredentialFile, VALIDITY_DAYS};
use engine::act::{PublicPart, Wish};
use jiff::Timestamp;
use serde_json::json;

use crate::arguments::Global;
use crate::error::{CliError, Exit};
use crate::session::{Loaded, Time};
use crate::show::moment;
use crate::stack::Stack;
use crate::wiring::Environment;

/// Makes a key and a certificate.
pub(crate) async fn new(
    environment: &Environment,
    global: &Global,
    tenant: Option<&str>,
    out: Option<PathBuf>,
    days: Option<u32>,
) -> Result<Exit, CliError> {
    if let Some(stack) = &global.stack {
        if days.is_some() {
            return Err(CliError::wrong(format!(
                "with --stack a certificate is valid for {VALIDITY_DAYS} days, and rolled long before; --days is for a file"
            )));
        }
        let tenant = tenant.filter(|_| out.is_none());
        let tenant =
            tenant.ok_or_else(|| CliError::wrong("with --stack a certificate is made inside AWS: name its --tenant, and no file"))?;
        let part = Stack::find(stack).await?.certificate(tenant, Wish::Certificate).await?;
        return public_part(environment, stack, &part);
    }
    // Without a tenant no profile is needed: the first certificate may come before it.
    let (name, file, app) = match (tenant, out) {
        (Some(name), out) => {
            let loaded = Loaded::read(global)?;
            let tenant = loaded.profile.tenants.get(name).ok_or_else(|| {
                let known: Vec<&str> = loaded.profile.tenants.keys().map(String::as_str).collect();
                CliError::wrong(format!("the profile has no tenant {name}; it has: {}", known.join(", ")))
            })?;
            (
                format!("galbridge {} {name}", loaded.profile.client),
                out.unwrap_or_else(|| loaded.credential_file(tenant)),
                Some(tenant.app_id),
            )
        }
        (None, Some(out)) => ("galbridge".to_owned(), out, None),
        (None, None) => return Err(CliError::wrong("name the tenant with --tenant, or the file with --out")),
    };
    // A disk may take letters of both cases for the same.
    if public_files(&file).iter().any(|public| public.as_os_str().eq_ignore_ascii_case(&file)) {
        return Err(CliError::wrong(format!("{}: the public part would get this name; name the private file NAME.pem", file.display())));
    }
    let credential = make(&name, Time::of(environment, global).await?.clock.now(), days.unwrap_or(VALIDITY_DAYS), &file)?;
    let (der, pem) = write_public(&credential, &file)?;
    let document = json!({
        "private": file, "certificate": der, "certificate_pem": pem,
        "thumbprint_sha1": credential.thumbprint_sha1_hex(), "thumbprint_sha256_base64url": credential.thumbprint_sha256_base64url(),
        "not_before": credential.not_before(), "not_after": credential.not_after(), "subject": credential.subject(),
    });
    environment.screen.answer(&document, |paint| {
        let whose = app.map_or_else(|| "of the application".to_owned(), |app| format!("of the application {app}"));
        format!(
            "{}\n  key and certificate   {} (only you can read it; keep it so)\n  for upload            {}\n                        {}\n  thumbprint SHA-1      {}\n  thumbprint SHA-256    {} (base64url)\n  valid until           {} UTC\n\nNext: upload {} in the Entra admin center, App registrations, Certificates & secrets\n{whose}; then `galbridge check`.",
            paint.bold(credential.subject()),
            file.display(),
            der.display(),
            pem.display(),
            credential.thumbprint_sha1_hex(),
            credential.thumbprint_sha256_base64url(),
            moment(credential.not_after()),
            der.display(),
        )
    })?;
    Ok(Exit::InStep)
}

/// Makes another first certificate inside AWS, where the present one cannot be used.
pub(crate) async fn another(environment: &Environment, global: &Global, tenant: Option<&str>, yes: bool) -> Result<Exit, CliError> {
    let (Some(stack), Some(tenant)) = (&global.stack, tenant) else {
        return Err(CliError::wrong("--replace is for the certificate of a --stack, of one --tenant; a file is another --out"));
    };
    if !yes {
        let lost = format!(
            "Tenant {tenant} of the stack {stack}: its present certificate is not used any more, and nothing works until the new one is uploaded to the application"
        );
        if !environment.screen.asks {
            return Err(CliError::held(format!("{lost}. Nothing was made; say --yes where nobody can be asked")));
        }
        environment.screen.say(&lost)?;
        if !environment.screen.ask("Make another?")? {
            return Ok(Exit::Held);
        }
    }
    let part = Stack::find(stack).await?.certificate(tenant, Wish::Replace).await?;
    public_part(environment, stack, &part)
}

/// Rolls a certificate of a stack now.
pub(crate) async fn rotate(environment: &Environment, global: &Global, tenant: &str) -> Result<Exit, CliError> {
    let stack = global.stack.as_ref().ok_or_else(|| {
        CliError::wrong("certificates that are files are not rolled: make a new one with `certificate new`; rotation is for a --stack")
    })?;
    let part = Stack::find(stack).await?.certificate(tenant, Wish::Rotate).await?;
    environment.screen.answer(&part, |paint| {
        format!(
            "{}  rolled: galbridge added it to the application, signed in with it, and uses it from now on\n  thumbprint SHA-1  {}\n  valid until       {} UTC",
            paint.bold(&format!("Tenant {} of the stack {stack}", part.tenant)),
            part.thumbprint,
            moment(part.not_after),
        )
    })?;
    Ok(Exit::InStep)
}

/// Shows the public part of a certificate that was made in AWS.
fn public_part(environment: &Environment, stack: &str, part: &PublicPart) -> Result<Exit, CliError> {
    environment.screen.answer(part, |paint| {
        let made = if part.made { "made now, inside AWS; its key stays there" } else { "the current one" };
        format!(
            "{}  {made}\n  thumbprint SHA-1  {}\n  valid until       {} UTC\n\n{}\nThe first certificate is uploaded in the Entra admin center, App registrations, Certificates & secrets; those after it\ngalbridge adds by itself. Then, when the profile is pushed: galbridge --stack {stack} check",
            paint.bold(&format!("Tenant {} of the stack {stack}", part.tenant)),
            part.thumbprint,
            moment(part.not_after),
            part.pem,
        )
    })?;
    Ok(Exit::InStep)
}

/// Makes a credential in a new private file.
pub(crate) fn make(name: &str, from: Timestamp, days: u32, file: &Path) -> Result<Credential, CliError> {
    let credential = Credential::generate(name, from, days)?;
    CredentialFile::new(file).store_new(&credential)?;
    Ok(credential)
}

/// Where the public certificate is written, as DER and as PEM.
fn public_files(file: &Path) -> [PathBuf; 2] {
    ["cer", "public.pem"].map(|ending| file.with_extension(ending))
}

/// Writes the public certificate beside the private file, as DER and as PEM.
fn write_public(credential: &Credential, file: &Path) -> Result<(PathBuf, PathBuf), CliError> {
    let [der, pem] = public_files(file);
    std::fs::write(&der, credential.certificate_der()).map_err(|error| CliError::file(&der, "written", &error))?;
    std::fs::write(&pem, credential.public_certificate_pem()?).map_err(|error| CliError::file(&pem, "written", &error))?;
    Ok((der, pem))
}

/// Shows the certificates of all tenants.
pub(crate) async fn show(environment: &Environment, global: &Global) -> Result<Exit, CliError> {
    if global.stack.is_some() {
        return Err(CliError::wrong(
            "with --stack: `certificate new --tenant TENANT` shows the current certificate too, and `status` when each ends",
        ));
    }
    let loaded = Loaded::read(global)?;
    let now = Time::of(environment, global).await?.clock.now();
    let mut exit = Exit::InStep;
    let mut documents = Vec::new();
    let mut text = Vec::new();
    for tenant in loaded.profile.tenants.values() {
        match loaded.credential(environment, tenant) {
            Ok(credential) => {
                let expiry = credential.expiry(now);
                if !expiry.is_usable() {
                    exit = Exit::Failed;
                }
                documents.push(json!({
                    "tenant": tenant.name, "file": loaded.credential_file(tenant), "subject": credential.subject(), "key_bits": credential.key_bits(),
                    "thumbprint_sha1": credential.thumbprint_sha1_hex(), "thumbprint_sha256_base64url": credential.thumbprint_sha256_base64url(),
                    "not_before": credential.not_before(), "not_after": credential.not_after(), "expiry": expiry.to_string(),
                }));
                text.push(format!(
                    "{}  {}, RSA {}\n  SHA-1    {}\n  SHA-256  {} (base64url)\n  {} until {} UTC: {expiry}",
                    tenant.name,
                    credential.subject(),
                    credential.key_bits(),
                    credential.thumbprint_sha1_hex(),
                    credential.thumbprint_sha256_base64url(),
                    moment(credential.not_before()),
                    moment(credential.not_after()),
                ));
            }
            Err(error) => {
                exit = error.exit;
                documents.push(json!({"tenant": tenant.name, "error": error.message}));
                text.push(error.message);
            }
        }
    }
    environment.screen.answer(&documents, |_| text.join("\n"))?;
    Ok(exit)
}
