//! The command as a person runs it: what is wrong is said, with the place and the next step, and the
//! exit codes are those of `--help`. What needs tenants is played by `galbridge demo`.

#![expect(clippy::unwrap_used, reason = "a test fails where its set-up fails")]

#[cfg(unix)]
mod onboarding;

use std::path::Path;
use std::process::{Command, Output};

/// A profile with two pairs.
const PROFILE: &str = r#"
client = "acme"
[tenants.contoso]
id = "11111111-1111-1111-1111-111111111111"
app_id = "22222222-2222-2222-2222-222222222222"
[tenants.fabrikam]
id = "33333333-3333-3333-3333-333333333333"
app_id = "44444444-4444-4444-4444-444444444444"
[tenants.northwind]
id = "55555555-5555-5555-5555-555555555555"
app_id = "66666666-6666-6666-6666-666666666666"
[[pairs]]
a = "contoso"
b = "fabrikam"
[[pairs]]
a = "contoso"
b = "northwind"
"#;

fn folder(profile: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("galbridge.toml"), profile).unwrap();
    folder
}

fn galbridge(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_galbridge")).current_dir(folder).args(arguments).output().unwrap()
}

/// Runs it, expects the exit code, and answers standard error and standard output.
fn ends(folder: &Path, arguments: &[&str], exit: i32) -> (String, String) {
    let output = galbridge(folder, arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (errors, out) = (text(output.stderr), text(output.stdout));
    assert_eq!(output.status.code(), Some(exit), "{arguments:?}\n{errors}\n{out}");
    (errors, out)
}

#[test]
fn the_exit_codes_are_in_the_help() {
    let folder = folder(PROFILE);
    for argument in ["-h", "--help"] {
        let (_, out) = ends(folder.path(), &[argument], 0);
        for line in ["0  in step", "1  failed", "2  wrong input", "3  held", "4  quarantined"] {
            assert!(out.contains(line), "{out}");
        }
    }
    ends(folder.path(), &["no-such-verb"], 2);
}

#[test]
fn wrong_arguments_are_a_document_too() {
    let folder = folder(PROFILE);
    for arguments in [["--json", "staus"], ["status", "--json=yes"], ["status", "--simulator=nowhere"]] {
        let (errors, out) = ends(folder.path(), &arguments, 2);
        assert!(errors.contains("error:"), "{errors}");
        assert_eq!(out.is_empty(), !arguments.contains(&"--json"), "{out}");
    }
    let (_, out) = ends(folder.path(), &["staus", "--json"], 2);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["exit"], 2);
    assert!(document["error"].as_str().unwrap().starts_with("unrecognized subcommand 'staus'"), "{out}");
}

/// Whoever sets the time decides when a grace period is over.
#[test]
fn the_time_comes_from_this_machine_only() {
    let folder = folder(PROFILE);
    for elsewhere in
        ["http://time.example", "https://graph.microsoft.com", "http://127.0.0.1.example:80", "http://me@127.0.0.1:80", "file:///etc/hosts"]
    {
        let (errors, _) = ends(folder.path(), &["status", "--simulator", elsewhere], 2);
        assert!(errors.contains("runs on this machine"), "{elsewhere}: {errors}");
    }
    for here in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"] {
        let (errors, _) = ends(folder.path(), &["--pair", "contoso-fabrikam", "status", "--simulator", here], 1);
        assert!(errors.contains("the simulator at"), "{here}: {errors}");
    }
}

#[test]
fn a_profile_that_is_missing_or_cut_short_is_told_with_its_place() {
    let folder = folder("client = \"acme\"\n[tenants.contoso]\nid = \"1111");
    let (errors, _) = ends(folder.path(), &["status"], 2);
    assert!(errors.contains("galbridge.toml:3:") && errors.contains("not TOML"), "{errors}");
    let (errors, _) = ends(folder.path(), &["--profile", "other.toml", "status"], 2);
    assert!(errors.contains("other.toml: there is no such profile"), "{errors}");
    let (_, out) = ends(folder.path(), &["--json", "profile", "check"], 2);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["exit"], 2);
    assert!(document["error"].as_str().unwrap().contains("galbridge.toml:3:"));
}

#[test]
fn the_pair_is_never_guessed() {
    let folder = folder(PROFILE);
    let (errors, _) = ends(folder.path(), &["status"], 2);
    assert!(errors.contains("name one with --pair: contoso-fabrikam, contoso-northwind"), "{errors}");
    let (errors, _) = ends(folder.path(), &["--pair", "contoso-fabrikan", "status"], 2);
    assert!(errors.contains("no pair contoso-fabrikan; it has: contoso-fabrikam, contoso-northwind"), "{errors}");
    let (_, out) = ends(folder.path(), &["--pair", "contoso-fabrikam", "status"], 0);
    assert!(out.contains("not merged yet"), "{out}");
    assert!(!out.contains('\x1b'), "no colours where no terminal is: {out}");
}

#[test]
fn a_status_has_a_stable_shape() {
    let folder = folder(PROFILE);
    let (_, out) = ends(folder.path(), &["--pair", "contoso-fabrikam", "--json", "status"], 0);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    let keys: Vec<&String> = document.as_object().unwrap().keys().collect();
    let mut expected = [
        "pair",
        "stage",
        "standing",
        "paused",
        "merge_in_progress",
        "links",
        "closed",
        "conflicts",
        "suppressed",
        "sides",
        "last_snapshot",
        "last_run",
        "holds",
        "quarantined",
        "agenda",
        "runs",
        "kept",
        "lost_links",
        "must_yield",
        "overwritten",
        "staged",
    ];
    expected.sort_unstable();
    let mut keys: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, expected);
    assert_eq!(document["stage"], "unmerged");
}

#[test]
fn certificates_are_private_and_never_overwritten() {
    let folder = folder(PROFILE);
    let (errors, _) = ends(folder.path(), &["--pair", "contoso-fabrikam", "snapshot"], 2);
    assert!(errors.contains("tenant contoso") && errors.contains("galbridge certificate new --tenant contoso"), "{errors}");
    let (_, out) = ends(folder.path(), &["certificate", "new", "--tenant", "contoso"], 0);
    assert!(out.contains("22222222-2222-2222-2222-222222222222") && out.contains("SHA-256"), "{out}");
    assert!(!out.contains("PRIVATE KEY"), "{out}");
    for file in ["contoso.cer", "contoso.public.pem"] {
        assert!(folder.path().join(file).exists(), "{file}");
    }
    assert!(!std::fs::read_to_string(folder.path().join("contoso.public.pem")).unwrap().contains("PRIVATE"));
    let (errors, _) = ends(folder.path(), &["certificate", "new", "--tenant", "contoso"], 2);
    assert!(errors.contains("contoso.pem"), "{errors}");
    for file in ["key.cer", "key.CER"] {
        let (errors, _) = ends(folder.path(), &["certificate", "new", "--out", file], 2);
        assert!(errors.contains(file) && !folder.path().join(file).exists(), "its public part would have replaced it: {errors}");
    }
    let (errors, _) = ends(folder.path(), &["certificate", "new", "--tenant", "nobody"], 2);
    assert!(errors.contains("it has: contoso, fabrikam, northwind"), "{errors}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let path = folder.path().join("contoso.pem");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let (errors, _) = ends(folder.path(), &["--pair", "contoso-fabrikam", "snapshot"], 2);
        assert!(errors.contains("contoso.pem") && errors.contains("chmod 600"), "{errors}");
    }
}

/// Once the tenant's answer was all that was said, which names other reasons too.
#[test]
fn an_expired_certificate_is_told_before_anything_is_sent() {
    let folder = folder(PROFILE);
    let credential = credentials::Credential::generate("contoso", "2020-01-01T00:00:00Z".parse().unwrap(), 365).unwrap();
    credentials::CredentialFile::new(folder.path().join("contoso.pem")).store_new(&credential).unwrap();
    let (errors, _) = ends(folder.path(), &["--pair", "contoso-fabrikam", "plan"], 2);
    for said in ["tenant contoso", "contoso.pem", "expired", "make a new one"] {
        assert!(errors.contains(said), "{said}: {errors}");
    }
}

#[test]
fn a_second_run_is_refused_with_the_reason() {
    let folder = folder(PROFILE);
    let lock = std::fs::File::create(folder.path().join("galbridge.state.lock")).unwrap();
    lock.lock().unwrap();
    let (errors, _) = ends(folder.path(), &["--pair", "contoso-fabrikam", "status"], 1);
    assert!(errors.contains("galbridge.state") && errors.contains("another galbridge"), "{errors}");
}

#[test]
fn a_state_travels_and_a_newer_one_is_refused() {
    let folder = folder(PROFILE);
    let pair = ["--pair", "contoso-fabrikam"];
    ends(folder.path(), &[&pair[..], &["pause", "--reason", "holidays"]].concat(), 0);
    ends(folder.path(), &["state", "export", "out.jsonl"], 0);
    let (errors, _) = ends(folder.path(), &["state", "export", "out.jsonl"], 2);
    assert!(errors.contains("not overwritten"), "{errors}");
    ends(folder.path(), &["--state", "new.state", "state", "import", "out.jsonl"], 0);
    let (errors, _) = ends(folder.path(), &["--state", "new.state", "state", "import", "out.jsonl"], 2);
    assert!(errors.contains("not empty") && errors.contains("--replace"), "{errors}");
    // What is there is not replaced without a word.
    let (errors, _) = ends(folder.path(), &["--state", "new.state", "state", "import", "out.jsonl", "--replace"], 3);
    assert!(errors.contains("--yes"), "{errors}");
    ends(folder.path(), &["--state", "new.state", "state", "import", "out.jsonl", "--replace", "--yes"], 0);
    let (_, out) = ends(folder.path(), &[&pair[..], &["--state", "new.state", "status"]].concat(), 0);
    assert!(out.contains("paused: holidays"), "{out}");
    let newer = std::fs::read_to_string(folder.path().join("out.jsonl")).unwrap().replacen("\"schema\":2", "\"schema\":99", 1);
    std::fs::write(folder.path().join("newer.jsonl"), newer).unwrap();
    let (errors, _) = ends(folder.path(), &["--state", "newer.state", "state", "import", "newer.jsonl"], 1);
    assert!(errors.contains("newer.jsonl: ") && errors.contains("newer galbridge") && errors.contains("update galbridge"), "{errors}");
    assert!(!folder.path().join("newer.state").exists(), "a refused import leaves no empty state behind");
    std::fs::write(folder.path().join("garbage.state"), "not a database at all, and long enough to be looked at as one\n".repeat(50))
        .unwrap();
    let (errors, _) = ends(folder.path(), &[&pair[..], &["--state", "garbage.state", "status"]].concat(), 1);
    assert!(errors.contains("garbage.state"), "{errors}");
}

/// Whoever may write a profile may not read other files by it.
#[cfg(unix)]
#[test]
fn a_profile_includes_no_file_from_elsewhere() {
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("secret.toml"), "contacts = []\n").unwrap();
    for (name, refused) in
        [("../secret.toml", "in the profile's folder or below"), ("link.toml", "a link to a file"), ("/dev/zero", "folder or below")]
    {
        let folder = folder(&format!("{PROFILE}[[static_contacts]]\ntenants = [\"contoso\"]\ninclude = \"{name}\"\n"));
        std::os::unix::fs::symlink(elsewhere.path().join("secret.toml"), folder.path().join("link.toml")).unwrap();
        let (errors, _) = ends(folder.path(), &["profile", "check"], 2);
        assert!(errors.contains(refused), "{name}: {errors}");
    }
}

#[test]
fn a_state_of_another_installation_is_refused() {
    let folder = folder(PROFILE);
    ends(folder.path(), &["--pair", "contoso-fabrikam", "status"], 0);
    std::fs::write(folder.path().join("galbridge.toml"), PROFILE.replace("\"acme\"", "\"other\"")).unwrap();
    let (errors, _) = ends(folder.path(), &["--pair", "contoso-fabrikam", "status"], 2);
    assert!(errors.contains("installation = \"acme\""), "{errors}");
}

#[test]
fn nothing_waits_for_a_wrong_checksum() {
    let folder = folder(PROFILE);
    let (errors, _) = ends(folder.path(), &["--pair", "contoso-fabrikam", "approve", "0123456789ab"], 2);
    assert!(errors.contains("contoso-fabrikam") && errors.contains("0123456789ab"), "{errors}");
    let (errors, _) = ends(folder.path(), &["--pair", "contoso-fabrikam", "unsuppress", "ann@contoso.example"], 2);
    assert!(errors.contains("nothing with the address"), "{errors}");
    ends(folder.path(), &["--pair", "contoso-fabrikam", "unpublish", "--side", "b"], 2);
    ends(folder.path(), &["--pair", "contoso-fabrikam", "unpublish", "--side", "c", "--purge"], 2);
    ends(folder.path(), &["--pair", "contoso-fabrikam", "make-way", "ann@contoso.example"], 3);
}

#[test]
fn the_schema_and_the_completions_are_printed() {
    let folder = folder(PROFILE);
    let (_, out) = ends(folder.path(), &["profile", "schema"], 0);
    assert!(serde_json::from_str::<serde_json::Value>(&out).unwrap().is_object());
    let (_, out) = ends(folder.path(), &["completions", "bash"], 0);
    assert!(out.contains("galbridge"));
    let (_, out) = ends(folder.path(), &["profile", "check"], 0);
    assert!(out.contains("the mesh has no pair fabrikam-northwind"), "{out}");
}

#[cfg(unix)]
#[test]
fn samconfig_writes_ordinary_files_only() {
    let folder = folder(PROFILE);
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("a-folder")).unwrap();
    std::os::unix::fs::symlink("nowhere.toml", path("dangling.toml")).unwrap();
    for name in ["a-folder", "dangling.toml"] {
        ends(folder.path(), &["profile", "samconfig", "--file", name], 2);
    }
    // A link stays one, and what it points to is written.
    std::fs::write(path("real.toml"), "version = 0.1\n").unwrap();
    std::os::unix::fs::symlink("real.toml", path("link.toml")).unwrap();
    ends(folder.path(), &["profile", "samconfig", "--file", "link.toml"], 0);
    assert!(path("link.toml").is_symlink());
    assert!(std::fs::read_to_string(path("real.toml")).unwrap().contains("Pairs=contoso-fabrikam,contoso-northwind"));
}

/// The file may be a state, or a key.
#[test]
fn a_plan_as_csv_overwrites_nothing() {
    let folder = folder(PROFILE);
    let there = folder.path().join("contoso.pem");
    std::fs::write(&there, "a key").unwrap();
    let (errors, _) = ends(folder.path(), &["--pair", "contoso-fabrikam", "plan", "--csv", "contoso.pem"], 2);
    assert!(errors.contains("not overwritten"), "{errors}");
    assert_eq!(std::fs::read_to_string(&there).unwrap(), "a key");
}
