//! The keys of every table. The reader refuses others; the schema has the same ones (tested).

pub(crate) const PROFILE: &[&str] = &["client", "installation", "foreign_marks", "tenants", "pairs", "static_contacts", "mailbox_lists"];
pub(crate) const TENANT: &[&str] = &["id", "app_id", "app_object_id", "cloud", "hosts", "stamp_attribute", "certificate"];
pub(crate) const HOSTS: &[&str] = &["login", "graph", "exchange"];
pub(crate) const PAIR: &[&str] = &[
    "a",
    "b",
    "direction",
    "conflicts",
    "guard",
    "peer_deletions",
    "deletion_grace_days",
    "carry_x500",
    "guests",
    "internal_relay",
    "foreign_marks",
    "a_to_b",
    "b_to_a",
];
pub(crate) const GUARD: &[&str] = &["max_deletions", "max_deletion_share", "max_creations", "max_source_shrink", "max_update_share"];
pub(crate) const DIRECTION: &[&str] = &["scope", "mapping", "carry_x500", "guests", "internal_relay"];
pub(crate) const SCOPE: &[&str] =
    &["kinds", "include_groups", "exclude", "when", "include_onmicrosoft", "routing_address", "include", "authenticated_senders"];
pub(crate) const EXCLUDE: &[&str] = &["field", "equals", "matches", "in", "domain"];
pub(crate) const FOREIGN_MARK: &[&str] = &["attribute", "matches"];
pub(crate) const STATIC_CONTACTS: &[&str] = &["include", "contacts", "tenants"];
pub(crate) const CONTACTS_FILE: &[&str] = &["contacts"];
pub(crate) const MAILBOX_LIST: &[&str] = &["tenant", "folder", "sources", "mailboxes", "photos"];
pub(crate) const MAILBOXES: &[&str] = &["all", "group", "addresses"];
