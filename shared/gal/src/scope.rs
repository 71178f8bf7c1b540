//! Who is a source (DESIGN.md "Who is a source").

use crate::reason::SkipReason;
use crate::recipient::{Kind, Recipient};

/// Who is a source, as the profile says it, before it is compiled.
#[derive(Clone, Debug, Default)]
pub struct ScopeSettings {
    /// Kinds that are published.
    pub kinds: Vec<Kind>,
}

/// Who is a source, compiled.
#[derive(Clone, Debug)]
pub struct Scope {}

impl Scope {
    /// Whether a recipient is a source for the other side, judged by itself alone: nothing about the target is asked here.
    ///
    /// `in_groups`: whether it is a transitive member of one of the include groups (true where there are none).
    pub fn source(&self, _recipient: &Recipient, _in_groups: bool) -> Result<(), SkipReason> {
        Ok(())
    }

    /// The address mail to the published contact is sent to (lower case).
    pub fn routing_address(&self, recipient: &Recipient) -> Option<String> {
        recipient.primary.clone()
    }
}
