//! People's names in many scripts, each with the Latin form that becomes the address.

use crate::dice::Dice;

/// A people with its names: as written, and as spelt in an address.
pub(crate) struct Culture {
    /// ISO code of where most of them work.
    pub(crate) country: &'static str,
    /// City, state and postal code there.
    pub(crate) city: (&'static str, &'static str, &'static str),
    /// Beginning of a telephone number.
    pub(crate) dial: &'static str,
    /// The family name is written first and without a space.
    pub(crate) family_first: bool,
    given: &'static [(&'static str, &'static str)],
    family: &'static [(&'static str, &'static str)],
}

/// A name in both forms.
#[derive(Debug, Clone)]
pub(crate) struct FullName {
    pub(crate) given: &'static str,
    pub(crate) family: &'static str,
    pub(crate) display: String,
    /// `given.family` in plain letters.
    pub(crate) local_part: String,
}

impl Culture {
    /// One of its people.
    pub(crate) fn person(&self, dice: &mut Dice) -> FullName {
        let (given, given_latin) = *dice.pick(self.given);
        let (family, family_latin) = *dice.pick(self.family);
        let display = if self.family_first { format!("{family}{given}") } else { format!("{given} {family}") };
        FullName { given, family, display, local_part: format!("{given_latin}.{family_latin}") }
    }
}

/// Every people, the more frequent ones several times over.
pub(crate) fn culture(dice: &mut Dice) -> &'static Culture {
    let drawn = dice.below(100);
    match drawn {
        0..24 => &CULTURES[0],
        24..40 => &CULTURES[1],
        _ => dice.pick(CULTURES),
    }
}

macro_rules! culture {
    ($country:literal, $city:expr, $dial:literal, $first:literal, [$($g:literal $gl:literal),*], [$($f:literal $fl:literal),*]) => {
        Culture {
            country: $country, city: $city, dial: $dial, family_first: $first,
            given: &[$(($g, $gl)),*], family: &[$(($f, $fl)),*],
        }
    };
}

static CULTURES: &[Culture] = &[
    culture!("CH", ("Zürich", "ZH", "8001"), "+41 44", false,
        ["Anna" "anna", "Jürg" "juerg", "Beat" "beat", "Zoë" "zoe", "Noah" "noah", "Léa" "lea", "Urs" "urs", "Käthi" "kaethi",
         "Mia" "mia", "Lukas" "lukas", "Sämi" "saemi", "Nina" "nina"],
        ["Müller" "mueller", "Meier" "meier", "Gößler" "goessler", "Frei" "frei", "Bühler" "buehler", "Rüegg" "rueegg",
         "Keller" "keller", "Weiß" "weiss", "Ammann" "ammann", "Zürcher" "zuercher", "von Arx" "vonarx", "Hägi" "haegi"]),
    culture!("US", ("Austin", "TX", "78701"), "+1 512 555", false,
        ["Ann" "ann", "James" "james", "Olivia" "olivia", "Sean" "sean", "Mary-Jo" "mary-jo", "Ethan" "ethan", "Ava" "ava",
         "Liam" "liam", "Grace" "grace", "Tyrone" "tyrone"],
        ["O'Brien" "obrien", "Smith" "smith", "Johnson" "johnson", "d’Arcy" "darcy", "Lee" "lee", "McKay" "mckay",
         "Jones" "jones", "Smith-Hayes" "smith-hayes", "Brown" "brown", "Nguyễn" "nguyen"]),
    culture!("FR", ("Lyon", "", "69002"), "+33 4 72", false,
        ["Chloé" "chloe", "François" "francois", "Hélène" "helene", "Loïc" "loic", "Anaïs" "anais", "Jérôme" "jerome"],
        ["Lefèvre" "lefevre", "Garçon" "garcon", "Bœuf" "boeuf", "Dupré" "dupre", "L'Hôpital" "lhopital", "Noël" "noel"]),
    culture!("ES", ("Málaga", "Andalucía", "29001"), "+34 952", false,
        ["Íñigo" "inigo", "Begoña" "begona", "José María" "josemaria", "Lucía" "lucia", "Ángel" "angel"],
        ["Núñez" "nunez", "Ibáñez" "ibanez", "García López" "garcialopez", "Peña" "pena", "Agüero" "aguero"]),
    culture!("PL", ("Łódź", "", "90-001"), "+48 42", false,
        ["Łukasz" "lukasz", "Żaneta" "zaneta", "Michał" "michal", "Małgorzata" "malgorzata", "Świętosława" "swietoslawa"],
        ["Wąsik" "wasik", "Żółkiewski" "zolkiewski", "Nowak" "nowak", "Gęś" "ges", "Śmigły" "smigly"]),
    culture!("CZ", ("Plzeň", "", "301 00"), "+420 377", false,
        ["Jiří" "jiri", "Žofie" "zofie", "Řehoř" "rehor", "Anežka" "anezka"],
        ["Dvořák" "dvorak", "Šťastný" "stastny", "Křížová" "krizova", "Ďuriš" "duris"]),
    culture!("TR", ("İzmir", "", "35210"), "+90 232", false,
        ["Işıl" "isil", "Çağrı" "cagri", "Gül" "gul", "İbrahim" "ibrahim", "Şule" "sule"],
        ["Yıldırım" "yildirim", "Öztürk" "ozturk", "Işık" "isik", "Güneş" "gunes", "Çınar" "cinar"]),
    culture!("SE", ("Malmö", "", "211 19"), "+46 40", false,
        ["Åsa" "asa", "Björn" "bjorn", "Märta" "marta", "Örjan" "orjan"],
        ["Sjögren" "sjogren", "Åkesson" "akesson", "Öberg" "oberg", "Ström" "strom"]),
    culture!("VN", ("Đà Nẵng", "", "550000"), "+84 236", false,
        ["Thị Hương" "huong", "Quốc Bảo" "bao", "Đức" "duc", "Ngọc Ánh" "anh"],
        ["Nguyễn" "nguyen", "Trần" "tran", "Đặng" "dang", "Phạm" "pham"]),
    culture!("RU", ("Самара", "", "443001"), "+7 846", false,
        ["Анна" "anna", "Фёдор" "fyodor", "Ольга" "olga", "Юрий" "yuri", "Щепан" "shchepan"],
        ["Иванова" "ivanova", "Щербаков" "shcherbakov", "Ёлкин" "yolkin", "Соловьёва" "solovyova"]),
    culture!("UA", ("Київ", "", "01001"), "+380 44", false,
        ["Їжак" "yizhak", "Олена" "olena", "Євген" "yevhen", "Іван" "ivan"],
        ["Шевченко" "shevchenko", "Ґалаґан" "galagan", "Кравець" "kravets", "Гнатюк" "hnatiuk"]),
    culture!("GR", ("Αθήνα", "", "105 57"), "+30 21", false,
        ["Γιώργος" "giorgos", "Ελένη" "eleni", "Νίκος" "nikos", "Χρυσάνθη" "chrysanthi"],
        ["Παπαδόπουλος" "papadopoulos", "Αγγέλου" "angelou", "Οικονόμου" "oikonomou", "Ψαρρός" "psarros"]),
    culture!("EG", ("القاهرة", "", "11511"), "+20 2", false,
        ["أحمد" "ahmed", "فاطمة" "fatima", "يوسف" "youssef", "ليلى" "layla"],
        ["عبد الرحمن" "abdelrahman", "الشريف" "elsherif", "منصور" "mansour", "خليل" "khalil"]),
    culture!("IL", ("חיפה", "", "3100001"), "+972 4", false,
        ["נועה" "noa", "יעקב" "yaakov", "שרה" "sara", "איתן" "eitan"],
        ["כהן" "cohen", "לוי" "levi", "בן־דוד" "bendavid", "מזרחי" "mizrahi"]),
    culture!("CN", ("上海", "", "200000"), "+86 21", true,
        ["伟" "wei", "秀英" "xiuying", "小明" "xiaoming", "静怡" "jingyi", "𠮷宁" "jining"],
        ["王" "wang", "李" "li", "欧阳" "ouyang", "陈" "chen", "吕" "lv"]),
    culture!("JP", ("東京", "東京都", "100-0001"), "+81 3", true,
        ["さくら" "sakura", "健太" "kenta", "花子" "hanako", "ジョージ" "george"],
        ["髙橋" "takahashi", "齋藤" "saito", "田中" "tanaka", "𠮷田" "yoshida"]),
    culture!("KR", ("서울", "", "04524"), "+82 2", true,
        ["민준" "minjun", "서연" "seoyeon", "지훈" "jihun", "하늘" "haneul"],
        ["김" "kim", "이" "yi", "박" "park", "선우" "sunwoo"]),
    culture!("TH", ("กรุงเทพฯ", "", "10200"), "+66 2", false,
        ["สมชาย" "somchai", "นภา" "napha", "พิมพ์ใจ" "phimchai"],
        ["ศรีสุข" "srisuk", "ทองดี" "thongdi", "จันทร์เพ็ญ" "chanphen"]),
    culture!("IN", ("मुंबई", "महाराष्ट्र", "400001"), "+91 22", false,
        ["प्रिया" "priya", "अर्जुन" "arjun", "लक्ष्मी" "lakshmi"],
        ["शर्मा" "sharma", "अय्यर" "iyer", "सिंह" "singh"]),
    culture!("GE", ("თბილისი", "", "0105"), "+995 32", false,
        ["ნინო" "nino", "გიორგი" "giorgi"],
        ["ბერიძე" "beridze", "კაპანაძე" "kapanadze"]),
];

/// Titles, some awkward.
pub(crate) const TITLES: &[&str] = &[
    "Engineer",
    "Head of Sales",
    "Leiterin Einkauf",
    "Directeur général",
    "IT Manager",
    "Controller",
    "R&D <Lead>",
    "Assistant to the \"Board\"",
    "Проектный менеджер",
    "営業部長",
    "Consultant, Senior",
    "Sachbearbeiter/in",
    "VP Customer Success \u{1F680}",
    "Nurse",
    "Legal Counsel",
    "Werkstudent",
    "Technician\u{a0}II",
];

/// Departments.
pub(crate) const DEPARTMENTS: &[&str] = &[
    "Sales",
    "Finance",
    "Legal",
    "R&D",
    "IT",
    "Einkauf",
    "Ressources humaines",
    "Логистика",
    "品質管理",
    "Marketing",
    "Customer Care",
    "Produktion",
];

/// Things rooms and machines are named after.
pub(crate) const PLACES: &[&str] = &[
    "Matterhorn",
    "Säntis",
    "Rigi",
    "Eiger",
    "Mönch",
    "Jungfrau",
    "Titlis",
    "Pilatus",
    "Bernina",
    "Dom",
    "Weisshorn",
    "Tödi",
    "Napf",
    "Chasseral",
    "Fuji 富士",
    "Ararat",
];

/// Companies that contacts work for, and their domains.
pub(crate) const PARTNERS: &[(&str, &str)] = &[
    ("Northwind Traders", "northwind.example"),
    ("Adatum AG", "adatum.example"),
    ("Tailspin Toys", "tailspin.example"),
    ("Wingtip & Söhne", "wingtip.example"),
    ("Proseware S.à r.l.", "proseware.example"),
    ("Litware", "litware.example"),
    ("Woodgrove Bank", "woodgrove.example"),
    ("Fourth Coffee", "fourthcoffee.example"),
];
