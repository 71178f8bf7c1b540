//! The directories that are made from the seed.

use std::collections::BTreeSet;

use m365_simulator::{Cloud, SimulatorConfig, TenantSpec};
use serde_json::{Value, json};

use crate::world::World;

fn config(seed: u64) -> SimulatorConfig {
    let fabrikam = TenantSpec { cloud: Cloud::GccHigh, ..TenantSpec::new("fabrikam", 600) };
    SimulatorConfig { seed, tenants: vec![TenantSpec::new("contoso", 1_000), fabrikam], ..SimulatorConfig::default() }
}

#[tokio::test]
async fn the_same_seed_makes_the_same_world() {
    let gal = |seed: u64| {
        let world = World::new(config(seed));
        (serde_json::to_value(world.simulator.tenants()).unwrap(), serde_json::to_value(world.simulator.gal("contoso", true)).unwrap())
    };
    assert_eq!(gal(7), gal(7));
    assert_ne!(gal(7), gal(8));
}

#[tokio::test]
async fn a_directory_has_everything_a_sync_must_meet() {
    let mut world = World::new(config(7));
    let gal = world.simulator.gal("contoso", true);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let kinds: BTreeSet<&str> = gal.iter().map(|entry| entry.kind.as_str()).collect();
    for kind in ["user", "shared", "room", "equipment", "contact", "mail-user", "distribution-group", "microsoft365-group", "guest"] {
        assert!(kinds.contains(kind), "{kind}");
    }
    let has = |what: &str, test: &dyn Fn(&m365_simulator::GalEntry) -> bool| {
        let found = gal.iter().filter(|entry| test(entry)).count();
        assert!(found > 0, "no {what}");
    };
    has("hidden user", &|entry| entry.kind == "user" && entry.hidden);
    has("disabled user", &|entry| entry.kind == "user" && entry.properties["AccountEnabled"] == false);
    has("disabled shared mailbox", &|entry| entry.kind == "shared" && entry.properties["AccountEnabled"] == false);
    has("synced user", &|entry| entry.kind == "user" && entry.properties["IsDirSynced"] == true);
    has("synced contact", &|entry| entry.kind == "contact" && entry.properties["IsDirSynced"] == true);
    has("B2B member", &|entry| text(&entry.properties["UserPrincipalName"]).contains("#EXT#") && entry.kind == "mail-user");
    has("manager", &|entry| entry.properties["Manager"].is_string());
    has("X500 address", &|entry| entry.properties["EmailAddresses"].to_string().contains("X500:"));
    has("closed group", &|entry| entry.kind == "distribution-group" && entry.properties["RequireSenderAuthenticationEnabled"] == true);
    has("foreign mark", &|entry| text(&entry.properties["CustomAttribute15"]).starts_with("payroll"));
    has("address of the first domain only", &|entry| text(&entry.properties["PrimarySmtpAddress"]).ends_with(".onmicrosoft.com"));
    has("stand-in", &|entry| entry.kind == "contact" && text(&entry.properties["ExternalEmailAddress"]).ends_with("@fabrikam.example"));
    for (script, range) in [
        ("Cyrillic", 'а'..'я'),
        ("Greek", 'α'..'ω'),
        ("Arabic", 'ا'..'ي'),
        ("Hebrew", 'א'..'ת'),
        ("Han", '一'..'龥'),
        ("Hangul", '가'..'힣'),
        ("Thai", 'ก'..'ฮ'),
    ] {
        has(script, &|entry| text(&entry.properties["DisplayName"]).chars().any(|one| range.contains(&one)));
    }
    let names: Vec<String> = gal.iter().map(|entry| text(&entry.properties["DisplayName"])).collect();
    assert!(names.len() > names.iter().collect::<BTreeSet<_>>().len(), "no two of one name");
    // The same outsiders on both sides, and not all the same about them.
    let external = |tenant: &str| -> BTreeSet<String> {
        let gal = world.simulator.gal(tenant, true);
        gal.iter().filter(|entry| entry.kind == "contact").map(|entry| text(&entry.properties["ExternalEmailAddress"])).collect()
    };
    assert!(external("contoso").intersection(&external("fabrikam")).count() >= 10);
    // Users who are deleted, and users without a mailbox.
    world.simulator.set_faults_json(json!({"probabilities": {"removed-in-initial-sync": 1.0}})).unwrap();
    let (rows, _) = world.delta("contoso", "/users/delta?$select=id,mail").await;
    assert!(rows.iter().any(|row| row.get("@removed").is_some()));
    assert!(rows.iter().any(|row| row.get("@removed").is_none() && row.get("mail").is_none()));
    let groups = world.tenant("contoso").groups;
    for name in ["all-staff", "nested", "hidden", "empty"] {
        assert!(groups.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn everything_it_makes_would_pass_its_own_checks() {
    let world = World::new(config(11));
    for tenant in ["contoso", "fabrikam"] {
        let mut names = BTreeSet::new();
        let mut addresses = BTreeSet::new();
        for entry in world.simulator.gal(tenant, true) {
            let name = entry.properties["Name"].as_str().unwrap().to_lowercase();
            assert!(names.insert(name.clone()), "{name} twice");
            for address in entry.properties["EmailAddresses"].as_array().unwrap() {
                assert!(addresses.insert(address.as_str().unwrap().to_lowercase()), "{address} twice");
            }
            let length = |property: &str| entry.properties[property].as_str().unwrap_or_default().encode_utf16().count();
            assert!(length("Name") <= 64 && length("Alias") <= 64 && length("DisplayName") <= 256);
        }
    }
}
