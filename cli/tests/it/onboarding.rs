//! `infra/onboarding/onboard.sh`, against an Azure CLI that only writes down what it is asked. (The PowerShell script is read, not run: no
//! PowerShell is here.)

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Answers as `az --output tsv` does. `THERE`: the application that a search by name finds.
const AZ: &str = r#"#!/usr/bin/env bash
echo "$*" >>"$LOG"
case "$*" in
"ad app list "*) echo -n "${THERE:-}" ;;
"ad app owner list "*"userPrincipalName || id"*) echo -e "mallory@contoso.example\n99999999-9999-9999-9999-999999999999" ;;
"ad app credential list "*--cert*length*) echo 2 ;;
"ad app credential list "*length*) echo 1 ;;
"ad app federated-credential list "*) echo 3 ;;
"ad app credential list "*) [ -e "$LOG.uploaded" ] && echo key-id ;;
"ad app credential reset "*) touch "$LOG.uploaded" ;;
"ad app create "*) echo 22222222-2222-2222-2222-222222222222 ;;
"ad app show "*appId*) echo 77777777-7777-7777-7777-777777777777 ;;
"ad app show "*) echo object-id ;;
"ad sp create "*) echo principal-id ;;
"ad sp show "*) echo role-or-resource-id ;;
"account show "*) echo tenant-id ;;
esac
exit 0
"#;

struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let machine = Self { folder };
        machine.program("az", AZ);
        machine.program("openssl", "#!/bin/sh\necho SHA1 Fingerprint=AA:BB\n");
        std::fs::write(machine.path("contoso.public.pem"), "-----BEGIN CERTIFICATE-----\n").unwrap();
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn program(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn onboard(&self, there: &str, arguments: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/onboarding/onboard.sh");
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.folder.path().display());
        let mut command = Command::new("bash");
        command.arg(script).args(arguments).current_dir(self.folder.path());
        command.env("PATH", path).env("LOG", self.path("log")).env("THERE", there).output().unwrap()
    }

    fn asked(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

#[test]
fn a_new_application_gets_its_rights_and_a_certificate_for_as_long_as_it_is_valid() {
    let machine = Machine::new();
    let output = machine.onboard("", &["contoso.public.pem"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains("app_id        = \"22222222-2222-2222-2222-222222222222\""), "{said}");
    assert!(said.contains("keyId: key-id"), "{said}");
    let asked = machine.asked();
    assert!(asked.contains("ad app list --filter displayName eq 'galbridge'"), "exactly this name: {asked}");
    assert!(asked.contains("--append --cert @contoso.public.pem --years 3"), "without it Entra ends it after a year: {asked}");
    for right in ["User.Read.All", "GroupMember.Read.All", "OrgContact.Read.All", "Exchange.ManageAsApp"] {
        assert!(asked.contains(right), "{right}: {asked}");
    }
}

/// Anybody may register an application, and give himself a secret of it.
#[test]
fn an_application_of_that_name_gets_no_rights_by_itself() {
    let machine = Machine::new();
    let there = "66666666-6666-6666-6666-666666666666";
    let output = machine.onboard(there, &["contoso.public.pem"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    let known = "owners: mallory@contoso.example 99999999-9999-9999-9999-999999999999   secrets: 1   certificates: 2   federated: 3";
    assert!(said.contains(there) && said.contains(known), "{said}");
    let asked = machine.asked();
    for change in ["create", "reset", "permission", "post"] {
        assert!(!asked.contains(change), "{change}: {asked}");
    }
    // Named by its id, it is meant.
    let output = machine.onboard(there, &["contoso.public.pem", "77777777-7777-7777-7777-777777777777"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!machine.asked().contains("app create"));
}

#[test]
fn what_is_given_wrongly_is_refused_before_anything_is_asked() {
    let machine = Machine::new();
    std::fs::write(machine.path("contoso.pem"), "-----BEGIN PRIVATE KEY-----\n").unwrap();
    for arguments in [&["contoso.pem"][..], &["contoso.public.pem", "x' or 'a' eq 'a"], &["contoso.public.pem", "--all"], &[]] {
        let output = machine.onboard("", arguments);
        assert!(!output.status.success() && !output.stderr.is_empty(), "{arguments:?}");
    }
    assert_eq!(machine.asked(), "");
}
