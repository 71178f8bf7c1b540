//! Countries: Exchange takes an ISO code or a friendly name and answers the friendly name
//! (MICROSOFT.md 3.3), so `CH`, `Switzerland` and `switzerland` are one value.
//!
//! One row for each of the 249 officially assigned ISO 3166-1 alpha-2 codes (and Kosovo's `XK`, which Microsoft
//! uses): the code, the friendly name as Microsoft's country list spells it, and other spellings
//! that mean the same country, such as ISO's own name or the one before a renaming. Should
//! Exchange spell a name differently, it is one more spelling in that row.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Code, friendly name, other spellings.
type Row = (&'static str, &'static str, &'static [&'static str]);

/// The friendly name of the country that `text` means, in any case, with or without accents.
/// `None` if it is no country that Exchange would take.
pub(super) fn friendly(text: &str) -> Option<&'static str> {
    // Friendly names as they come back are by far the most frequent question.
    if let Ok(row) = BY_NAME.binary_search_by(|name| (*name).cmp(text)) {
        return BY_NAME.get(row).copied();
    }
    // The longest spelling has 53 letters; what is much longer is no country, and is not folded.
    if text.len() > 256 {
        return None;
    }
    BY_SPELLING.get(&folded(text)).copied()
}

/// Lower case, without accents, and nothing but letters.
fn folded(text: &str) -> String {
    let letters = text.nfkd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase);
    letters.filter(|letter| letter.is_alphabetic()).collect()
}

/// The friendly names, sorted.
static BY_NAME: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut names: Vec<&'static str> = TABLE.iter().map(|(_, name, _)| *name).collect();
    names.sort_unstable();
    names
});

/// Every spelling, folded, with its friendly name.
static BY_SPELLING: LazyLock<BTreeMap<String, &'static str>> = LazyLock::new(|| {
    let spellings = TABLE.iter().flat_map(|(code, name, others)| {
        [*code, *name].into_iter().chain(others.iter().copied()).map(|spelling| (folded(spelling), *name))
    });
    spellings.collect()
});

static TABLE: &[Row] = &[
    ("AD", "Andorra", &[]),
    ("AE", "United Arab Emirates", &["UAE"]),
    ("AF", "Afghanistan", &[]),
    ("AG", "Antigua and Barbuda", &["Antigua & Barbuda"]),
    ("AI", "Anguilla", &[]),
    ("AL", "Albania", &[]),
    ("AM", "Armenia", &[]),
    ("AO", "Angola", &[]),
    ("AQ", "Antarctica", &[]),
    ("AR", "Argentina", &[]),
    ("AS", "American Samoa", &[]),
    ("AT", "Austria", &["Österreich"]),
    ("AU", "Australia", &[]),
    ("AW", "Aruba", &[]),
    ("AX", "Åland Islands", &["Aaland Islands"]),
    ("AZ", "Azerbaijan", &[]),
    ("BA", "Bosnia and Herzegovina", &["Bosnia & Herzegovina"]),
    ("BB", "Barbados", &[]),
    ("BD", "Bangladesh", &[]),
    ("BE", "Belgium", &[]),
    ("BF", "Burkina Faso", &[]),
    ("BG", "Bulgaria", &[]),
    ("BH", "Bahrain", &[]),
    ("BI", "Burundi", &[]),
    ("BJ", "Benin", &[]),
    ("BL", "Saint Barthélemy", &["St. Barthélemy"]),
    ("BM", "Bermuda", &[]),
    ("BN", "Brunei", &["Brunei Darussalam"]),
    ("BO", "Bolivia", &["Bolivia (Plurinational State of)", "Bolivia, Plurinational State of", "Plurinational State of Bolivia"]),
    ("BQ", "Bonaire, Sint Eustatius and Saba", &["Bonaire", "Caribbean Netherlands", "Bonaire, St. Eustatius and Saba"]),
    ("BR", "Brazil", &["Brasil"]),
    ("BS", "Bahamas", &["The Bahamas", "Bahamas, The"]),
    ("BT", "Bhutan", &[]),
    ("BV", "Bouvet Island", &[]),
    ("BW", "Botswana", &[]),
    ("BY", "Belarus", &[]),
    ("BZ", "Belize", &[]),
    ("CA", "Canada", &[]),
    ("CC", "Cocos (Keeling) Islands", &["Cocos Islands"]),
    (
        "CD",
        "Congo (DRC)",
        &[
            "Congo (Democratic Republic of the)",
            "Congo, The Democratic Republic of the",
            "Democratic Republic of the Congo",
            "Congo, Democratic Republic of the",
            "Congo - Kinshasa",
        ],
    ),
    ("CF", "Central African Republic", &[]),
    ("CG", "Congo", &["Republic of the Congo", "Congo - Brazzaville", "Congo (Republic)"]),
    ("CH", "Switzerland", &["Schweiz", "Suisse", "Svizzera"]),
    ("CI", "Côte d’Ivoire", &["Ivory Coast"]),
    ("CK", "Cook Islands", &[]),
    ("CL", "Chile", &[]),
    ("CM", "Cameroon", &[]),
    ("CN", "China", &["People's Republic of China", "China, People's Republic of"]),
    ("CO", "Colombia", &[]),
    ("CR", "Costa Rica", &[]),
    ("CU", "Cuba", &[]),
    ("CV", "Cabo Verde", &["Cape Verde"]),
    ("CW", "Curaçao", &[]),
    ("CX", "Christmas Island", &[]),
    ("CY", "Cyprus", &[]),
    ("CZ", "Czech Republic", &["Czechia"]),
    ("DE", "Germany", &["Deutschland", "Federal Republic of Germany"]),
    ("DJ", "Djibouti", &[]),
    ("DK", "Denmark", &["Danmark"]),
    ("DM", "Dominica", &[]),
    ("DO", "Dominican Republic", &[]),
    ("DZ", "Algeria", &[]),
    ("EC", "Ecuador", &[]),
    ("EE", "Estonia", &[]),
    ("EG", "Egypt", &[]),
    ("EH", "Western Sahara", &[]),
    ("ER", "Eritrea", &[]),
    ("ES", "Spain", &["España"]),
    ("ET", "Ethiopia", &[]),
    ("FI", "Finland", &["Suomi"]),
    ("FJ", "Fiji", &["Fiji Islands"]),
    ("FK", "Falkland Islands", &["Falkland Islands (Islas Malvinas)", "Falkland Islands (Malvinas)"]),
    ("FM", "Micronesia", &["Micronesia (Federated States of)", "Micronesia, Federated States of", "Federated States of Micronesia"]),
    ("FO", "Faroe Islands", &["Faeroe Islands"]),
    ("FR", "France", &[]),
    ("GA", "Gabon", &[]),
    ("GB", "United Kingdom", &["UK", "Great Britain", "United Kingdom of Great Britain and Northern Ireland"]),
    ("GD", "Grenada", &[]),
    ("GE", "Georgia", &[]),
    ("GF", "French Guiana", &[]),
    ("GG", "Guernsey", &[]),
    ("GH", "Ghana", &[]),
    ("GI", "Gibraltar", &[]),
    ("GL", "Greenland", &[]),
    ("GM", "Gambia", &["The Gambia", "Gambia, The"]),
    ("GN", "Guinea", &[]),
    ("GP", "Guadeloupe", &[]),
    ("GQ", "Equatorial Guinea", &[]),
    ("GR", "Greece", &[]),
    ("GS", "South Georgia and the South Sandwich Islands", &["South Georgia and South Sandwich Islands"]),
    ("GT", "Guatemala", &[]),
    ("GU", "Guam", &[]),
    ("GW", "Guinea-Bissau", &[]),
    ("GY", "Guyana", &[]),
    ("HK", "Hong Kong SAR", &["Hong Kong", "Hong Kong S.A.R.", "Hong Kong SAR China"]),
    ("HM", "Heard Island and McDonald Islands", &["Heard & McDonald Islands"]),
    ("HN", "Honduras", &[]),
    ("HR", "Croatia", &["Hrvatska"]),
    ("HT", "Haiti", &[]),
    ("HU", "Hungary", &[]),
    ("ID", "Indonesia", &[]),
    ("IE", "Ireland", &[]),
    ("IL", "Israel", &[]),
    ("IM", "Isle of Man", &["Man, Isle of"]),
    ("IN", "India", &[]),
    ("IO", "British Indian Ocean Territory", &[]),
    ("IQ", "Iraq", &[]),
    ("IR", "Iran", &["Iran (Islamic Republic of)", "Iran, Islamic Republic of"]),
    ("IS", "Iceland", &[]),
    ("IT", "Italy", &["Italia"]),
    ("JE", "Jersey", &[]),
    ("JM", "Jamaica", &[]),
    ("JO", "Jordan", &[]),
    ("JP", "Japan", &[]),
    ("KE", "Kenya", &[]),
    ("KG", "Kyrgyzstan", &[]),
    ("KH", "Cambodia", &[]),
    ("KI", "Kiribati", &[]),
    ("KM", "Comoros", &[]),
    ("KN", "Saint Kitts and Nevis", &["St. Kitts and Nevis"]),
    ("KP", "North Korea", &["Korea (Democratic People's Republic of)", "Korea, Democratic People's Republic of"]),
    ("KR", "Korea", &["South Korea", "Korea, Republic of", "Korea (Republic of)", "Republic of Korea"]),
    ("KW", "Kuwait", &[]),
    ("KY", "Cayman Islands", &[]),
    ("KZ", "Kazakhstan", &[]),
    ("LA", "Laos", &["Lao People's Democratic Republic", "Lao P.D.R."]),
    ("LB", "Lebanon", &[]),
    ("LC", "Saint Lucia", &["St. Lucia"]),
    ("LI", "Liechtenstein", &[]),
    ("LK", "Sri Lanka", &[]),
    ("LR", "Liberia", &[]),
    ("LS", "Lesotho", &[]),
    ("LT", "Lithuania", &[]),
    ("LU", "Luxembourg", &[]),
    ("LV", "Latvia", &[]),
    ("LY", "Libya", &["Libyan Arab Jamahiriya"]),
    ("MA", "Morocco", &[]),
    ("MC", "Monaco", &["Principality of Monaco"]),
    ("MD", "Moldova", &["Moldova, Republic of", "Moldova (Republic of)", "Republic of Moldova"]),
    ("ME", "Montenegro", &[]),
    ("MF", "Saint Martin", &["Saint Martin (French part)", "St. Martin"]),
    ("MG", "Madagascar", &[]),
    ("MH", "Marshall Islands", &[]),
    (
        "MK",
        "North Macedonia",
        &[
            "Macedonia, FYRO",
            "Macedonia",
            "Macedonia, The Former Yugoslav Republic of",
            "Former Yugoslav Republic of Macedonia",
            "Republic of North Macedonia",
        ],
    ),
    ("ML", "Mali", &[]),
    ("MM", "Myanmar", &["Burma"]),
    ("MN", "Mongolia", &[]),
    ("MO", "Macao SAR", &["Macao", "Macau", "Macau SAR", "Macao S.A.R."]),
    ("MP", "Northern Mariana Islands", &[]),
    ("MQ", "Martinique", &[]),
    ("MR", "Mauritania", &[]),
    ("MS", "Montserrat", &[]),
    ("MT", "Malta", &[]),
    ("MU", "Mauritius", &[]),
    ("MV", "Maldives", &[]),
    ("MW", "Malawi", &[]),
    ("MX", "Mexico", &["México"]),
    ("MY", "Malaysia", &[]),
    ("MZ", "Mozambique", &[]),
    ("NA", "Namibia", &[]),
    ("NC", "New Caledonia", &[]),
    ("NE", "Niger", &[]),
    ("NF", "Norfolk Island", &[]),
    ("NG", "Nigeria", &[]),
    ("NI", "Nicaragua", &[]),
    ("NL", "Netherlands", &["The Netherlands", "Netherlands, Kingdom of the", "Holland", "Nederland"]),
    ("NO", "Norway", &["Norge"]),
    ("NP", "Nepal", &[]),
    ("NR", "Nauru", &[]),
    ("NU", "Niue", &[]),
    ("NZ", "New Zealand", &[]),
    ("OM", "Oman", &[]),
    ("PA", "Panama", &[]),
    ("PE", "Peru", &[]),
    ("PF", "French Polynesia", &[]),
    ("PG", "Papua New Guinea", &[]),
    ("PH", "Philippines", &["Republic of the Philippines"]),
    ("PK", "Pakistan", &["Islamic Republic of Pakistan"]),
    ("PL", "Poland", &["Polska"]),
    ("PM", "Saint Pierre and Miquelon", &["St. Pierre and Miquelon"]),
    ("PN", "Pitcairn Islands", &["Pitcairn"]),
    ("PR", "Puerto Rico", &[]),
    ("PS", "Palestinian Authority", &["Palestine, State of", "Palestine", "Palestinian Territory, Occupied", "Palestinian Territories"]),
    ("PT", "Portugal", &[]),
    ("PW", "Palau", &[]),
    ("PY", "Paraguay", &[]),
    ("QA", "Qatar", &[]),
    ("RE", "Réunion", &[]),
    ("RO", "Romania", &[]),
    ("RS", "Serbia", &["Republic of Serbia"]),
    ("RU", "Russia", &["Russian Federation"]),
    ("RW", "Rwanda", &[]),
    ("SA", "Saudi Arabia", &[]),
    ("SB", "Solomon Islands", &[]),
    ("SC", "Seychelles", &[]),
    ("SD", "Sudan", &[]),
    ("SE", "Sweden", &["Sverige"]),
    ("SG", "Singapore", &[]),
    ("SH", "Saint Helena, Ascension and Tristan da Cunha", &["St Helena, Ascension, Tristan da Cunha", "Saint Helena", "St. Helena"]),
    ("SI", "Slovenia", &[]),
    ("SJ", "Svalbard and Jan Mayen", &["Svalbard", "Jan Mayen"]),
    ("SK", "Slovakia", &["Slovak Republic"]),
    ("SL", "Sierra Leone", &[]),
    ("SM", "San Marino", &[]),
    ("SN", "Senegal", &[]),
    ("SO", "Somalia", &[]),
    ("SR", "Suriname", &[]),
    ("SS", "South Sudan", &[]),
    ("ST", "São Tomé and Príncipe", &[]),
    ("SV", "El Salvador", &[]),
    ("SX", "Sint Maarten", &["Sint Maarten (Dutch part)", "St. Maarten"]),
    ("SY", "Syria", &["Syrian Arab Republic"]),
    ("SZ", "Eswatini", &["Swaziland"]),
    ("TC", "Turks and Caicos Islands", &[]),
    ("TD", "Chad", &[]),
    ("TF", "French Southern Territories", &["French Southern and Antarctic Lands"]),
    ("TG", "Togo", &[]),
    ("TH", "Thailand", &[]),
    ("TJ", "Tajikistan", &[]),
    ("TK", "Tokelau", &[]),
    ("TL", "Timor-Leste", &["East Timor", "Democratic Republic of Timor-Leste"]),
    ("TM", "Turkmenistan", &[]),
    ("TN", "Tunisia", &[]),
    ("TO", "Tonga", &[]),
    ("TR", "Turkey", &["Türkiye"]),
    ("TT", "Trinidad and Tobago", &["Trinidad & Tobago"]),
    ("TV", "Tuvalu", &[]),
    ("TW", "Taiwan", &["Taiwan, Province of China"]),
    ("TZ", "Tanzania", &["Tanzania, United Republic of", "United Republic of Tanzania"]),
    ("UA", "Ukraine", &[]),
    ("UG", "Uganda", &[]),
    ("UM", "U.S. Outlying Islands", &["United States Minor Outlying Islands", "U.S. Minor Outlying Islands"]),
    ("US", "United States", &["USA", "United States of America", "U.S.A."]),
    ("UY", "Uruguay", &[]),
    ("UZ", "Uzbekistan", &[]),
    ("VA", "Vatican City", &["Holy See", "Holy See (Vatican City)", "Holy See (Vatican City State)"]),
    ("VC", "Saint Vincent and the Grenadines", &["St. Vincent and the Grenadines"]),
    ("VE", "Venezuela", &["Venezuela (Bolivarian Republic of)", "Venezuela, Bolivarian Republic of", "Bolivarian Republic of Venezuela"]),
    ("VG", "British Virgin Islands", &["Virgin Islands, British", "Virgin Islands (British)"]),
    ("VI", "U.S. Virgin Islands", &["Virgin Islands, U.S.", "Virgin Islands (U.S.)", "Virgin Islands"]),
    ("VN", "Vietnam", &["Viet Nam"]),
    ("VU", "Vanuatu", &[]),
    ("WF", "Wallis and Futuna", &[]),
    ("WS", "Samoa", &[]),
    ("XK", "Kosovo", &[]),
    ("YE", "Yemen", &[]),
    ("YT", "Mayotte", &[]),
    ("ZA", "South Africa", &[]),
    ("ZM", "Zambia", &[]),
    ("ZW", "Zimbabwe", &[]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// What is far too long for a country is not looked at.
    #[test]
    fn what_is_too_long_is_no_country() {
        let padded = |length: usize| format!("ch{}", "1".repeat(length - 2));
        assert_eq!((friendly(&padded(256)), friendly(&padded(257)), friendly(&padded(300))), (Some("Switzerland"), None, None));
    }

    #[test]
    fn the_table_is_complete_and_no_spelling_means_two_countries() {
        let codes: BTreeSet<_> = TABLE.iter().map(|(code, _, _)| *code).collect();
        assert_eq!(codes.len(), TABLE.len());
        assert_eq!(TABLE.len(), 250, "249 of ISO, and Kosovo");
        let mut seen = BTreeMap::new();
        for (code, name, others) in TABLE {
            for spelling in [code, name].into_iter().chain(others.iter()) {
                let before = seen.insert(folded(spelling), *code);
                assert!(before.is_none_or(|before| before == *code), "{spelling} means {before:?} and {code}");
            }
        }
    }

    #[test]
    fn codes_names_and_other_spellings_are_one_country() {
        for (text, name) in [
            ("CH", "Switzerland"),
            ("ch", "Switzerland"),
            ("SWITZERLAND", "Switzerland"),
            ("Türkiye", "Turkey"),
            ("Turkiye", "Turkey"),
            ("Cote d'Ivoire", "Côte d’Ivoire"),
            ("Czechia", "Czech Republic"),
            ("Viet Nam", "Vietnam"),
            ("Antigua & Barbuda", "Antigua and Barbuda"),
        ] {
            assert_eq!(friendly(text), Some(name), "{text}");
        }
        for text in ["", "  ", "Elbonia", "XX", "41", &"x".repeat(10_000)] {
            assert_eq!(friendly(text), None, "{text}");
        }
    }
}
