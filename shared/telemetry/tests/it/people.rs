//! Who a person is shows at debug only (law 11).

use telemetry::{Mask, Personal};
use tracing::{Level, debug, error, event, info, info_span, trace, warn};

use crate::{every_look, json_lines, logged};

const NAME: &str = "Adele Vance";
const ADDRESS: &str = "adele.vance@contoso.example";
const TELEPHONE: &str = "+41 44 123 45 67";

#[test]
fn wrapped_values_show_at_debug_and_below_only() {
    for look in every_look() {
        let text = logged(&look, || {
            error!(who = %Personal(NAME), "one {}", Personal(ADDRESS));
            warn!(who = ?Personal(NAME), "two {:?}", Personal(ADDRESS));
            info!(who = %Personal(NAME), "three {}", Personal(TELEPHONE));
        });
        assert!(!text.contains("Adele") && !text.contains("adele") && !text.contains("44 123"), "{text}");
        assert_eq!(text.matches("[personal]").count(), 6, "{text}");
        let text = logged(&look, || {
            debug!(who = %Personal(NAME), "four {}", Personal(ADDRESS));
            trace!(who = ?Personal(NAME), "five {}", Personal(TELEPHONE));
        });
        assert_eq!(text.matches(NAME).count(), 2, "{text}");
        assert!(text.contains(ADDRESS) && text.contains(TELEPHONE), "{text}");
    }
}

#[test]
fn the_fields_of_a_span_never_show_a_person() {
    for look in every_look() {
        let text = logged(&look, || {
            let _span = info_span!("recipient", who = %Personal(NAME)).entered();
            debug!("read");
        });
        assert!(!text.contains(NAME) && text.contains("[personal]"), "{text}");
    }
}

#[test]
fn an_address_or_number_that_nobody_wrapped_is_caught_at_info_and_above() {
    for look in every_look() {
        for address in [ADDRESS, "o'neill+news@sub.contoso.example", "jürgen@kölln.example", "adele%40contoso.example"] {
            let text = logged(&look, || {
                info!("wrote {address}, next");
                warn!(address, "a field");
                error!(address = %address, error = ?Err::<(), _>(format!("\"{address}\"\n{address}")), "a debug field");
            });
            let domain = address.rsplit(['@', '%']).next().unwrap();
            assert!(!text.contains(domain) && !text.contains("adele") && !text.contains("neill"), "{text}");
            assert_eq!(text.matches("[address]").count(), 5, "{text}");
        }
        let text = logged(&look, || {
            info!(number = TELEPHONE, "call +1 (425) 555-0100 or +41441234567");
        });
        assert_eq!(text.matches("[telephone]").count(), 3, "{text}");
        let text = logged(&look, || debug!("wrote {ADDRESS}, call {TELEPHONE}"));
        assert!(text.contains(ADDRESS) && text.contains(TELEPHONE), "{text}");
        if look.format == telemetry::Format::Json {
            json_lines(&text);
        }
    }
}

#[test]
fn colours_survive_the_mask() {
    let look = telemetry::Settings { ansi: true, ..telemetry::Settings::default() };
    let text = logged(&look, || event!(Level::INFO, address = %ADDRESS, "wrote"));
    assert!(text.contains("\u{1b}[2m=\u{1b}[0m[address]"), "{text:?}");
}

#[test]
fn ids_times_and_numbers_are_left_alone() {
    let mask = Mask::new().unwrap();
    for plain in [
        "anchor 5b1c7a52-5d0e-4a5c-9d1e-2b8a3c1f0e77 of contoso",
        "2026-01-09T02:02:12.123456+00:00 took 1.5e+10 ns, +3 and +120",
        "P#contoso-fabrikam S#a#7 galbridge-9f2c New-MailContact",
        "https://graph.microsoft.com/v1.0/users/delta?$select=id,mail&$deltatoken=abc",
        "passphrase: it does not open the file; the password is wrong; client_assertion_type=urn:ietf",
        "keyCredentials=2 passwordCredential=null tokens=5 skipped=7",
    ] {
        assert_eq!(mask.secrets_and_people(plain), plain);
    }
}
