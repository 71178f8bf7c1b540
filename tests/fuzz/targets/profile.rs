//! A profile is refused with its place, or it means something: then its mapping and its scope answer for any recipient.
#![no_main]

use gal::Field;
use libfuzzer_sys::fuzz_target;
use profile::{Profile, StaticContact};

fuzz_target!(|data: &[u8]| {
    // What follows the profile stands in the fields of a recipient.
    let (text, values) = data.iter().position(|byte| *byte == 0xff).map_or((data, &[][..]), |at| (&data[..at], &data[at + 1..]));
    let loader = |_: &str| Err(std::io::Error::other("no files here"));
    let profile = match Profile::parse_bytes("galbridge.toml", text, &loader) {
        Ok((profile, _)) => profile,
        Err(errors) => {
            let _ = errors.to_string();
            return;
        }
    };
    let setup = engine::setup::Setup::of(&profile);
    let mut recipient = recipient();
    for (field, value) in Field::all().zip(values.split(|byte| *byte == 0xfe)) {
        let value = String::from_utf8_lossy(value);
        recipient.values = recipient.values.clone().with(field, Some(&value));
    }
    for pair in &setup.pairs {
        for side in gal::Side::BOTH {
            let publishing = pair.policy.publishing.get(side);
            let _ = publishing.scope.source(&recipient, true);
            let projection = publishing.mapping.project(&recipient, "ann@contoso.example", None);
            for (field, value) in &projection.values {
                let limit = field.row().limit;
                assert!(value.encode_utf16().count() <= limit, "{field:?}: {} is too long", value.len());
            }
        }
    }
});

/// A static contact, as the core sees it.
fn recipient() -> gal::Recipient {
    let (key, address) = ("k".to_owned(), "k@partner.example".to_owned());
    StaticContact { key, address, values: gal::Values::default(), tenants: Vec::new() }.recipient()
}
