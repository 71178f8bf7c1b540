//! Gives an object new values, with every check the service makes. MICROSOFT.md sections 3.3 and 5.

use jiff::Timestamp;
use serde_json::Value;

use super::error::{ExchangeError, Form};
use super::identity::resolve_any;
use super::parameters::{ListChange, list_change, scalar_text};
use super::property::Lens;
use crate::directory::address::{AcceptedDomain, DomainType, domain_of, is_valid_alias, is_valid_smtp, recase};
use crate::directory::attribute::{List, Text, utf16_length};
use crate::directory::country;
use crate::directory::entry::{Entry, bare, is_smtp};

/// Most values of an `ExtensionCustomAttribute`.
const EXTENSION_VALUES: usize = 1300;
/// Most characters of a MailTip that are shown.
const MAIL_TIP: usize = 175;

/// What assigning values needs to know of the tenant.
#[derive(Clone, Copy)]
pub(crate) struct Assign<'a> {
    pub(crate) lens: Lens<'a>,
    pub(crate) accepted: &'a [AcceptedDomain],
    pub(crate) as_of: Timestamp,
}

impl Assign<'_> {
    /// Sets one property from its parameter. Parameters that change nothing of the object are passed over.
    pub(crate) fn set(&self, entry: &mut Entry, name: &str, value: &Value) -> Result<(), ExchangeError> {
        match name {
            "Name" => {
                let text = scalar_text(value);
                required(name, &text)?;
                within(name, &text, 64)?;
                entry.name = text;
            }
            "Alias" => {
                let text = scalar_text(value);
                within(name, &text, 64)?;
                if !is_valid_alias(&text) {
                    return Err(ExchangeError::new(
                        "invalid",
                        400,
                        "Microsoft.Exchange.Data.DataValidationException",
                        format!("The value \"{text}\" of property Alias contains characters that aren't valid."),
                    ));
                }
                entry.alias = text;
            }
            "HiddenFromAddressListsEnabled" => {
                entry.hidden = value.as_bool().unwrap_or(entry.hidden);
            }
            "RequireSenderAuthenticationEnabled" => {
                entry.require_authentication = value.as_bool().unwrap_or(entry.require_authentication);
            }
            "ModerationEnabled" => {
                entry.moderation_enabled = value.as_bool().unwrap_or(entry.moderation_enabled);
            }
            "UsePreferMessageFormat" => {
                entry.prefer_message_format = value.as_bool().unwrap_or(entry.prefer_message_format);
            }
            "Manager" => {
                entry.manager = match value {
                    Value::Null => None,
                    other => Some(resolve_any(self.lens, &scalar_text(other), self.as_of)?.anchor),
                };
            }
            "EmailAddresses" => self.set_addresses(entry, &list_change(value))?,
            "ExternalEmailAddress" => self.set_external(entry, &scalar_text(value))?,
            "PrimarySmtpAddress" => {
                let address = self.smtp(&scalar_text(value))?;
                entry.set_primary(&address, true);
            }
            "WindowsEmailAddress" => {
                let address = self.smtp(&scalar_text(value))?;
                entry.set_primary(&address, true);
                entry.windows_address = address;
            }
            "MailTip" => {
                let tip = mail_tip(&scalar_text(value))?;
                entry.set_text(Text::MailTip, &tip);
            }
            "CountryOrRegion" => {
                let text = scalar_text(value);
                let name = if text.is_empty() { Some("") } else { country::friendly(&text) };
                let name = name.ok_or_else(|| {
                    ExchangeError::binding(format!(
                        "Cannot process argument transformation on parameter 'CountryOrRegion'. Cannot convert value \
                         \"{text}\" to type \"Microsoft.Exchange.Data.Directory.CountryInfo\"."
                    ))
                })?;
                entry.set_text(Text::CountryOrRegion, name);
            }
            _ => {
                if let Some(text) = Text::parse(name) {
                    set_text(entry, text, &scalar_text(value))?;
                } else if let Some(list) = List::parse(name) {
                    set_list(entry, list, list_change(value))?;
                }
            }
        }
        Ok(())
    }

    fn smtp(&self, address: &str) -> Result<String, ExchangeError> {
        let address = address.strip_prefix("SMTP:").or_else(|| address.strip_prefix("smtp:")).unwrap_or(address);
        if !is_valid_smtp(address) {
            return Err(ExchangeError::invalid(format!("The address '{address}' isn't a valid SMTP address.")));
        }
        Ok(recase(address, self.accepted))
    }

    /// The old address is not kept. MICROSOFT.md section 5.
    fn set_external(&self, entry: &mut Entry, given: &str) -> Result<(), ExchangeError> {
        if given.contains(':') && !is_smtp(given) || !is_valid_smtp(bare(given)) {
            return Err(ExchangeError::invalid(format!(
                "The external e-mail address {given} is not an SMTP e-mail address. You can only use SMTP addresses as \
                 the external e-mail address."
            )));
        }
        let address = recase(bare(given), self.accepted);
        let domain = domain_of(&address);
        let ours = self
            .accepted
            .iter()
            .any(|known| known.domain_type == DomainType::Authoritative && known.domain_name.eq_ignore_ascii_case(domain));
        let unchanged = entry.external.as_deref().is_some_and(|known| bare(known).eq_ignore_ascii_case(&address));
        if ours && !unchanged {
            return Err(ExchangeError::invalid(format!(
                "The external e-mail address \"SMTP:{address}\" is in the accepted domain \"{domain}\" of this \
                 organization, which is authoritative. You can't use it as an external e-mail address."
            )));
        }
        let old = entry.external.take();
        if let Some(old) = old {
            entry.addresses.retain(|known| !is_smtp(known) || !bare(known).eq_ignore_ascii_case(bare(&old)));
        }
        entry.set_primary(&address, false);
        entry.windows_address.clone_from(&address);
        entry.external = Some(format!("SMTP:{address}"));
        Ok(())
    }

    fn set_addresses(&self, entry: &mut Entry, change: &ListChange) -> Result<(), ExchangeError> {
        let mut addresses = match change {
            ListChange::Replace(given) => self.proxies(given)?,
            ListChange::Edit { add, remove } => {
                let gone = |known: &String| {
                    remove.iter().any(|one| known.eq_ignore_ascii_case(one) || is_smtp(known) && bare(known).eq_ignore_ascii_case(one))
                };
                let mut kept: Vec<String> = entry.addresses.iter().filter(|known| !gone(known)).cloned().collect();
                for added in self.proxies(add)? {
                    if added.starts_with("SMTP:") {
                        for known in &mut kept {
                            if let Some(old) = known.strip_prefix("SMTP:") {
                                *known = format!("smtp:{old}");
                            }
                        }
                    }
                    if let Some(known) = kept.iter_mut().find(|known| known.eq_ignore_ascii_case(&added)) {
                        *known = added;
                    } else {
                        kept.push(added);
                    }
                }
                kept
            }
        };
        if addresses.iter().filter(|one| one.starts_with("SMTP:")).count() > 1 {
            return Err(ExchangeError::invalid("There are multiple primary SMTP addresses in the proxy addresses."));
        }
        if !addresses.iter().any(|one| one.starts_with("SMTP:")) {
            // A recipient keeps a primary address: the external one, or the one it had.
            let fallback = entry.external.as_deref().map_or_else(|| entry.primary(), bare).to_owned();
            addresses.retain(|one| !(is_smtp(one) && bare(one).eq_ignore_ascii_case(&fallback)));
            if !fallback.is_empty() {
                addresses.insert(0, format!("SMTP:{fallback}"));
            }
        }
        entry.addresses = addresses;
        let primary = entry.primary().to_owned();
        entry.windows_address = primary;
        Ok(())
    }

    /// Proxy addresses with their type; only SMTP ones are checked.
    fn proxies(&self, given: &[String]) -> Result<Vec<String>, ExchangeError> {
        let mut proxies: Vec<String> = Vec::new();
        for one in given {
            let proxy = match one.split_once(':') {
                None => format!("smtp:{}", self.smtp(one)?),
                Some((kind, address)) if kind.eq_ignore_ascii_case("smtp") => {
                    let kind = if kind == "SMTP" { "SMTP" } else { "smtp" };
                    format!("{kind}:{}", self.smtp(address)?)
                }
                Some((kind, address)) if kind.eq_ignore_ascii_case("x500") => {
                    format!("X500:{address}")
                }
                Some(_) => one.clone(),
            };
            if !proxies.iter().any(|known| known.eq_ignore_ascii_case(&proxy)) {
                proxies.push(proxy);
            }
        }
        Ok(proxies)
    }

    /// Name and proxies must be nobody else's, deleted users included.
    pub(crate) fn check_unique(&self, entry: &Entry, other_form: bool) -> Result<(), ExchangeError> {
        let directory = self.lens.directory;
        if directory.by_name(&entry.name).is_some_and(|holder| holder != entry.anchor) {
            let dn = self.lens.distinguished_name(entry);
            let kind = "Microsoft.Exchange.Data.Directory.ADObjectAlreadyExistsException";
            let error = if other_form {
                let text = format!("The name \"{}\" is already being used. Please try another name.", entry.name);
                ExchangeError::new("name-exists", 400, kind, text)
            } else {
                let text = format!("The object '{dn}' already exists.");
                ExchangeError::new("name-exists", 400, kind, text).in_form(Form::B)
            };
            return Err(error);
        }
        for proxy in entry.addresses.iter().chain(&entry.external) {
            let Some(holder) = directory.holder(proxy).filter(|holder| *holder != entry.anchor) else {
                continue;
            };
            let holder_entry = directory.get(holder);
            if holder_entry.is_some_and(|holder| !holder.is_live()) {
                return Err(ExchangeError::new(
                    "proxy-of-deleted",
                    400,
                    "Microsoft.Exchange.Configuration.DualWrite.LocStrings.UnableToWriteToAadException",
                    "An Azure Active Directory call was made to keep object in sync between Azure Active Directory \
                     and Exchange Online. However, it failed. Detailed error message: Another object with the same \
                     value for property proxyAddresses already exists. RequestId : \
                     00000000-0000-0000-0000-000000000000",
                ));
            }
            let name = holder_entry.map(|holder| format!("{}/{}", self.lens.organisation, holder.name));
            return Err(ExchangeError::new(
                "proxy-exists",
                400,
                "Microsoft.Exchange.Data.Directory.ProxyAddressExistsException",
                format!(
                    "The proxy address \"{proxy}\" is already being used by the proxy addresses or LegacyExchangeDN of \
                     \"{}\". Please choose another proxy address.",
                    name.unwrap_or_default()
                ),
            ));
        }
        Ok(())
    }
}

fn required(name: &str, text: &str) -> Result<(), ExchangeError> {
    if text.trim().is_empty() {
        return Err(ExchangeError::new(
            "invalid",
            400,
            "Microsoft.Exchange.Data.DataValidationException",
            format!("The property {name} can't be empty."),
        ));
    }
    Ok(())
}

/// Length in UTF-16 code units.
fn within(name: &str, text: &str, limit: usize) -> Result<(), ExchangeError> {
    let length = utf16_length(text);
    if length > limit { Err(ExchangeError::too_long(name, limit, length)) } else { Ok(()) }
}

fn set_text(entry: &mut Entry, which: Text, text: &str) -> Result<(), ExchangeError> {
    if which == Text::DisplayName {
        required(which.name(), text)?;
    }
    within(which.name(), text, which.limit())?;
    let mut stored = text;
    if let Some(choices) = which.choices()
        && !text.is_empty()
    {
        stored = choices.iter().find(|choice| choice.eq_ignore_ascii_case(text)).copied().ok_or_else(|| {
            ExchangeError::binding(format!(
                "Cannot process argument transformation on parameter '{}'. Cannot convert value \"{text}\". The \
                 possible enumeration values are \"{}\".",
                which.name(),
                choices.join(", ")
            ))
        })?;
    }
    entry.set_text(which, stored);
    Ok(())
}

fn set_list(entry: &mut Entry, which: List, change: ListChange) -> Result<(), ExchangeError> {
    let values = match change {
        ListChange::Replace(values) => values,
        ListChange::Edit { add, remove } => {
            let mut values: Vec<String> = entry.list(which).to_vec();
            values.retain(|known| !remove.iter().any(|gone| gone.eq_ignore_ascii_case(known)));
            for added in add {
                if !values.iter().any(|known| known.eq_ignore_ascii_case(&added)) {
                    values.push(added);
                }
            }
            values
        }
    };
    if which.name().starts_with("Extension") && values.len() > EXTENSION_VALUES {
        return Err(ExchangeError::too_long(which.name(), EXTENSION_VALUES, values.len()));
    }
    entry.set_list(which, values);
    Ok(())
}

/// Wraps a MailTip as the service stores it; one that comes wrapped is not wrapped again.
fn mail_tip(given: &str) -> Result<String, ExchangeError> {
    let shown = given.strip_prefix("<html><body>").and_then(|rest| rest.strip_suffix("</body></html>")).unwrap_or(given);
    if shown.is_empty() {
        return Ok(String::new());
    }
    within("MailTip", shown, MAIL_TIP)?;
    Ok(format!("<html><body>{shown}</body></html>"))
}
