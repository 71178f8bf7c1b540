//! The file: private, one process at a time, kept through kill -9, honest when it is damaged, read-only or the disk is full.

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use engine::ports::{Store, StoreError};
use engine::records::LeaseKind;
use gal::Side;
use state::StateStore;

use crate::samples::{anchor, at, lease, link, link_key, replica, replica_of, row, write};

/// The variable that makes [`child`] do something: what, and to which file.
const CHILD: &str = "STATE_TEST_CHILD";

/// This test program again, as another process that runs [`child`] only.
fn command(role: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    set_up(&mut command, role, path);
    command
}

fn set_up(command: &mut Command, role: &str, path: &Path) {
    command.args(["--exact", "files::child", "--nocapture"]).env(CHILD, format!("{role} {}", path.display())).stdout(Stdio::piped());
}

/// The lines a child printed for us.
fn said(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok).filter_map(|line| Some(line.strip_prefix("> ")?.to_owned()))
}

fn say(text: &str) {
    // The test harness prints without line ends.
    let mut out = std::io::stdout().lock();
    write!(out, "\n> {text}\n").unwrap();
    out.flush().unwrap();
}

/// What a child process does; nothing in an ordinary run.
#[tokio::test]
async fn child() {
    let Some(task) = std::env::var_os(CHILD) else { return };
    let task = task.into_string().unwrap();
    let (role, path) = task.split_once(' ').unwrap();
    let store = match StateStore::file(Path::new(path)) {
        Ok(store) => store,
        Err(error) => return say(&format!("refused: {error}")),
    };
    match role {
        "open" => say("opened"),
        // Stores without end, and says what was answered.
        "write" => {
            for n in 0.. {
                store.put_replicas("p", vec![write(n, None, 1)]).await.unwrap();
                say(&n.to_string());
            }
        }
        // Stores until the disk is full, and says what happened.
        "fill" => {
            let mut stored = 0;
            let error = loop {
                match store.put_link("p", &link(stored), None).await {
                    Ok(_) => stored += 1,
                    Err(error) => break error,
                }
            };
            say(&stored.to_string());
            say(&format!("{error}"));
            say(&store.link("p", link_key(stored - 1)).await.is_ok_and(|link| link.is_some()).to_string());
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("galbridge.state");
    let store = StateStore::file(&path).unwrap();
    store.put_replicas("p", vec![write(1, None, 1)]).await.unwrap();
    store.acquire("p", LeaseKind::Reading, &lease("one", 60), at(0)).await.unwrap();
    drop(store);
    let store = StateStore::file(&path).unwrap();
    assert_eq!(store.replica("p", Side::A, anchor(1)).await.unwrap(), Some(replica(1, 1)));
    let error = store.acquire("p", LeaseKind::Reading, &lease("two", 60), at(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::LeaseHeld { .. }), "leases outlive the process: {error}");
}

#[tokio::test]
async fn clones_share_the_file_and_the_last_one_closes_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("galbridge.state");
    let store = StateStore::file(&path).unwrap();
    let clone = store.clone();
    drop(store);
    let error = StateStore::file(&path).unwrap_err().to_string();
    assert!(error.contains("galbridge.state") && error.contains(&format!("process {}", std::process::id())), "{error}");
    clone.put_agenda("p", &[row(1, 0, 1)]).await.unwrap();
    drop(clone);
    StateStore::file(&path).unwrap();
}

#[test]
#[cfg(unix)]
fn a_second_process_is_refused_under_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("galbridge.state");
    let link = folder.path().join("link.state");
    let store = StateStore::file(&path).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    for name in [&path, &link] {
        let mut other = command("open", name).spawn().unwrap();
        let answer = said(&mut other).next().unwrap();
        other.wait().unwrap();
        assert!(answer.starts_with("refused") && answer.contains("galbridge.state") && answer.contains("another galbridge"), "{answer}");
    }
    drop(store);
    let mut other = command("open", &path).spawn().unwrap();
    assert_eq!(said(&mut other).next().unwrap(), "opened");
    other.wait().unwrap();
}

#[tokio::test]
async fn kill_9_loses_nothing_that_was_answered_and_frees_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("galbridge.state");
    let mut answered = 0;
    for round in 1..=3 {
        let mut writer = command("write", &path).spawn().unwrap();
        let mut lines = said(&mut writer);
        if round > 1 {
            // It stores the same again: refused ones are answered as well.
            answered = 0;
        }
        for line in lines.by_ref().take(40 * round) {
            answered = line.parse().unwrap();
        }
        writer.kill().unwrap();
        for line in lines {
            answered = line.parse().unwrap();
        }
        writer.wait().unwrap();
        let store = StateStore::file(&path).unwrap();
        let due = store.due("p", at(9), 100_000).await.unwrap();
        for n in 0..=answered {
            assert!(store.replica("p", Side::A, anchor(n)).await.unwrap().is_some(), "replica {n} of {answered}");
            assert!(due.iter().any(|row| row.anchor == anchor(n)));
        }
    }
}

#[test]
#[cfg(unix)]
fn the_file_is_for_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("galbridge.state");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let store = StateStore::file(&path).unwrap();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap().path();
        assert_eq!(mode(&entry), 0o600, "{}", entry.display());
    }
    drop(store);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let _store = StateStore::file(&path).unwrap();
    assert_eq!(mode(&path), 0o600, "rights of others are taken back");
}

#[test]
fn impossible_paths_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("no/such/folder/x.state"), "/".into(), "".into()] {
        let error = StateStore::file(&path).unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    }
}

/// A file with some content, closed.
async fn a_file(path: &Path) {
    let store = StateStore::file(path).unwrap();
    store.put_replicas("p", (0..40).map(|n| write(n, None, 1)).collect()).await.unwrap();
    store.put_link("p", &link(1), None).await.unwrap();
}

/// Every answer is right, or an error that says what is wrong.
async fn honest(path: &Path) -> bool {
    let store = match StateStore::file(path) {
        Ok(store) => store,
        Err(error) => return known(&error),
    };
    let mut errors = Vec::new();
    for n in 0..40 {
        match store.replica("p", Side::A, anchor(n)).await {
            Ok(Some(found)) => assert_eq!(found, replica(n, 1)),
            Ok(None) => {}
            Err(error) => errors.push(error),
        }
    }
    errors.extend(store.due("p", at(9), 100).await.err());
    errors.extend(store.put_link("p", &link(2), None).await.err());
    for shard in 0..16 {
        errors.extend(store.replica_shard("p", Side::A, shard).await.err());
    }
    !errors.is_empty() && errors.iter().all(known)
}

fn known(error: &StoreError) -> bool {
    matches!(error, StoreError::Corrupt { .. } | StoreError::Malformed { .. } | StoreError::Unavailable { .. })
}

#[tokio::test]
async fn a_damaged_file_is_said_to_be_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("galbridge.state");
    fs::write(&path, "this is no database, and long enough to be taken for one".repeat(100)).unwrap();
    let error = StateStore::file(&path).unwrap_err();
    assert!(matches!(&error, StoreError::Malformed { place, .. } if place.contains("galbridge.state")), "{error}");
    fs::remove_file(&path).unwrap();
    a_file(&path).await;
    let good = fs::read(&path).unwrap();
    assert!(good.len() > 50_000, "the journal was taken in on closing");
    // Truncated, and every page after the first overwritten.
    for end in [5_000, good.len() / 2, good.len() - 5_000] {
        fs::write(&path, &good[..end]).unwrap();
        assert!(honest(&path).await, "truncated to {end}");
    }
    let mut bad = good.clone();
    bad[4_096..].fill(0xa5);
    fs::write(&path, &bad).unwrap();
    assert!(honest(&path).await, "overwritten");
    // One page at a time: whatever is answered is right.
    for page in (1..good.len() / 4_096).step_by(7) {
        let mut bad = good.clone();
        bad[page * 4_096..(page + 1) * 4_096].fill(0x5a);
        fs::write(&path, &bad).unwrap();
        honest(&path).await;
    }
}

/// `ulimit -f` stands in for a full disk: writes fail, nothing that was answered is lost.
#[tokio::test]
#[cfg(unix)]
async fn a_full_disk_is_an_error_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("galbridge.state");
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 1500; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
    set_up(&mut limited, "fill", &path);
    let mut limited = limited.spawn().unwrap();
    let lines: Vec<String> = said(&mut limited).collect();
    assert!(limited.wait().unwrap().success(), "it must not panic: {lines:?}");
    let [stored, error, readable] = &lines[..] else { panic!("{lines:?}") };
    assert!(error.contains("the state store failed while saving a link") && error.contains("galbridge.state"), "{error}");
    assert_eq!(readable, "true");
    let store = StateStore::file(&path).unwrap();
    let stored: u32 = stored.parse().unwrap();
    assert!(stored > 10);
    for n in 0..stored {
        assert!(store.link("p", link_key(n)).await.unwrap().is_some(), "link {n} of {stored}");
    }
    store.put_link("p", &link(stored + 7), None).await.unwrap();
}

/// Root may write everything: then the other process is nobody.
#[test]
#[cfg(unix)]
fn a_read_only_file_is_refused() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("galbridge.state");
    drop(StateStore::file(&path).unwrap());
    for entry in fs::read_dir(folder.path()).unwrap() {
        fs::set_permissions(entry.unwrap().path(), fs::Permissions::from_mode(0o444)).unwrap();
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let mut other = command("open", &path);
    if fs::metadata(folder.path()).unwrap().uid() == 0 {
        other.uid(65_534);
    }
    let answer = match other.spawn() {
        Ok(mut other) => {
            let answer = said(&mut other).next();
            other.wait().unwrap();
            answer.unwrap_or_default()
        }
        // Nobody may not run this program where it is.
        Err(error) => format!("refused: {error}"),
    };
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(answer.starts_with("refused") && answer.contains("ermission denied"), "{answer}");
}

/// The service refuses an item over 400 KB; so does the file, and says so.
#[tokio::test]
async fn an_item_that_is_too_large_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let store = StateStore::file(&folder.path().join("galbridge.state")).unwrap();
    let mut large = write(1, None, 1);
    large.replica = replica_of(1, 1, 1_000_000);
    let error = store.put_replicas("p", vec![large]).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable { detail, .. } if detail.contains("size")), "{error}");
    assert!(store.due("p", at(9), 9).await.unwrap().is_empty());
}
