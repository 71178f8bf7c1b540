//! Exchange Online's `InvokeCommand`. MICROSOFT.md sections 3.3, 4 and 5.

pub(crate) mod assign;
pub(crate) mod cmdlet_table;
pub(crate) mod columns;
pub(crate) mod error;
pub(crate) mod filter;
pub(crate) mod identity;
pub(crate) mod invoke;
pub(crate) mod matching;
pub(crate) mod organization;
pub(crate) mod paging;
pub(crate) mod parameters;
pub(crate) mod property;
pub(crate) mod read;
pub(crate) mod row;
pub(crate) mod write;
