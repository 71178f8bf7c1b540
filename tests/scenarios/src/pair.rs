//! The profile of a pair for one sync: records are mail contacts, peers, `peer_deletions` on, grace 0,
//! the guard off unless the scenario sets it.

use std::fmt::Write as _;

use gal::{Field, Side};

use crate::applies::{conflict_word, limits, writable};
use crate::format::{Rules, truthy};
use crate::lexicon::{Address, Lexicon, TENANTS};
use crate::model::Standing;

/// What stands in the profile after the tenants.
pub(crate) fn profile(rules: &Rules, standing: &Standing, lexicon: &Lexicon, first: bool) -> String {
    text(&conflict_word(rules, standing, first), &limits(rules, standing), rules, standing, lexicon)
}

/// The profile under which the base is linked: no limits, no policy.
pub(crate) fn profile_of_base(rules: &Rules, standing: &Standing, lexicon: &Lexicon) -> String {
    text("hold", &limits(&Rules::default(), standing), rules, standing, lexicon)
}

fn text(conflicts: &str, guard: &str, rules: &Rules, standing: &Standing, lexicon: &Lexicon) -> String {
    let direction = match writable(rules) {
        None => "two-way",
        Some(Side::B) => "a-to-b",
        Some(Side::A) => "b-to-a",
    };
    let [a, b] = TENANTS;
    let mut text = format!("[[pairs]]\na = \"{a}\"\nb = \"{b}\"\ndirection = \"{direction}\"\nconflicts = {}\n", quoted(conflicts));
    let _ = writeln!(text, "peer_deletions = {}\ndeletion_grace_days = 0\nguard = {guard}", direction == "two-way");
    for (side, table) in [(Side::A, "a_to_b"), (Side::B, "b_to_a")] {
        if writable(rules) == Some(side) {
            continue;
        }
        let excluded: Vec<String> = excluded(rules, standing, lexicon, side)
            .iter()
            .map(|address| format!("{{ field = \"address\", equals = {} }}", quoted(address)))
            .collect();
        let _ = writeln!(text, "[pairs.{table}.scope]\nkinds = [\"contact\"]\nexclude = [{}]", excluded.join(", "));
        let _ = writeln!(text, "[pairs.{table}.mapping]");
        for field in lexicon.attributes().into_iter().filter(|field| *field != Field::DisplayName) {
            let _ = writeln!(text, "{} = true", field.row().key);
        }
    }
    text
}

/// Addresses of a side that are no sources: out of the scenario's scope, or not managed there.
fn excluded(rules: &Rules, standing: &Standing, lexicon: &Lexicon, side: Side) -> Vec<Address> {
    let mut addresses: Vec<Address> = rules.exclude_keys.iter().flatten().map(|key| lexicon.address(key)).collect();
    if rules.managed_only.as_ref().is_some_and(truthy) {
        let unmanaged = standing
            .sides
            .get(side)
            .iter()
            .filter(|(_, person)| person.record.meta.get("_managed").is_some_and(|managed| !truthy(managed)));
        addresses.extend(unmanaged.map(|(address, _)| address.clone()));
    }
    addresses
}

/// A TOML string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(letter);
            }
            letter if letter.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// The profile compiled, as both levels read it; why it is refused.
pub(crate) fn compile(rest: &str) -> Result<profile::Profile, String> {
    let [a, b] = TENANTS;
    let mut text = "client = \"scenarios\"\n".to_owned();
    for (name, digit) in [(a, '1'), (b, '2')] {
        let id = [8, 4, 4, 4, 12].map(|length| digit.to_string().repeat(length)).join("-");
        let _ = writeln!(text, "[tenants.{name}]\nid = \"{id}\"\napp_id = \"{id}\"");
    }
    text.push_str(rest);
    let loader = |path: &str| Err(std::io::Error::other(format!("a scenario has no file {path}")));
    match profile::Profile::parse("scenario.toml", &text, &loader) {
        Ok((profile, _)) => Ok(profile),
        Err(errors) => Err(errors.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_policy_is_refused_by_the_profile() {
        let with = |conflicts: &str| format!("[[pairs]]\na = \"sidea\"\nb = \"sideb\"\nconflicts = {}\n", quoted(conflicts));
        assert!(compile(&with("hold")).is_ok());
        assert!(compile(&with("yolo")).is_err());
    }
}
