//! What happens in a history: made from a seed, and small enough to be read. Everything names its people by number, so that a part
//! can be left out and the rest still means the same.

use std::fmt;

use crate::dice::Dice;
use crate::rivals::THERE;

/// The tenants a history may have.
pub(crate) const TENANTS: [&str; 4] = ["contoso", "fabrikam", "initech", "umbra"];

/// The fields that are edited and compared, by Exchange's names.
pub(crate) const FIELDS: [&str; 11] =
    ["DisplayName", "FirstName", "LastName", "Title", "Department", "Company", "Office", "Phone", "MobilePhone", "City", "PostalCode"];

/// How the tenants hang together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Two, each publishing to the other.
    Pair,
    /// Two, one publishing to the other.
    OneWay,
    /// Three in a row: nothing is relayed.
    Chain,
    /// Three, everybody with everybody.
    Mesh,
    /// Four: one in the middle publishes to three, and they to it.
    Star,
    /// Two, with contacts of other companies that both sides keep.
    Peers,
    /// Three: two that publish to the third, each with contacts of other companies for the same addresses.
    Rivals,
}

impl Shape {
    /// All, by name.
    pub(crate) const ALL: [Self; 7] = [Self::Pair, Self::OneWay, Self::Mesh, Self::Chain, Self::Star, Self::Peers, Self::Rivals];

    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pair => "pair",
            Self::OneWay => "one-way",
            Self::Chain => "chain",
            Self::Mesh => "mesh",
            Self::Star => "star",
            Self::Peers => "peers",
            Self::Rivals => "rivals",
        }
    }

    /// The pairs, as numbers of tenants.
    pub(crate) fn pairs(self) -> &'static [(usize, usize)] {
        match self {
            Self::Pair | Self::OneWay | Self::Peers => &[(0, 1)],
            Self::Chain => &[(0, 1), (1, 2)],
            Self::Mesh => &[(0, 1), (1, 2), (0, 2)],
            Self::Star => &[(0, 1), (0, 2), (0, 3)],
            Self::Rivals => &[(0, 2), (1, 2)],
        }
    }

    /// How many tenants.
    pub(crate) fn tenants(self) -> usize {
        match self {
            Self::Pair | Self::OneWay | Self::Peers => 2,
            Self::Chain | Self::Mesh | Self::Rivals => 3,
            Self::Star => 4,
        }
    }
}

/// What the profile says beyond the pairs.
#[expect(clippy::struct_excessive_bools, reason = "each is a line of the profile, there or not")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Published names end in the tenant's name.
    pub(crate) suffix: bool,
    /// Departments are not published.
    pub(crate) no_department: bool,
    /// The department `Legal` is left out.
    pub(crate) no_legal: bool,
    /// Only the members of a group are published.
    pub(crate) grouped: bool,
}

/// Somebody: a number, that stays with whoever follows him under his address.
pub(crate) type Slot = usize;

/// What an administrator or the operator does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Act {
    /// Somebody new, of a tenant.
    Hire { slot: Slot, tenant: usize, kind: &'static str, values: Vec<(usize, String)>, member: bool },
    /// A contact of another company, made by both sides.
    HireBoth { slot: Slot, values: [Vec<(usize, String)>; 2] },
    /// Another value of a field; none clears it.
    Edit { slot: Slot, field: usize, value: Option<String> },
    /// Another address.
    Readdress { slot: Slot, local: String },
    /// Hidden from his own address list, or shown.
    Hide { slot: Slot, hidden: bool },
    /// The account is disabled, or enabled.
    Disable { slot: Slot, disabled: bool },
    /// Deleted: into the recycle bin, or for good.
    Fire { slot: Slot, permanent: bool },
    /// Out of the recycle bin.
    Restore { slot: Slot },
    /// Deleted for good (or long ago), and a new account with the same address.
    Rehire { slot: Slot },
    /// A user becomes a shared mailbox, or the other way round.
    Convert { slot: Slot },
    /// Into the group that scopes ask for, or out of it.
    Group { slot: Slot, member: bool },
    /// Leaves for another tenant: an account is deleted, one there is made.
    Move { slot: Slot, to: usize },
    /// The target's administrator edits what we publish.
    EditContact { slot: Slot, there: usize, field: usize, value: Option<String> },
    /// … or a field that is not mapped.
    Annotate { slot: Slot, there: usize, value: String },
    /// … or hides or shows it.
    HideContact { slot: Slot, there: usize, hidden: bool },
    /// … or deletes it.
    DeleteContact { slot: Slot, there: usize },
    /// Somebody there takes the address of a person: a guest, a mail user, a contact.
    Hold { slot: Slot, there: usize, kind: &'static str, values: Vec<(usize, String)> },
    /// And gives it back.
    LetGo { slot: Slot, there: usize },
    /// The operator changes the profile.
    Profile(Policy),
    /// Removes somebody's contact for a successor.
    MakeWay { slot: Slot, there: usize },
    /// Publishes him again.
    Unsuppress { slot: Slot, there: usize },
    /// Writes stop for this step.
    Pause { pair: usize },
    /// Takes everything back from a side, and merges again afterwards.
    Unpublish { pair: usize, b: bool },
    /// A tenant's delta tokens are void.
    Resync { tenant: usize },
    /// The certificate of a tenant rolls, while processes that began with the old one go on.
    Roll { tenant: usize },
    /// Weeks pass.
    LongWait,
    /// The state is gone; the operator rebuilds and merges.
    LoseState,
    /// The state of some steps ago is restored.
    Yesterday { steps: usize },
    /// A tenant accepts another's domain for a while: its contacts must yield, and are left as they are, whoever is edited.
    Domain { pair: usize, b: bool, value: String },
    /// Somebody is edited by mistake, and the runs that came of it are undone.
    Mistake { slot: Slot, field: usize, value: Option<String> },
}

/// What goes wrong in one cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// Nothing.
    None,
    /// The process dies at a call to Microsoft.
    DieOutside { nth: u64, after: bool },
    /// The process dies at a request to the state.
    DieInState { nth: u64, after: bool },
    /// The process is gone after so many steps of its work, wherever that is.
    Drop { polls: u64 },
    /// Two processes do the same at once.
    Overlap,
    /// All pairs read and write at once, as schedules have it.
    Together,
    /// The clock of this process is ahead by so many minutes.
    Skew { minutes: i64 },
}

/// Acts, and cycles among them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    /// Each about somebody else.
    pub(crate) acts: Vec<Act>,
    /// Services: 0 well, 1 as usual, 2 hostile.
    pub(crate) faults: u8,
    /// A cycle of every pair for each; the acts are done one by one between them.
    pub(crate) cycles: Vec<Mishap>,
    /// Whether everything is read before it is judged.
    pub(crate) full: bool,
}

/// A history.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Script {
    pub(crate) seed: u64,
    pub(crate) shape: Shape,
    pub(crate) policy: Policy,
    /// Whether a hostile day also has what is rare.
    pub(crate) rare: bool,
    pub(crate) steps: Vec<Step>,
}

impl fmt::Display for Script {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "seed {} shape {} policy {:?}", self.seed, self.shape.name(), self.policy)?;
        for (number, step) in self.steps.iter().enumerate() {
            writeln!(out, "  step {number}: services {}, cycles {:?}{}", step.faults, step.cycles, if step.full { ", full" } else { "" })?;
            for act in &step.acts {
                writeln!(out, "    {act:?}")?;
            }
        }
        Ok(())
    }
}

/// Slots that a history has at most.
const SLOTS: usize = 12;

impl Script {
    /// The history of a seed.
    pub(crate) fn of(seed: u64, shape: Option<Shape>) -> Self {
        let mut dice = Dice::new(seed);
        let shape = shape.unwrap_or_else(|| *dice.pick(&Shape::ALL));
        let mut policy = policy(&mut dice);
        if matches!(shape, Shape::Peers | Shape::Rivals) {
            // Who of two is the first would depend on the scope.
            policy = Policy { no_department: false, no_legal: false, grouped: false, ..policy };
        }
        let mut author = Author { dice, shape, slots: 0 };
        let count = 4 + author.dice.below(8);
        let mut steps = vec![Step { acts: (0..count).map(|_| author.hire()).collect(), faults: 0, cycles: Vec::new(), full: false }];
        for _ in 0..2 + author.dice.below(5) {
            steps.push(author.step());
        }
        Self { seed, shape, policy, rare: false, steps }
    }
}

fn policy(dice: &mut Dice) -> Policy {
    Policy { suffix: dice.chance(40), no_department: dice.chance(15), no_legal: dice.chance(30), grouped: dice.chance(20) }
}

/// Makes a history up.
struct Author {
    dice: Dice,
    shape: Shape,
    slots: usize,
}

impl Author {
    fn step(&mut self) -> Step {
        let mut acts: Vec<Act> = Vec::new();
        let mut slots = Vec::new();
        if self.dice.chance(20) {
            // By itself: what else happened meanwhile would depend on when.
            acts.push(self.upheaval());
        } else {
            for _ in 0..=self.dice.below(4) {
                let act = self.act();
                let slot = act.slot();
                if slot.is_none_or(|slot| !slots.contains(&slot)) {
                    slots.extend(slot);
                    acts.push(act);
                }
            }
        }
        let cycles = (0..self.dice.below(4)).map(|_| self.mishap()).collect();
        let faults = *self.dice.pick(&[0, 0, 1, 2]);
        Step { acts, faults, cycles, full: self.dice.chance(25) }
    }

    fn upheaval(&mut self) -> Act {
        if self.shape == Shape::Peers {
            return match self.dice.below(3) {
                0 => Act::LongWait,
                1 => Act::Pause { pair: 0 },
                _ => Act::Resync { tenant: self.tenant() },
            };
        }
        if self.shape == Shape::Rivals {
            return match self.dice.below(10) {
                0..3 => Act::LongWait,
                3 => Act::Pause { pair: self.pair() },
                4 => Act::Resync { tenant: self.tenant() },
                5 | 6 => Act::Unpublish { pair: self.pair(), b: true },
                7 => Act::LoseState,
                _ => Act::Yesterday { steps: 1 + self.dice.index(3) },
            };
        }
        match self.dice.below(14) {
            0 | 1 => Act::LongWait,
            2 | 3 => Act::Profile(policy(&mut self.dice)),
            4 => Act::Unpublish { pair: self.pair(), b: self.dice.chance(50) },
            5 => Act::Pause { pair: self.pair() },
            6 => Act::Resync { tenant: self.tenant() },
            7 => Act::LoseState,
            8 | 9 => {
                let (pair, b, title) = (self.pair(), self.dice.chance(50), self.dice.below(100));
                Act::Domain { pair, b, value: format!("Title {title}") }
            }
            10 | 11 => {
                let (slot, field) = (self.slot(), self.dice.index(FIELDS.len()));
                Act::Mistake { slot, field, value: self.value(field) }
            }
            _ => Act::Yesterday { steps: 1 + self.dice.index(3) },
        }
    }

    fn mishap(&mut self) -> Mishap {
        let after = self.dice.chance(50);
        match self.dice.below(9) {
            0 | 1 => Mishap::None,
            8 => Mishap::Together,
            7 => Mishap::Skew { minutes: i64::try_from(self.dice.below(9)).unwrap_or(0) - 4 },
            2 => Mishap::DieOutside { nth: 1 + self.dice.below(40), after },
            3 => Mishap::DieInState { nth: 1 + self.dice.below(60), after },
            4 | 5 => Mishap::Drop { polls: 1 + self.dice.below(200) },
            _ => Mishap::Overlap,
        }
    }

    fn pair(&mut self) -> usize {
        self.dice.index(self.shape.pairs().len())
    }

    fn tenant(&mut self) -> usize {
        self.dice.index(self.shape.tenants())
    }

    fn slot(&mut self) -> Slot {
        self.dice.index(self.slots.max(1))
    }

    fn act(&mut self) -> Act {
        let (slot, there) = (self.slot(), self.tenant());
        let field = self.dice.index(FIELDS.len());
        if self.shape == Shape::Peers {
            return match self.dice.below(15) {
                0 | 1 if self.slots < SLOTS => self.hire(),
                13 | 14 => Act::Rehire { slot },
                0..5 => Act::Edit { slot, field, value: self.value(field) },
                5..8 => Act::EditContact { slot, there, field, value: self.value(field) },
                8 => Act::Hide { slot, hidden: self.dice.chance(50) },
                9 => Act::Fire { slot, permanent: true },
                10 => Act::DeleteContact { slot, there },
                11 => Act::Roll { tenant: there },
                _ => Act::Unsuppress { slot, there },
            };
        }
        if self.shape == Shape::Rivals {
            return match self.dice.below(22) {
                0..3 if self.slots < SLOTS => self.hire(),
                0..6 => Act::Edit { slot, field, value: self.value(field) },
                6..8 => Act::EditContact { slot, there: THERE, field, value: self.value(field) },
                8..12 => Act::Hide { slot, hidden: self.dice.chance(60) },
                12..14 => Act::Fire { slot, permanent: true },
                14..17 => Act::Rehire { slot },
                17 => Act::HideContact { slot, there: THERE, hidden: self.dice.chance(50) },
                18 => Act::DeleteContact { slot, there: THERE },
                19 => Act::MakeWay { slot, there: THERE },
                20 => Act::Roll { tenant: there },
                _ => Act::Unsuppress { slot, there: THERE },
            };
        }
        match self.dice.below(31) {
            0..4 if self.slots < SLOTS => self.hire(),
            0..8 => Act::Edit { slot, field, value: self.value(field) },
            8 => Act::Readdress { slot, local: format!("p{slot}-{}", self.dice.below(3)) },
            9 | 10 => Act::Hide { slot, hidden: self.dice.chance(60) },
            11 | 12 => Act::Disable { slot, disabled: self.dice.chance(60) },
            13 => Act::Fire { slot, permanent: self.dice.chance(40) },
            14 | 15 => Act::Restore { slot },
            16 => Act::Rehire { slot },
            17 => Act::Convert { slot },
            18 => Act::Group { slot, member: self.dice.chance(50) },
            19 => Act::Move { slot, to: there },
            20 | 21 => Act::EditContact { slot, there, field, value: self.value(field) },
            22 => Act::Annotate { slot, there, value: format!("note {}", self.dice.below(100)) },
            23 | 24 => Act::HideContact { slot, there, hidden: self.dice.chance(50) },
            25 => Act::DeleteContact { slot, there },
            26 => {
                let kind = *self.dice.pick(&["guest", "mail-user", "contact", "contact"]);
                Act::Hold { slot, there, kind, values: self.values() }
            }
            27 => Act::LetGo { slot, there },
            28 => Act::MakeWay { slot, there },
            29 => Act::Roll { tenant: there },
            _ => Act::Unsuppress { slot, there },
        }
    }

    fn hire(&mut self) -> Act {
        let slot = self.slots;
        self.slots += 1;
        if self.shape == Shape::Peers && self.dice.chance(35) {
            return Act::HireBoth { slot, values: [self.values(), self.values()] };
        }
        if self.shape == Shape::Peers {
            return Act::Hire { slot, tenant: self.tenant(), kind: "contact", values: self.values(), member: false };
        }
        if self.shape == Shape::Rivals {
            // Two that follow each other have one address.
            return Act::Hire { slot, tenant: slot % 2, kind: "contact", values: self.values(), member: false };
        }
        let kind = *self.dice.pick(&["user", "user", "user", "shared", "room", "distribution-group"]);
        Act::Hire { slot, tenant: self.tenant(), kind, values: self.values(), member: self.dice.chance(70) }
    }

    fn values(&mut self) -> Vec<(usize, String)> {
        let mut values = Vec::new();
        for field in 1..FIELDS.len() {
            if self.dice.chance(35)
                && let Some(value) = self.value(field)
            {
                values.push((field, value));
            }
        }
        values
    }

    /// A value for a field: every script, every sign that is special somewhere.
    fn value(&mut self, field: usize) -> Option<String> {
        const TEXTS: [&str; 22] = [
            "Ann",
            "Ben Ali",
            "Łukasz Żółć",
            "李小龍",
            "Ольга",
            "שרה כהן",
            "نور",
            "Zoë 🦊",
            "O'Neil",
            "=1+1",
            "{{ display_name }}",
            "a;b,c",
            "tab\tin",
            "<b>bold</b>",
            "e\u{301}te\u{301}",
            "CEO",
            "Lead",
            "Legal",
            "R&D",
            "Straße 7",
            "100%",
            "\\x",
        ];
        match FIELDS[field] {
            "DisplayName" => Some(format!("{} {}", self.dice.pick(&TEXTS), self.dice.below(4))),
            _ if self.dice.chance(15) => None,
            "Phone" | "MobilePhone" => Some(format!("+41 44 {} {}", 100 + self.dice.below(800), 10 + self.dice.below(80))),
            "Department" if self.dice.chance(30) => Some("Legal".to_owned()),
            "PostalCode" => Some(format!("{}", 1000 + self.dice.below(9000))),
            _ => Some((*self.dice.pick(&TEXTS)).to_owned()),
        }
    }
}

impl Act {
    /// Whom it is about.
    pub(crate) fn slot(&self) -> Option<Slot> {
        match self {
            Self::Hire { slot, .. }
            | Self::HireBoth { slot, .. }
            | Self::Edit { slot, .. }
            | Self::Readdress { slot, .. }
            | Self::Hide { slot, .. }
            | Self::Disable { slot, .. }
            | Self::Fire { slot, .. }
            | Self::Restore { slot }
            | Self::Rehire { slot }
            | Self::Convert { slot }
            | Self::Group { slot, .. }
            | Self::Move { slot, .. }
            | Self::EditContact { slot, .. }
            | Self::Annotate { slot, .. }
            | Self::HideContact { slot, .. }
            | Self::DeleteContact { slot, .. }
            | Self::Hold { slot, .. }
            | Self::LetGo { slot, .. }
            | Self::MakeWay { slot, .. }
            | Self::Mistake { slot, .. }
            | Self::Unsuppress { slot, .. } => Some(*slot),
            Self::Profile(_)
            | Self::Pause { .. }
            | Self::Unpublish { .. }
            | Self::Resync { .. }
            | Self::Roll { .. }
            | Self::LongWait
            | Self::LoseState
            | Self::Domain { .. }
            | Self::Yesterday { .. } => None,
        }
    }
}
