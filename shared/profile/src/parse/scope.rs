//! `[pairs.a_to_b.scope]`

use std::ops::Range;

use gal::scope::{AuthenticatedSenders, ExcludeRule, Name, RoutingAddress, Scope, ScopeSettings, Test};
use gal::setting::Setting;
use gal::{Anchor, Kind};

use super::marks;
use crate::error::ProfileError;
use crate::keys;
use crate::reader::{Reader, Table, Text, closest};

/// Where the settings stand that the core may refuse.
#[derive(Default)]
struct Places {
    exclude: Vec<Range<usize>>,
    include: Vec<Range<usize>>,
    marks: Vec<Range<usize>>,
    when: Range<usize>,
    routing: Range<usize>,
}

/// Reads a scope; without a table it is the default. `marks` are those of the profile and the pair.
pub(super) fn read(reader: &Reader<'_>, table: Option<&Table<'_, '_>>, marks: &[marks::Placed]) -> ScopeSettings {
    let mut places = Places { marks: marks.iter().map(|(_, at)| at.clone()).collect(), ..Places::default() };
    let mut settings = table.map(|table| settings(table, &mut places)).unwrap_or_default();
    settings.foreign_marks = marks.iter().map(|(mark, _)| mark.clone()).collect();
    for problem in Scope::problems(&settings) {
        let at = match problem.setting() {
            Setting::Exclude(position) => places.exclude.get(position).cloned(),
            Setting::Include(position) => places.include.get(position).cloned(),
            Setting::ForeignMark(position) => places.marks.get(position).cloned(),
            Setting::When => Some(places.when.clone()),
            Setting::RoutingAddress => Some(places.routing.clone()),
            Setting::Mapping(_) => None,
        };
        reader.error(at.unwrap_or_default(), ProfileError::Setting(problem));
    }
    settings
}

fn settings(table: &Table<'_, '_>, places: &mut Places) -> ScopeSettings {
    let default = ScopeSettings::default();
    let when = table.text("when");
    places.when = table.at("when");
    places.routing = table.at("routing_address");
    let include = table.texts("include");
    places.include = include.iter().map(|text| text.at.clone()).collect();
    let senders = [("skip", AuthenticatedSenders::Skip), ("publish", AuthenticatedSenders::Publish)];
    ScopeSettings {
        kinds: if table.has("kinds") { kinds(table) } else { default.kinds },
        include_groups: groups(table),
        exclude: exclude(table, places),
        when: when.map(|text| text.value.to_owned()),
        include_onmicrosoft: table.flag("include_onmicrosoft").unwrap_or(default.include_onmicrosoft),
        routing: match table.text("routing_address").map(|text| text.value) {
            None | Some("primary") => RoutingAddress::Primary,
            Some(domain) => RoutingAddress::Domain(domain.to_lowercase()),
        },
        foreign_marks: Vec::new(),
        include: include.iter().map(|text| gal::normalise::address(text.value)).collect(),
        authenticated_senders: table.word("authenticated_senders", &senders).unwrap_or_default(),
    }
}

/// The kinds, in the core's order: the order in the file means nothing.
fn kinds(table: &Table<'_, '_>) -> Vec<Kind> {
    let words = Kind::NAMED.map(|(kind, word)| (word, kind));
    let texts = table.texts("kinds");
    if table.has_empty_list("kinds") {
        table.reader.impossible(table.at("kinds"), "kinds", "names no kind: nobody would be published; choose a `direction` instead");
    }
    let mut kinds: Vec<Kind> = texts.iter().filter_map(|text| table.reader.word("kinds", text, &words)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn groups(table: &Table<'_, '_>) -> Vec<Anchor> {
    let mut groups: Vec<Anchor> =
        table.texts("include_groups").iter().filter_map(|text| table.reader.guid("include_groups", text)).map(Anchor).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

fn exclude(table: &Table<'_, '_>, places: &mut Places) -> Vec<ExcludeRule> {
    let mut rules = Vec::new();
    for rule in table.tables("exclude", "an exclude rule", keys::EXCLUDE) {
        let field = rule.required("field").and_then(|text| name(&rule, &text));
        let test = test(&rule, field);
        if let (Some(field), Some((test, at))) = (field, test) {
            rules.push(ExcludeRule { field, test });
            places.exclude.push(at);
        }
    }
    rules
}

fn name(rule: &Table<'_, '_>, text: &Text<'_>) -> Option<Name> {
    let name = Name::from_key(text.value);
    if name.is_none() {
        let suggestion = closest(text.value, Name::keys());
        let words = vec!["address", "kind", "name", "hidden", "enabled", "directory_synced", "the keys of the mapping"];
        let error = ProfileError::UnknownWord { key: "field".to_owned(), word: text.value.to_owned(), words, suggestion };
        rule.reader.error(text.at.clone(), error);
    }
    name
}

/// The one question of a rule, and where it stands.
fn test(rule: &Table<'_, '_>, field: Option<Name>) -> Option<(Test, Range<usize>)> {
    let asked: Vec<&str> = keys::EXCLUDE.iter().copied().filter(|key| *key != "field" && rule.has(key)).collect();
    let [key] = asked.as_slice() else {
        rule.reader.impossible(rule.at.clone(), "exclude", "must ask exactly one of equals, matches, in, domain of its field; a whole domain: { field = \"address\", domain = \"contoso.com\" }");
        return None;
    };
    let value = rule.get(key)?;
    let owned = |texts: Vec<Text<'_>>| -> Vec<String> { texts.iter().map(|text| text.value.to_owned()).collect() };
    let test = match *key {
        "equals" => match (value.get_ref().as_bool(), field) {
            // True and false are written as such.
            (Some(flag), Some(Name::Hidden | Name::Enabled | Name::DirectorySynced) | None) => Test::Equals(flag.to_string()),
            (None, Some(Name::Hidden | Name::Enabled | Name::DirectorySynced)) => {
                rule.reader.wrong_type("equals", "true or false", value);
                return None;
            }
            (Some(_), Some(Name::Field(_) | Name::Name | Name::Kind)) | (None, _) => Test::Equals(rule.text(key)?.value.to_owned()),
        },
        "matches" => Test::Matches(rule.text(key)?.value.to_owned()),
        "in" => Test::In(owned(rule.texts(key))),
        _ => Test::Domain(match value.get_ref().as_str() {
            Some(domain) => vec![domain.to_owned()],
            None => owned(rule.texts(key)),
        }),
    };
    if matches!(&test, Test::Matches(pattern) if pattern.is_empty()) {
        rule.reader.impossible(value.span(), key, "is empty: it would match everybody");
    }
    if matches!(&test, Test::In(list) | Test::Domain(list) if list.is_empty()) {
        rule.reader.impossible(value.span(), key, "is an empty list: it would match nobody");
    }
    if let (Some(Name::Kind), Test::Equals(word)) = (field, &test) {
        kind_word(rule, word, value.span());
    }
    Some((test, value.span()))
}

/// A kind in a rule must be one, or the rule would never match and nobody would see it.
fn kind_word(rule: &Table<'_, '_>, word: &str, at: Range<usize>) {
    let words = Kind::NAMED.map(|(kind, word)| (word, kind));
    let _known = rule.reader.word("equals", &Text { value: word, at }, &words);
}
