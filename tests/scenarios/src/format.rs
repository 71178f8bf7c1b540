//! The format of a scenario file (`sync-scenarios/1`), as far as a driver needs it. Keys that are
//! not known are tolerated; what is known must be well-formed, or the file is refused with its place.

use std::collections::BTreeMap;

use gal::Side;
use serde::Deserialize;
use serde_json::Value;

/// A file of scenarios.
#[derive(Debug, Deserialize)]
pub(crate) struct File {
    /// `sync-scenarios/1`.
    pub(crate) format: String,
    /// The scenarios, in the order they are played.
    pub(crate) scenarios: Vec<Scenario>,
}

/// The format this driver reads.
pub(crate) const FORMAT: &str = "sync-scenarios/1";

/// One scenario.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Scenario {
    /// Its id.
    pub(crate) id: String,
    /// The rules of every sync, unless the sync says otherwise.
    #[serde(default)]
    pub(crate) policy: Rules,
    /// What stands on both sides, and what both sides agreed on last.
    pub(crate) initial: Initial,
    /// Edits, a sync, and what must be true after it.
    pub(crate) steps: Vec<Step>,
}

/// Records by key.
pub(crate) type Records = BTreeMap<String, Record>;

/// A record: fields, and metadata under keys that begin with `_`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "BTreeMap<String, Value>")]
pub(crate) struct Record {
    /// Field to value.
    pub(crate) fields: BTreeMap<String, String>,
    /// Metadata, with the `_`.
    pub(crate) meta: BTreeMap<String, Value>,
}

impl TryFrom<BTreeMap<String, Value>> for Record {
    type Error = String;

    fn try_from(raw: BTreeMap<String, Value>) -> Result<Self, String> {
        let mut record = Self::default();
        for (name, value) in raw {
            match value {
                value if name.starts_with('_') => {
                    record.meta.insert(name, value);
                }
                Value::String(text) => {
                    record.fields.insert(name, text);
                }
                other => return Err(format!("field `{name}` of a record must be a string, and is {other}")),
            }
        }
        Ok(record)
    }
}

impl Record {
    /// The integer clock of the record.
    pub(crate) fn modified(&self) -> Option<i64> {
        self.meta.get("_modified").and_then(Value::as_i64)
    }

    /// Metadata as text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.meta.get(name).and_then(Value::as_str)
    }

    /// Metadata that is `true`, or anything that is neither `false`, `null` nor empty.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.meta.get(name).is_some_and(truthy)
    }
}

/// Whether a value says yes.
pub(crate) fn truthy(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) | Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// How a scenario begins.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Initial {
    /// Side a.
    #[serde(default)]
    pub(crate) a: Records,
    /// Side b.
    #[serde(default)]
    pub(crate) b: Records,
    /// `null`: never synced.
    #[serde(default)]
    pub(crate) base: Option<Records>,
    /// A lock, and what else there is.
    #[serde(default)]
    pub(crate) meta: BTreeMap<String, Value>,
}

impl Initial {
    /// The records of a side.
    pub(crate) fn side(&self, side: Side) -> &Records {
        match side {
            Side::A => &self.a,
            Side::B => &self.b,
        }
    }
}

/// One step.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Step {
    /// What is done.
    #[serde(default)]
    pub(crate) operation: Operation,
    /// What must be true then.
    #[serde(default)]
    pub(crate) expected: Expected,
}

/// What a step does.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Operation {
    /// Edits, before the sync.
    #[serde(default)]
    pub(crate) edits: Vec<Edit>,
    /// The sync's own rules, over the scenario's.
    #[serde(default)]
    pub(crate) sync: Rules,
}

/// What somebody does to a side.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Edit {
    /// The side.
    pub(crate) side: Side,
    /// What.
    pub(crate) op: EditOp,
    /// To whom (not for `clear`).
    #[serde(default)]
    pub(crate) key: String,
    /// For `put`: the whole record.
    #[serde(default)]
    pub(crate) record: Record,
}

/// The kinds of edits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EditOp {
    /// The record is made, or replaced.
    Put,
    /// The record is deleted.
    Delete,
    /// Every record is deleted.
    Clear,
}

/// A fault of one sync.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Fault {
    /// `<side>.list|create|update|delete`.
    pub(crate) on: String,
    /// Whom it hits; everybody if absent.
    #[serde(default)]
    pub(crate) key: Option<String>,
    /// `error`, `truncate` or `exists`.
    pub(crate) kind: String,
    /// With `exists`: the object that is already there.
    #[serde(default)]
    pub(crate) twin: Option<String>,
}

impl Fault {
    /// The side and the verb.
    pub(crate) fn place(&self) -> Option<(Side, &str)> {
        let (side, verb) = self.on.split_once('.')?;
        Some((side.parse().ok()?, verb))
    }
}

/// A conflict that is expected.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ExpectedConflict {
    /// Whose.
    pub(crate) key: String,
    /// `unresolved`, `a_wins`, `b_wins`, …
    #[serde(default)]
    pub(crate) resolution: String,
    /// Which fields.
    #[serde(default)]
    pub(crate) fields: Option<Vec<String>>,
}

/// A planned write that is expected.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ExpectedWrite {
    /// The side.
    pub(crate) side: Side,
    /// `create`, `update` or `delete`.
    pub(crate) op: String,
    /// Whom.
    pub(crate) key: String,
}

/// Counts by side.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct ExpectedCounts {
    /// Side a.
    pub(crate) a: u64,
    /// Side b.
    pub(crate) b: u64,
}

/// What must be true after a step; only what is given is asserted.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Expected {
    /// `ok`, `partial`, `aborted` or `failed`.
    #[serde(default)]
    pub(crate) outcome: Option<String>,
    /// Why.
    #[serde(default)]
    pub(crate) reason: Option<String>,
    /// Side a.
    #[serde(default)]
    pub(crate) a: Option<Records>,
    /// Side b.
    #[serde(default)]
    pub(crate) b: Option<Records>,
    /// What both sides agree on.
    #[serde(default)]
    pub(crate) base: Option<Records>,
    /// Conflicts.
    #[serde(default)]
    pub(crate) conflicts: Option<Vec<ExpectedConflict>>,
    /// Objects written.
    #[serde(default)]
    pub(crate) writes: Option<ExpectedCounts>,
    /// The plan of a dry run.
    #[serde(default)]
    pub(crate) plan: Option<Vec<ExpectedWrite>>,
    /// Later runs are refused until a re-sync.
    #[serde(default)]
    pub(crate) lockout: Option<bool>,
}

impl Expected {
    /// The records of a side, if asserted.
    pub(crate) fn side(&self, side: Side) -> Option<&Records> {
        match side {
            Side::A => self.a.as_ref(),
            Side::B => self.b.as_ref(),
        }
    }

    /// Whether this outcome is expected.
    pub(crate) fn is(&self, outcome: &str) -> bool {
        self.outcome.as_deref() == Some(outcome)
    }

    /// The reason, or nothing.
    pub(crate) fn why(&self) -> &str {
        self.reason.as_deref().unwrap_or_default()
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident: $kind:ty $(as $key:literal)?,)*) => {
        /// Policies of a scenario and options of one sync; both have the same keys.
        #[derive(Clone, Debug, Default, Deserialize)]
        pub(crate) struct Rules { $($(#[$doc])* #[serde(default $(, rename = $key)?)] pub(crate) $name: Option<$kind>,)* }

        impl Rules {
            /// These rules, with what `over` says over them.
            pub(crate) fn with(&self, over: &Self) -> Self {
                Self { $($name: over.$name.clone().or_else(|| self.$name.clone()),)* }
            }
        }
    };
}

rules! {
    /// What happens when both sides changed.
    on_conflict: String,
    /// Whether the loser of a conflict is kept as a copy.
    loser: String,
    /// What happens to records that differ when there is no base.
    first_sync: String,
    /// Abort above this share of deletions.
    max_delete_ratio: f64,
    /// Abort above this share of updates.
    max_update_ratio: f64,
    /// Below so many known records shares do not count.
    guard_min_existing: u64,
    /// Abort if a side is empty.
    guard_empty: String,
    /// Abort if every known record changed.
    guard_all_changed: bool,
    /// `content` or `modified`.
    change_detection: String,
    /// A record that must be on both sides.
    canary: Value,
    /// A hash of scope and field mapping.
    fingerprint: Value,
    /// Keys out of scope.
    exclude_keys: Vec<String>,
    /// Sides that are never written.
    read_only: Vec<Side>,
    /// `revert`, `ignore` or `error`.
    read_only_policy: String,
    /// `casefold_nfc`.
    identity: String,
    /// How records are linked again before planning.
    matching: Vec<String> as "match",
    /// The side on which unmanaged objects are not looked at.
    managed_only: Value,
    /// Objects that mirror the other side are no sources.
    skip_mirrors: Value,
    /// Disabled accounts are out of scope.
    exclude_disabled: Value,
    /// Which side owns a field.
    field_authority: BTreeMap<String, Side>,
    /// The base is checked before use.
    verify_base: Value,
    /// Run although a guard says no.
    force: bool,
    /// Begin anew, as if never synced.
    resync: bool,
    /// Plan only.
    dry_run: bool,
    /// One failing record does not stop the rest.
    isolate_errors: bool,
    /// What goes wrong in this sync.
    faults: Vec<Fault>,
    /// The process dies after so many writes.
    crash_after_writes: u64,
    /// Somebody writes while the run is on.
    edits_after_snapshot: Vec<Edit>,
    /// Whether a listing must be complete.
    require_complete_listing: bool,
}

impl Rules {
    /// Whether an option is on.
    pub(crate) fn on(option: Option<bool>) -> bool {
        option.unwrap_or(false)
    }

    /// The faults.
    pub(crate) fn faults(&self) -> &[Fault] {
        self.faults.as_deref().unwrap_or_default()
    }

    /// Whether records are linked again by this.
    pub(crate) fn matches_by(&self, what: &str) -> bool {
        self.matching.iter().flatten().any(|word| word == what)
    }
}
