//! The JSON Schema of a profile, for editors and for people who generate profiles.
//!
//! It says what a schema can say: keys, types, words, ranges. What it cannot (known tenants, two
//! pairs alike, templates, expressions) only [`crate::Profile::parse`] says.

use gal::policy::GuardLimits;
use gal::scope::Name;
use gal::{Field, Kind};
use serde_json::{Map, Value, json};

use crate::model::Cloud;

/// A JSON Schema (draft 2020-12) of the file, as TOML is read into JSON.
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "galbridge profile",
        "description": "The configuration of one client: tenants, pairs, scope, mapping, guard.",
        "type": "object",
        "additionalProperties": false,
        "required": ["client", "tenants"],
        "properties": {
            "client": described(&identifier(40), "The company this installation is deployed for."),
            "installation": described(&identifier(64), "The id of the installation, as in stamps. Default: the client."),
            "foreign_marks": foreign_marks(),
            "tenants": {
                "type": "object", "minProperties": 1, "additionalProperties": false,
                "patternProperties": { "^[a-z0-9]{1,24}$": { "$ref": "#/$defs/tenant" } },
            },
            "pairs": list_of("pair"),
            "static_contacts": list_of("static_contacts"),
            "mailbox_lists": list_of("mailbox_list"),
        },
        "$defs": definitions(),
    })
}

fn limit(of: &str, default: &Value, description: &str) -> Value {
    json!({ "allOf": [reference(of)], "default": default, "description": description })
}

fn definitions() -> Value {
    let limits = GuardLimits::default();
    json!({
        "guid": { "type": "string", "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$" },
        "address": { "type": "string", "pattern": "^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$" },
        "tenant_name": { "type": "string", "pattern": "^[a-z0-9]{1,24}$" },
        "share": { "type": "number", "minimum": 0, "maximum": 1 },
        "count": { "type": "integer", "minimum": 0, "maximum": 1_000_000 },
        "tenant": tenant(),
        "hosts": object(&["login", "graph", "exchange"], json!({ "login": url(), "graph": url(), "exchange": url() })),
        "pair": pair(),
        "guard": object(&[], json!({
            "max_deletions": limit("count", &json!(limits.max_deletions), "Deletions (hidden for deletion, or given back) into a side in 24 hours."),
            "max_deletion_share": limit("share", &json!(limits.max_deletion_share), "The same as a share of the contacts linked 24 hours ago."),
            "max_creations": limit("count", &json!(limits.max_creations), "Creations into a side in 24 hours."),
            "max_source_shrink": limit("share", &json!(limits.max_source_shrink), "By which share the source in scope may shrink in 24 hours."),
            "max_update_share": limit("share", &json!(limits.max_update_share), "Which share of the contacts may change at once."),
        })),
        "direction": object(&[], json!({
            "scope": reference("scope"),
            "mapping": reference("mapping"),
            "carry_x500": { "type": "boolean" },
            "guests": words(&["skip", "adopt-guest"]),
            "internal_relay": words(&["skip", "publish"]),
        })),
        "scope": scope(),
        "exclude": exclude(),
        "foreign_mark": object(&["attribute", "matches"], json!({
            "attribute": { "type": "string" }, "matches": { "type": "string", "minLength": 1 },
        })),
        "mapping": mapping(),
        "static_contacts": static_contacts(),
        "static_contact": static_contact(),
        "mailbox_list": object(&["tenant", "folder", "sources", "mailboxes"], json!({
            "tenant": reference("tenant_name"),
            "folder": { "type": "string", "minLength": 1, "maxLength": 255 },
            "sources": { "type": "array", "minItems": 1, "uniqueItems": true, "items": reference("tenant_name") },
            "mailboxes": reference("mailboxes"),
            "photos": { "type": "boolean", "default": false },
        })),
        "mailboxes": one_of(&["all", "group", "addresses"], object(&[], json!({
            "all": { "const": true },
            "group": reference("guid"),
            "addresses": { "type": "array", "minItems": 1, "items": reference("address") },
        }))),
    })
}

fn tenant() -> Value {
    let attributes: Vec<&str> = (1..=15).filter_map(Field::custom_attribute).map(Field::property).collect();
    object(
        &["id", "app_id"],
        json!({
            "id": reference("guid"),
            "app_id": reference("guid"),
            "app_object_id": reference("guid"),
            "cloud": with_default(&words(&Cloud::NAMED.map(|(word, _)| word)), "global"),
            "hosts": reference("hosts"),
            "stamp_attribute": with_default(&words(&attributes), "CustomAttribute15"),
            "certificate": { "type": "string", "minLength": 1 },
        }),
    )
}

fn pair() -> Value {
    object(
        &["a", "b"],
        json!({
            "a": reference("tenant_name"),
            "b": reference("tenant_name"),
            "direction": with_default(&words(&["two-way", "a-to-b", "b-to-a"]), "two-way"),
            "conflicts": with_default(&words(&["hold", "newest", "a", "b"]), "hold"),
            "guard": reference("guard"),
            "peer_deletions": { "type": "boolean", "default": false },
            "deletion_grace_days": { "type": "integer", "minimum": 0, "maximum": 365, "default": 30 },
            "carry_x500": { "type": "boolean", "default": true },
            "guests": with_default(&words(&["skip", "adopt-guest"]), "skip"),
            "internal_relay": with_default(&words(&["skip", "publish"]), "skip"),
            "foreign_marks": foreign_marks(),
            "a_to_b": reference("direction"),
            "b_to_a": reference("direction"),
        }),
    )
}

fn scope() -> Value {
    object(
        &[],
        json!({
            "kinds": { "type": "array", "minItems": 1, "items": words(&Kind::NAMED.map(|(_, word)| word)) },
            "include_groups": { "type": "array", "items": reference("guid") },
            "exclude": list_of("exclude"),
            "when": { "type": "string", "description": "A minijinja expression that is true for those who are published." },
            "include_onmicrosoft": { "type": "boolean", "default": false },
            "routing_address": { "type": "string", "default": "primary", "description": "\"primary\" or a domain." },
            "include": { "type": "array", "items": reference("address") },
            "authenticated_senders": with_default(&words(&["skip", "publish"]), "skip"),
        }),
    )
}

fn exclude() -> Value {
    let names: Vec<&str> = Name::keys().collect();
    let texts = json!({ "type": "array", "minItems": 1, "items": { "type": "string" } });
    let rule = object(
        &["field"],
        json!({
            "field": words(&names),
            "equals": { "type": ["string", "boolean"] },
            "matches": { "type": "string", "minLength": 1 },
            "in": texts,
            "domain": { "anyOf": [{ "type": "string" }, texts] },
        }),
    );
    one_of(&["equals", "matches", "in", "domain"], rule)
}

fn mapping() -> Value {
    let template = json!({ "description": "true: published, false: not, or a minijinja template", "type": ["boolean", "string"] });
    let properties = Field::all().map(|field| {
        let say = if field == Field::ExternalEmailAddress {
            json!({ "const": true })
        } else if field == Field::Manager {
            json!({ "type": "boolean" })
        } else {
            template.clone()
        };
        (field.row().key.to_owned(), say)
    });
    object(&[], Value::Object(properties.collect()))
}

fn static_contacts() -> Value {
    let list = object(
        &[],
        json!({
            "include": { "type": "string", "description": "A file with [[contacts]], relative to the profile." },
            "contacts": list_of("static_contact"),
            "tenants": { "type": "array", "minItems": 1, "uniqueItems": true, "items": reference("tenant_name") },
        }),
    );
    one_of(&["include", "contacts"], list)
}

fn static_contact() -> Value {
    let fields = Field::all().filter(|field| *field != Field::Manager).map(|field| {
        let text = if field == Field::ExternalEmailAddress { reference("address") } else { json!({ "type": "string" }) };
        (field.row().key.to_owned(), text)
    });
    let mut properties: Map<String, Value> = fields.collect();
    properties.insert("key".to_owned(), json!({ "type": "string", "pattern": "^[!-~]{1,64}$" }));
    object(&["key", "address", "display_name"], Value::Object(properties))
}

fn foreign_marks() -> Value {
    described(&list_of("foreign_mark"), "What other tools wrote: neither source nor adopted.")
}

fn object(required: &[&str], properties: Value) -> Value {
    let mut object = json!({ "type": "object", "additionalProperties": false, "required": required });
    if let Value::Object(object) = &mut object {
        object.insert("properties".to_owned(), properties);
    }
    object
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn list_of(name: &str) -> Value {
    json!({ "type": "array", "items": reference(name) })
}

fn words(words: &[&str]) -> Value {
    json!({ "type": "string", "enum": words })
}

fn url() -> Value {
    json!({ "type": "string", "pattern": "^(https://|http://(localhost|127\\.|\\[::1\\]))" })
}

fn identifier(longest: usize) -> Value {
    json!({ "type": "string", "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", "maxLength": longest })
}

fn described(schema: &Value, description: &str) -> Value {
    with(schema, "description", description)
}

fn with_default(schema: &Value, default: &str) -> Value {
    with(schema, "default", default)
}

fn with(schema: &Value, key: &str, value: &str) -> Value {
    let mut schema = schema.clone();
    if let Value::Object(object) = &mut schema {
        object.insert(key.to_owned(), value.into());
    }
    schema
}

/// Exactly one of these keys is there.
fn one_of(keys: &[&str], mut object: Value) -> Value {
    if let Value::Object(object) = &mut object {
        object.insert("oneOf".to_owned(), keys.iter().map(|key| json!({ "required": [key] })).collect());
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys;
    use crate::parse::{contact_keys, mapping_keys};

    #[test]
    fn it_has_exactly_the_keys_that_the_reader_knows() {
        let schema = schema();
        let mapping = mapping_keys();
        let contact = contact_keys();
        for (pointer, keys) in [
            ("", keys::PROFILE),
            ("/$defs/tenant", keys::TENANT),
            ("/$defs/hosts", keys::HOSTS),
            ("/$defs/pair", keys::PAIR),
            ("/$defs/guard", keys::GUARD),
            ("/$defs/direction", keys::DIRECTION),
            ("/$defs/scope", keys::SCOPE),
            ("/$defs/exclude", keys::EXCLUDE),
            ("/$defs/foreign_mark", keys::FOREIGN_MARK),
            ("/$defs/mapping", &mapping),
            ("/$defs/static_contacts", keys::STATIC_CONTACTS),
            ("/$defs/static_contact", &contact),
            ("/$defs/mailbox_list", keys::MAILBOX_LIST),
            ("/$defs/mailboxes", keys::MAILBOXES),
        ] {
            let properties = schema.pointer(&format!("{pointer}/properties")).and_then(Value::as_object).unwrap();
            let mut known: Vec<&str> = properties.keys().map(String::as_str).collect();
            let mut expected = keys.to_vec();
            known.sort_unstable();
            expected.sort_unstable();
            assert_eq!(known, expected, "{pointer}");
        }
    }
}
