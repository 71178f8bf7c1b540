//! A display name with words around it, `{{ display_name }} (Contoso)`, the one template that
//! nearly everybody uses.
//!
//! It is applied without the template engine, and so that twice is once: words that the name
//! already has are taken off first (FACTS.md 2.14), and where the result is too long the name is
//! cut, never the words.

use crate::normalise;

/// The least room that must remain for the name, in UTF-16 code units.
const ROOM: usize = 32;

/// The words before and after a display name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Affix {
    before: String,
    after: String,
    /// What remains for the name, in UTF-16 code units.
    room: usize,
}

/// Why a template of this shape cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

impl Affix {
    /// Recognises the shape; `None` for other templates. `limit`: of the whole, in UTF-16 code units.
    pub(super) fn recognise(template: &str, limit: usize) -> Option<Result<Self, NoRoom>> {
        let (before, rest) = template.split_once("{{")?;
        let (inside, after) = rest.split_once("}}")?;
        let plain = |text: &str| !["{{", "}}", "{%", "%}", "{#", "#}"].iter().any(|mark| text.contains(mark));
        if inside.trim() != "display_name" || !plain(before) || !plain(after) {
            return None;
        }
        // What is published is trimmed at both ends, so the words are too.
        let (before, after) = (before.trim_start().to_owned(), after.trim_end().to_owned());
        let taken = before.encode_utf16().count() + after.encode_utf16().count();
        Some(match limit.checked_sub(taken) {
            Some(room) if room >= ROOM => Ok(Self { before, after, room }),
            Some(_) | None => Err(NoRoom),
        })
    }

    /// The name with the words around it, and whether the name was cut. Blank stays blank.
    pub(super) fn apply(&self, name: &str) -> (String, bool) {
        let mut core = self.bare(name);
        if core.is_empty() {
            return (String::new(), false);
        }
        let mut was_cut = false;
        loop {
            let kept = normalise::cut(core, self.room);
            if kept.len() == core.len() {
                return (format!("{}{core}{}", self.before, self.after), was_cut);
            }
            was_cut = true;
            // The cut may have laid the words bare again, as in "Ann (Contoso) of a long department".
            core = self.bare(kept);
        }
    }

    /// The name without these words around it, however often they are there.
    fn bare<'n>(&self, name: &'n str) -> &'n str {
        let mut name = name.trim();
        if self.before.is_empty() && self.after.is_empty() {
            return name;
        }
        while let Some(inner) = name.strip_prefix(self.before.as_str()).and_then(|rest| rest.strip_suffix(self.after.as_str())) {
            let inner = inner.trim();
            if inner.is_empty() {
                break;
            }
            name = inner;
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn affix(template: &str) -> Affix {
        Affix::recognise(template, 256).unwrap().unwrap()
    }

    #[test]
    fn only_plain_words_around_the_name_are_this_shape() {
        for template in ["{{ display_name }} (Contoso)", "{{display_name}}", "Contoso: {{ display_name }}", "[{{ display_name }}]"] {
            assert!(matches!(Affix::recognise(template, 256), Some(Ok(_))), "{template}");
        }
        for template in [
            "",
            "x",
            "{{ title }}",
            "{{ display_name | upper }}",
            "{{ display_name }} {{ title }}",
            "{% if x %}{{ display_name }}{% endif %}",
            "{{ display_name",
        ] {
            assert_eq!(Affix::recognise(template, 256), None, "{template}");
        }
        assert_eq!(Affix::recognise(&format!("{{{{ display_name }}}}{}", "x".repeat(225)), 256), Some(Err(NoRoom)));
    }

    #[test]
    fn words_that_are_there_are_not_repeated() {
        for (template, name, expected) in [
            ("{{ display_name }} (Contoso)", "Ann", "Ann (Contoso)"),
            ("{{ display_name }} (Contoso)", "Ann (Contoso)", "Ann (Contoso)"),
            ("{{ display_name }} (Contoso)", "Ann (Contoso) (Contoso) ", "Ann (Contoso)"),
            ("{{ display_name }} (Contoso)", " ", ""),
            ("{{ display_name }} (Contoso)", "(Contoso)", "(Contoso) (Contoso)"),
            ("{{ display_name }} AG", "MontAG", "MontAG AG"),
            ("Contoso {{ display_name }}", "Contoso Contoso Ann", "Contoso Ann"),
            ("[{{ display_name }}]", "[[Ann]]", "[Ann]"),
            ("[{{ display_name }}]", "[Ann", "[[Ann]"),
            ("  {{ display_name }}  ", " Ann ", "Ann"),
        ] {
            assert_eq!(affix(template).apply(name).0, expected, "{template} of {name}");
        }
    }

    #[test]
    fn the_name_is_cut_not_the_words() {
        let (name, was_cut) = affix("{{ display_name }} (Contoso)").apply(&"Ä".repeat(300));
        assert_eq!((name.encode_utf16().count(), was_cut), (256, true));
        assert!(name.ends_with("ÄÄ (Contoso)"));
    }

    proptest! {
        #[test]
        fn twice_is_once_and_the_limit_is_kept(
            before in "[a(\u{301} ]{0,3}", after in "[a) \u{1f600}]{0,3}", pieces in prop::collection::vec("[a() \u{301}\u{1f600}]{0,40}", 0..12),
        ) {
            let affix = affix(&format!("{before}{{{{ display_name }}}}{after}"));
            let once = affix.apply(&pieces.concat()).0;
            prop_assert!(once.encode_utf16().count() <= 256);
            prop_assert_eq!(once.trim(), once.as_str());
            prop_assert_eq!(affix.apply(&once).0, once);
        }
    }
}
