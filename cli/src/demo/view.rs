//! A tenant's address list as its users see it, read from the simulator and from nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::error::CliError;
use crate::simulated::SimulatorApi;

/// One object.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Object {
    /// Its id.
    pub(crate) anchor: Uuid,
    /// `user`, `contact` …
    pub(crate) kind: String,
    /// `admin` or `app`.
    pub(crate) made_by: String,
    /// Hidden from address lists.
    pub(crate) hidden: bool,
    /// By Exchange's names.
    pub(crate) properties: BTreeMap<String, Value>,
}

impl Object {
    /// A text property; blank is none.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.properties.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
    }

    /// A flag.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.properties.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Whether the application made it.
    pub(crate) fn made(&self) -> bool {
        self.made_by == "app"
    }

    /// What people call it.
    pub(crate) fn title(&self) -> &str {
        self.text("DisplayName").or(self.text("Name")).unwrap_or_default()
    }

    /// Every mail address it holds, lower case.
    pub(crate) fn addresses(&self) -> BTreeSet<String> {
        let listed = self.properties.get("EmailAddresses").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let single = ["PrimarySmtpAddress", "ExternalEmailAddress"].into_iter().filter_map(|name| self.text(name));
        listed.chain(single).filter_map(bare).collect()
    }

    /// Where mail to it goes, as others would write to it: lower case, and not the address every tenant is born with.
    pub(crate) fn address(&self) -> Option<String> {
        let outside = |address: &String| !address.ends_with(".onmicrosoft.com");
        if self.kind == "contact" {
            return self.text("ExternalEmailAddress").and_then(bare).filter(outside);
        }
        let primary = self.text("PrimarySmtpAddress").and_then(bare).filter(outside);
        primary.or_else(|| self.addresses().into_iter().find(outside))
    }
}

/// An address without its prefix; none for X500 and the like.
fn bare(address: &str) -> Option<String> {
    let bare = match address.split_once(':') {
        Some((prefix, bare)) if prefix.eq_ignore_ascii_case("smtp") => bare,
        Some(_) => return None,
        None => address,
    };
    bare.contains('@').then(|| bare.to_lowercase())
}

/// Everything of a tenant, hidden objects too.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// The objects, by their ids.
    pub(crate) objects: BTreeMap<Uuid, Object>,
    holders: BTreeMap<String, Vec<Uuid>>,
}

impl View {
    /// Reads it.
    pub(crate) async fn read(api: &SimulatorApi, tenant: &str) -> Result<Self, CliError> {
        let answer = api.get(&format!("tenants/{tenant}/gal?all=1")).await?;
        let objects: Vec<Object> = serde_json::from_value(answer)
            .map_err(|error| CliError::failed(format!("the simulator's address list is not understood: {error}")))?;
        let mut holders: BTreeMap<String, Vec<Uuid>> = BTreeMap::new();
        for object in &objects {
            for address in object.addresses() {
                holders.entry(address).or_default().push(object.anchor);
            }
        }
        Ok(Self { objects: objects.into_iter().map(|object| (object.anchor, object)).collect(), holders })
    }

    /// Who holds an address.
    pub(crate) fn holders(&self, address: &str) -> impl Iterator<Item = &Object> {
        self.holders.get(address).into_iter().flatten().filter_map(|anchor| self.objects.get(anchor))
    }

    /// The contact that the application made for an address.
    pub(crate) fn made_for(&self, address: &str) -> Option<&Object> {
        self.holders(address).find(|object| object.made())
    }

    /// How many people see.
    pub(crate) fn visible(&self) -> u64 {
        self.objects.values().filter(|object| !object.hidden).count() as u64
    }
}
