//! What is remembered between runs, in the engine's terms. Crate `state` stores these under the
//! keys of DESIGN.md ("State"); every stored item carries a schema version, which is the adapter's affair.

mod agenda;
mod pair;
mod replica;
mod run;

pub use agenda::{AgendaRow, Due};
pub use pair::{
    Approval, FullReading, Hold, HourCount, Lease, LeaseKind, Merge, MergeOptions, PairState, ReadingState, SideReading, Stage,
    TenantState, Window, WritingState,
};
pub use replica::Replica;
pub(crate) use replica::manager_key;
pub(crate) use run::run_id;
pub use run::{Change, OperationRecord, OperationResult, Outcome, RunKind, RunSummary, SideCounters, is_stuck};
