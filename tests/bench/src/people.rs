//! Made-up people for the core: two directories that are linked one to one, twelve fields each.

use gal::{Anchor, Field, Values};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use uuid::Uuid;

/// The fields that everybody has.
pub(crate) const FIELDS: [Field; 12] = [
    Field::DisplayName,
    Field::FirstName,
    Field::LastName,
    Field::Title,
    Field::Company,
    Field::Department,
    Field::Office,
    Field::Phone,
    Field::MobilePhone,
    Field::City,
    Field::PostalCode,
    Field::CountryOrRegion,
];

const FIRST: [&str; 12] = ["Ann", "Bob", "Chloé", "Dmitri", "Elif", "Farid", "Giulia", "Hiroshi", "Ingrid", "João", "Katarzyna", "Liam"];
const LAST: [&str; 12] =
    ["Abel", "Brunner", "Castillo", "Dubois", "Eriksen", "Fischer", "García", "Huang", "Ivanova", "Jensen", "Kowalski", "Lindqvist"];
const TITLES: [&str; 8] = ["Clerk", "Head of Sales", "Engineer", "Senior Engineer", "Buyer", "Accountant", "Project Manager", "Nurse"];
const DEPARTMENTS: [&str; 8] = ["Sales", "Engineering", "Finance", "Purchasing", "Human Resources", "Legal", "Operations", "Research"];
const PLACES: [(&str, &str); 8] = [
    ("Bern", "Switzerland"),
    ("Zürich", "Switzerland"),
    ("Wien", "Austria"),
    ("München", "Germany"),
    ("Lyon", "France"),
    ("Leeds", "United Kingdom"),
    ("Porto", "Portugal"),
    ("Gdańsk", "Poland"),
];

/// One person: both anchors, and what both sides say. Side `b` shows an edit of side `a` not yet.
pub(crate) struct Person {
    pub(crate) source: Anchor,
    pub(crate) target: Anchor,
    /// What both sides said when they were last in step.
    pub(crate) was: Values,
    /// What the source says now.
    pub(crate) is: Values,
}

/// So many people, one in a hundred with a new title. The same every time.
pub(crate) fn people(count: usize) -> impl Iterator<Item = Person> {
    let mut chance = ChaCha8Rng::seed_from_u64(7);
    (0..count).map(move |number| {
        let mut draw = |below: usize| usize::try_from(chance.next_u32()).unwrap_or_default() % below;
        let (first, last) = (FIRST[draw(12)], format!("{}{}", LAST[draw(12)], draw(1000)));
        let (city, country) = PLACES[draw(8)];
        let text = [
            format!("{first} {last}"),
            first.to_owned(),
            last,
            TITLES[draw(8)].to_owned(),
            "Contoso Ltd".to_owned(),
            DEPARTMENTS[draw(8)].to_owned(),
            format!("B{}/{}", draw(9), draw(400)),
            format!("+41 31 {:03} {:02} {:02}", draw(1000), draw(100), draw(100)),
            format!("+41 79 {:03} {:02} {:02}", draw(1000), draw(100), draw(100)),
            city.to_owned(),
            format!("{:04}", draw(10_000)),
            country.to_owned(),
        ];
        let was: Values = FIELDS.iter().copied().zip(text.iter().map(String::as_str)).collect();
        let is = if number % 100 == 0 { was.with(Field::Title, Some("Director")) } else { was.clone() };
        let mut anchor = || {
            let mut bytes = [0; 16];
            chance.fill_bytes(&mut bytes);
            Anchor(uuid::Builder::from_random_bytes(bytes).into_uuid())
        };
        Person { source: anchor(), target: anchor(), was, is }
    })
}

/// The columns that a table of them has.
pub(crate) fn columns() -> Vec<&'static str> {
    FIELDS.iter().map(|field| field.row().key).collect()
}

/// The id that stands for an anchor elsewhere.
pub(crate) fn id(anchor: Anchor) -> Uuid {
    anchor.0
}
