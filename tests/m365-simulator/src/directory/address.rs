//! SMTP addresses, aliases and accepted domains. MICROSOFT.md section 5.

use serde::{Deserialize, Serialize};

use super::entry::bare;

/// A domain the tenant accepts mail for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AcceptedDomain {
    /// The domain, in the spelling that addresses take on.
    pub domain_name: String,
    /// Who has the mailboxes.
    pub domain_type: DomainType,
    /// Whether new recipients get their address in it.
    pub default: bool,
}

/// Who is responsible for an accepted domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DomainType {
    /// Every address is in this tenant.
    Authoritative,
    /// Unknown addresses are relayed elsewhere.
    InternalRelay,
}

/// Whether this is an SMTP address that Exchange takes.
pub(crate) fn is_valid_smtp(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else {
        return false;
    };
    let forbidden = |character: char| character.is_whitespace() || character.is_control() || "@<>()[],;:\"\\".contains(character);
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|character| character.is_ascii_alphanumeric() || character == '-')
    };
    !local.is_empty()
        && !local.contains(forbidden)
        && local.is_ascii()
        && domain.contains('.')
        && domain.split('.').all(label)
        && address.len() <= 320
}

/// The domain of an address, with or without a type before it.
pub(crate) fn domain_of(address: &str) -> &str {
    bare(address).rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// Exchange re-cases domains: an accepted one to its spelling, any other to a capital first letter.
pub(crate) fn recase(address: &str, accepted: &[AcceptedDomain]) -> String {
    let Some((local, domain)) = address.rsplit_once('@') else {
        return address.to_owned();
    };
    let known = accepted.iter().find(|known| known.domain_name.eq_ignore_ascii_case(domain));
    if let Some(known) = known {
        format!("{local}@{}", known.domain_name)
    } else {
        let mut characters = domain.chars();
        let first = characters.next().map(|first| first.to_ascii_uppercase());
        format!("{local}@{}{}", first.map(String::from).unwrap_or_default(), characters.as_str())
    }
}

/// Whether a character may be in an alias.
fn is_alias_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#%*+-/=?^_~$&'`{}|".contains(character) || ('\u{a1}'..='\u{ff}').contains(&character)
}

/// Whether an alias is one Exchange takes.
pub(crate) fn is_valid_alias(alias: &str) -> bool {
    !alias.is_empty() && alias.split('.').all(|part| !part.is_empty() && part.chars().all(is_alias_character))
}

/// The alias of a contact that was given none: the Name without spaces, unsupported characters turned into `?`.
pub(crate) fn default_alias(name: &str) -> String {
    let characters: Vec<char> = name.chars().filter(|character| !character.is_whitespace()).take(64).collect();
    let mut alias = String::new();
    for (at, character) in characters.iter().copied().enumerate() {
        let between = at > 0 && at + 1 < characters.len() && characters.get(at - 1) != Some(&'.');
        let fits = is_alias_character(character) || (character == '.' && between);
        alias.push(if fits { character } else { '?' });
    }
    alias
}
