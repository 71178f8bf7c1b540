//! The type that keeps key material out of logs and out of freed memory.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

/// What is printed instead of the value, by `Debug` and by `Display`.
const HIDDEN: &str = "[secret]";

/// What opens an encrypted key or a PKCS#12 file.
pub type Passphrase = Secret<String>;

/// A value that must not be seen: a private key, a passphrase, a file that holds one.
///
/// `Debug` and `Display` print `[secret]`. The memory is overwritten when the value is dropped. There is no
/// `Serialize`, no `PartialEq` and no `Deref`: whoever needs the value writes [`Secret::expose`], which is easy to
/// find in a review.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes the value in. Copies that the caller made before are the caller's to wipe.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value itself, for the one call that needs it. Never keep, print or copy it.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself, to be filled in place.
    pub(crate) fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(HIDDEN)
    }
}

impl<T: Zeroize> fmt::Display for Secret<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn prints_only_the_word() {
        let secret = Secret::new(String::from("correct horse battery staple"));
        assert_eq!(format!("{secret}"), "[secret]");
        assert_eq!(format!("{secret:?}"), "[secret]");
        assert_eq!(format!("{secret:#?}"), "[secret]");
        assert_eq!(format!("{:?}", Some(&secret)), "Some([secret])");
        assert_eq!(secret.expose(), "correct horse battery staple");
    }

    #[test]
    fn is_wiped_when_dropped() {
        static WIPED: AtomicBool = AtomicBool::new(false);
        struct Probe;
        impl Zeroize for Probe {
            fn zeroize(&mut self) {
                WIPED.store(true, Ordering::SeqCst);
            }
        }
        drop(Secret::new(Probe));
        assert!(WIPED.load(Ordering::SeqCst));
    }
}
