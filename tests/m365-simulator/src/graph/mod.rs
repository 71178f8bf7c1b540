//! Microsoft Graph v1.0, as far as an address list needs it. MICROSOFT.md sections 3.1, 3.2, 7 and 9.

pub(crate) mod batch;
pub(crate) mod delta;
pub(crate) mod delta_page;
pub(crate) mod delta_token;
pub(crate) mod error;
pub(crate) mod keys;
pub(crate) mod members;
pub(crate) mod objects;
pub(crate) mod property;
pub(crate) mod route;
pub(crate) mod throttle;
