//! The state store over DynamoDB: the service, or an engine embedded in the process.
//!
//! [`StateStore`] implements the engine's port [`engine::ports::Store`] with the AWS SDK. What
//! answers the SDK is one of three (DESIGN.md "State"):
//!
//! | constructor | what answers | for |
//! |---|---|---|
//! | [`StateStore::service`] | DynamoDB, or any endpoint that speaks its protocol | production, end-to-end tests |
//! | [`StateStore::file`] | dynoxide in this process over one `SQLite` file | a laptop, a small site without AWS |
//! | [`StateStore::memory`] | the same without a file | tests |
//!
//! The embedded engine opens no port and starts no thread; a call answers at its first poll, so
//! it works under paused time. All three run the same requests, conditions and key layout; the
//! contract suite (`tests/it/contract`) runs on each.
//!
//! # Keys
//!
//! One table, partition key `pk`, sort key `sk`, both strings; time to live in `expires`.
//!
//! | pk | sk | attributes beside `pk sk v` |
//! |---|---|---|
//! | `P#pair` | `STATE` | `reading`, `writing` (JSON, or `…_parts`), and for each a lease: `…_owner`, `…_until` |
//! | `P#pair` | `PART#half#hash#n` | `data`: a piece of a half that outgrew STATE (over 150 KB) |
//! | `P#pair` | `RUN#began#id` | `body`: summary of a run, `expires` after 400 days |
//! | `R#run` | number | `body`: an operation, `expires` |
//! | `S#pair#side#h` | anchor | `body`: replica, `version` |
//! | `L#pair#h` | origin#anchor | `body`: link, `version` |
//! | `A#pair#side#h` | key#anchor | `version` of the replica that held the key |
//! | `D#pair` | due#side#anchor | `body`: agenda row, `version` |
//! | `F#pair#side` | began#chunk | `anchors`: 16 bytes each, `expires` 30 days after `began` |
//! | `G#pair#side` | group | `anchors`, or `parts` and their number where there are more than 10,000 |
//! | `G#pair#side` | group#hash#n | `anchors` of a large group |
//! | `T#tenant` | `STATE` | `body` |
//! | `T#tenant` | `KEYS` | `body`: keys that were added to its application |
//! | `ANSWER#id` | number | `body`: a page of an answer that was too large for one message, `expires` after a day |
//! | `PROFILE` | `V#n`, `CURRENT` | `body` (the text), `version` |
//! | `INSTALLATION` | `STATE` | `id`; `importing` while an import is going on |
//!
//! `h` is a hexadecimal digit: of the anchor's hash in `S` and `L`, of the key's in `A`. Moments in
//! keys are UTC with nine decimals, so that they sort. `v` is the schema version of the item.
//! A `body` is JSON: as text, or packed against a dictionary (a binary; module `body` says how). An export has all of
//! them as text.
//! `by` marks a write to the service, so that the SDK's own retry of a write whose answer was lost
//! is not mistaken for somebody else's.

mod body;
#[cfg(feature = "embedded")]
mod embedded;
mod item;
mod keys;
mod repair;
mod store;
mod table;
#[cfg(feature = "testing")]
pub mod testing;
mod transfer;

pub use repair::{Damage, Loss};
pub use store::{ApplicationKey, ProfileVersion, StateStore};
pub use table::Requests;
pub use transfer::{Existing, Transferred};
