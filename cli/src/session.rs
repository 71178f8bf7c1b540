//! What a verb works with: the profile, the state, and the tenants it needs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use credentials::{Credential, CredentialError, CredentialFile};
use engine::Engine;
use engine::act::{Action, Answer, PlanDocument, Ran};
use engine::ports::{Clock, Store as _, StoreError};
use engine::records::Stage;
use engine::setup::{Connection, PairSetup, Setup};
use gal::Side;
use jiff::{SignedDuration, Timestamp};
use microsoft365::Observer;
use profile::{Profile, Tenant, Warning};
use state::StateStore;
use tenants::Surroundings;

use crate::arguments::Global;
use crate::error::CliError;
use crate::progress::Bars;
use crate::simulated::{SimulatorApi, SimulatorClock};
use crate::stack::Stack;
use crate::wiring::{Environment, fresh_id};

/// Who holds a lease in a state file. Always the same: the lock of the file lets in one process at a time, so a
/// lease that is found there is that of a process that has ended, and may be taken over at once.
const OWNER: &str = "galbridge-command";

/// A profile that was read and checked.
pub(crate) struct Loaded {
    /// The profile.
    pub(crate) profile: Profile,
    /// Its text.
    pub(crate) text: String,
    /// What a person should know of it.
    pub(crate) warnings: Vec<Warning>,
    /// Its folder: where its paths begin.
    pub(crate) folder: PathBuf,
}

impl Loaded {
    /// Reads the profile that the arguments name.
    pub(crate) fn read(global: &Global) -> Result<Self, CliError> {
        let path = &global.profile;
        let bytes = ordinary(path, profile::MAX_SIZE as u64).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                CliError::wrong(format!("{}: there is no such profile; name it with --profile FILE", path.display()))
            }
            _ => CliError::wrong(format!("{}: the profile cannot be read: {error}", path.display())),
        })?;
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let name = path.display().to_string();
        let load = |file: &str| included(&folder, file);
        let (profile, warnings) = Profile::parse_bytes(&name, &bytes, &load).map_err(|errors| CliError::wrong(errors.to_string()))?;
        Ok(Self { profile, text: String::from_utf8_lossy(&bytes).into_owned(), warnings, folder })
    }

    /// The stack's profile, or the one that the arguments name.
    pub(crate) async fn of(global: &Global) -> Result<Self, CliError> {
        match &global.stack {
            Some(stack) => Self::stored(&Stack::find(stack).await?.store(fresh_id()), stack).await,
            None => Self::read(global),
        }
    }

    /// The profile that a stack's table holds.
    pub(crate) async fn stored(store: &StateStore, stack: &str) -> Result<Self, CliError> {
        let missing =
            || CliError::wrong(format!("stack {stack}: it has no profile yet: `galbridge --stack {stack} profile push` gives it one"));
        let stored = store.profile().await?.ok_or_else(missing)?;
        let name = format!("profile version {} of the stack {stack}", stored.version);
        let (profile, warnings) = Profile::parse_bundle(&name, &stored.item).map_err(|errors| CliError::wrong(errors.to_string()))?;
        Ok(Self { profile, text: stored.item, warnings, folder: PathBuf::new() })
    }

    /// The file with a tenant's key and certificate.
    pub(crate) fn credential_file(&self, tenant: &Tenant) -> PathBuf {
        match &tenant.certificate {
            Some(file) => self.folder.join(file),
            None => self.folder.join(format!("{}.pem", tenant.name)),
        }
    }

    /// A tenant's key and certificate.
    pub(crate) fn credential(&self, environment: &Environment, tenant: &Tenant) -> Result<Credential, CliError> {
        let path = self.credential_file(tenant);
        CredentialFile::new(path).load(environment.passphrase.as_ref()).map_err(|error| {
            let next = match error {
                CredentialError::FileMissing { .. } => format!("; `galbridge certificate new --tenant {}` makes one", tenant.name),
                _ => String::new(),
            };
            CliError::wrong(format!("tenant {}: {error}{next}", tenant.name))
        })
    }

    /// The pair that the arguments mean.
    pub(crate) fn pair(&self, global: &Global) -> Result<String, CliError> {
        let names: Vec<String> = self.profile.pairs.iter().map(profile::Pair::name).collect();
        match (&global.pair, names.as_slice()) {
            (_, []) => Err(CliError::wrong(format!("{}: the profile has no pair; add [[pairs]] with a and b", global.profile.display()))),
            (Some(name), _) if names.contains(name) => Ok(name.clone()),
            (Some(name), _) => Err(CliError::wrong(format!("the profile has no pair {name}; it has: {}", names.join(", ")))),
            (None, [only]) => Ok(only.clone()),
            (None, _) => Err(CliError::wrong(format!("the profile has more than one pair; name one with --pair: {}", names.join(", ")))),
        }
    }
}

/// The largest file that a profile includes, in bytes.
const LARGEST_INCLUDE: u64 = 1024 * 1024;

/// Reads the files that a profile in this folder includes.
pub(crate) fn loader(folder: &Path) -> impl Fn(&str) -> std::io::Result<String> {
    move |file| included(folder, file)
}

/// Reads a file that a profile includes: an ordinary one of a sensible size, in the profile's folder or below. Whoever may
/// write a profile may not read other files by it.
fn included(folder: &Path, file: &str) -> std::io::Result<String> {
    use std::path::Component;
    let refused = |why: &str| Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, why.to_owned()));
    if !Path::new(file).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return refused("it must be in the profile's folder or below");
    }
    // A link may lead elsewhere.
    let path = folder.join(file).canonicalize()?;
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if !path.starts_with(folder.canonicalize()?) {
        return refused("it is a link to a file that is not in the profile's folder or below");
    }
    let bytes = ordinary(&path, LARGEST_INCLUDE)?;
    String::from_utf8(bytes).map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))
}

/// Reads an ordinary file of a sensible size: a pipe would wait for ever, and a device never end.
fn ordinary(path: &Path, largest: u64) -> std::io::Result<Vec<u8>> {
    let refused = |why: String| Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, why));
    let about = std::fs::metadata(path)?;
    if !about.is_file() {
        return refused("it is no ordinary file".to_owned());
    }
    if about.len() > largest {
        return refused(format!("it is larger than {largest} bytes"));
    }
    std::fs::read(path)
}

/// A tenant that can be called.
#[derive(Clone)]
pub(crate) struct Client {
    /// Reads and writes.
    pub(crate) connection: Connection,
    /// Its key and certificate.
    pub(crate) credential: Arc<Credential>,
}

/// Time, and who must be told of each exchange so that it passes.
#[derive(Clone)]
pub(crate) struct Time {
    /// The clock.
    pub(crate) clock: Arc<dyn Clock>,
    /// Is told of each exchange, where a simulator is followed.
    pub(crate) observer: Option<Arc<dyn Observer>>,
}

impl Time {
    /// The machine's time, or a simulator's.
    pub(crate) async fn of(environment: &Environment, global: &Global) -> Result<Self, CliError> {
        let Some(url) = &global.simulator else { return Ok(Self { clock: environment.clock.clone(), observer: None }) };
        Ok(Self::following(Arc::new(SimulatorClock::follow(SimulatorApi::new(url)?).await?)))
    }

    /// The time of a simulator.
    pub(crate) fn following(clock: Arc<SimulatorClock>) -> Self {
        Self { clock: clock.clone(), observer: Some(clock) }
    }
}

/// Connects to a tenant. Nothing is sent yet.
pub(crate) fn connect(environment: &Environment, loaded: &Loaded, tenant: &Tenant, time: &Time) -> Result<Client, CliError> {
    let credential = Arc::new(loaded.credential(environment, tenant)?);
    // One process, one pair at a time: all places of the tenant.
    let around = Surroundings { clock: time.clock.clone(), seed: Environment::seed(), pairs_at_once: 1, observer: time.observer.clone() };
    let connection = tenants::connect(tenant, &credential, &around).map_err(|error| CliError::wrong(error.to_string()))?;
    Ok(Client { connection, credential })
}

/// Which tenants a verb calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// None.
    Nobody,
    /// Both of the pair.
    Both,
    /// Both of the pair, for writing: the profile is stored first.
    Writing,
    /// That of one side.
    Only(Side),
}

/// The profile, the state and the tenants of one pair.
pub(crate) struct Session {
    /// The engine over them.
    pub(crate) engine: Engine,
    /// The state.
    pub(crate) store: Arc<StateStore>,
    /// The pair's name.
    pub(crate) pair: String,
    /// The profile.
    pub(crate) loaded: Loaded,
    /// The progress bars.
    pub(crate) bars: Arc<Bars>,
    /// The stack that is asked for whatever calls a tenant.
    pub(crate) stack: Option<Stack>,
}

/// What a session is made of.
pub(crate) struct Pieces {
    /// The profile.
    pub(crate) loaded: Loaded,
    /// The pair's name.
    pub(crate) pair: String,
    /// The clock.
    pub(crate) time: Time,
    /// The tenants that are needed.
    pub(crate) connections: BTreeMap<String, Connection>,
    /// The state.
    pub(crate) store: StateStore,
    /// What the state is called.
    pub(crate) state: String,
}

/// Where the state file is.
pub(crate) fn state_file(global: &Global) -> PathBuf {
    match &global.state {
        Some(file) => file.clone(),
        None => global.profile.with_file_name("galbridge.state"),
    }
}

/// How often, and how long each time, a state file that another process has is waited for.
const TRIES: u32 = 20;
const BETWEEN_TRIES: std::time::Duration = std::time::Duration::from_millis(250);

/// Opens a state file; one that another process has open for a moment is waited for.
async fn patient(open: impl Fn() -> Result<StateStore, StoreError>) -> Result<StateStore, StoreError> {
    for _ in 0..TRIES {
        match open() {
            Err(StoreError::InUse { .. }) => tokio::time::sleep(BETWEEN_TRIES).await,
            other => return other,
        }
    }
    open()
}

impl Session {
    /// Opens everything.
    pub(crate) async fn open(environment: &Environment, global: &Global, need: Need) -> Result<Self, CliError> {
        if let Some(stack) = &global.stack {
            return Self::at(environment, global, Stack::find(stack).await?).await;
        }
        let loaded = Loaded::read(global)?;
        let pair = loaded.pair(global)?;
        let time = Time::of(environment, global).await?;
        // The tenants first: a key that is missing makes no state.
        let connections = connections(environment, &loaded, &pair, &time, need)?;
        let state = state_file(global);
        let store = patient(|| StateStore::file(&state)).await?;
        let of = Pieces { loaded, pair, time, connections, store, state: state.display().to_string() };
        Self::of(environment, of, need).await
    }

    /// Over a stack: its own profile, its table, and its functions for whatever calls a tenant.
    pub(crate) async fn at(environment: &Environment, global: &Global, stack: Stack) -> Result<Self, CliError> {
        let writer = fresh_id();
        let store = Arc::new(stack.store(writer));
        let loaded = Loaded::stored(&store, &stack.name).await?;
        let pair = loaded.pair(global)?;
        let installation = installation(&store, &loaded.profile, &stack.state()).await?;
        let bars = Arc::new(Bars::new(environment.stop.clone(), environment.screen.bars));
        let engine = Engine {
            store: store.clone(),
            clock: environment.clock.clone(),
            connections: BTreeMap::new(),
            setup: Arc::new(Setup::of(&loaded.profile)),
            installation,
            // Another operator is another owner: there is no lock of a file.
            owner: format!("{OWNER}-{}", writer.simple()),
            progress: bars.clone(),
        };
        Ok(Self { engine, store, pair, loaded, bars, stack: Some(stack) })
    }

    /// Ties it together.
    pub(crate) async fn of(environment: &Environment, pieces: Pieces, need: Need) -> Result<Self, CliError> {
        let Pieces { loaded, pair, time, connections, store, state } = pieces;
        let store = Arc::new(store);
        let installation = installation(&store, &loaded.profile, &state).await?;
        if need == Need::Writing {
            keep_profile(&store, &loaded).await?;
        }
        let bars = Arc::new(Bars::new(environment.stop.clone(), environment.screen.bars));
        let engine = Engine {
            store: store.clone(),
            clock: time.clock,
            connections,
            setup: Arc::new(Setup::of(&loaded.profile)),
            installation,
            owner: OWNER.to_owned(),
            progress: bars.clone(),
        };
        Ok(Self { engine, store, pair, loaded, bars, stack: None })
    }

    /// Asks the engine.
    pub(crate) async fn act(&self, action: Action) -> Result<Answer, CliError> {
        self.act_until(action, self.no_hurry()).await
    }

    /// Asks the engine for what can be done before a moment. The progress bars are gone afterwards.
    pub(crate) async fn act_until(&self, action: Action, deadline: Timestamp) -> Result<Answer, CliError> {
        if let Some(stack) = &self.stack
            // A status tells of certificates, and those the function has.
            && (!action.tenants().is_empty() || matches!(action, Action::Status))
        {
            return stack.act(&self.pair, &action).await;
        }
        let answer = self.engine.act(&self.pair, action, deadline).await;
        self.bars.clear();
        Ok(answer?)
    }

    /// Asks for a plan.
    pub(crate) async fn plan(&self, action: Action) -> Result<PlanDocument, CliError> {
        match self.act(action).await? {
            Answer::Plan(plan) => Ok(plan),
            other => Err(CliError::unexpected(&other)),
        }
    }

    /// Asks for a run.
    pub(crate) async fn ran(&self, action: Action, deadline: Option<Timestamp>) -> Result<Ran, CliError> {
        match self.act_until(action, deadline.unwrap_or_else(|| self.no_hurry())).await? {
            Answer::Ran(ran) => Ok(ran),
            other => Err(CliError::unexpected(&other)),
        }
    }

    /// The pair.
    pub(crate) fn setup(&self) -> Result<&PairSetup, CliError> {
        Ok(self.engine.pair(&self.pair)?)
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Timestamp {
        self.engine.clock.now()
    }

    /// Long enough for anything that a person waits for; Ctrl-C ends it earlier.
    pub(crate) fn no_hurry(&self) -> Timestamp {
        self.now() + SignedDuration::from_hours(24 * 7)
    }
}

/// Connects to the tenants of a pair that are needed.
pub(crate) fn connections(
    environment: &Environment,
    loaded: &Loaded,
    pair: &str,
    time: &Time,
    need: Need,
) -> Result<BTreeMap<String, Connection>, CliError> {
    let wanted: &[Side] = match &need {
        Need::Nobody => &[],
        Need::Both | Need::Writing => &Side::BOTH,
        Need::Only(side) => std::slice::from_ref(side),
    };
    let mut connections = BTreeMap::new();
    let Some(pair) = loaded.profile.pair(pair) else { return Ok(connections) };
    for side in wanted {
        if let Some(tenant) = loaded.profile.tenants.get(pair.tenant(*side)) {
            let client = connect(environment, loaded, tenant, time)?;
            // The token endpoint would say less clearly what is wrong.
            let expiry = client.credential.expiry(time.clock.now());
            if !expiry.is_usable() {
                let file = loaded.credential_file(tenant);
                return Err(CliError::wrong(format!("tenant {}: the certificate in {}: {expiry}", tenant.name, file.display())));
            }
            connections.insert(tenant.name.clone(), client.connection);
        }
    }
    Ok(connections)
}

/// The installation's id: the state's, which stands in stamps already; a new state takes the profile's.
pub(crate) async fn installation(store: &StateStore, profile: &Profile, state: &str) -> Result<String, CliError> {
    let stored = store.installation(&profile.installation).await?;
    if stored == profile.installation {
        return Ok(stored);
    }
    Err(CliError::wrong(format!(
        "the state {} belongs to the installation {stored}, the profile to {}: write installation = \"{stored}\" into the profile, or name another state with --state",
        state, profile.installation
    )))
}

/// Stores a profile that is new. One that drops a pair with live links is refused.
async fn keep_profile(store: &StateStore, loaded: &Loaded) -> Result<(), CliError> {
    let current = store.profile().await?;
    let version = current.as_ref().map_or(0, |current| current.version);
    if let Some(current) = current {
        if current.item == loaded.text {
            return Ok(());
        }
        let load = loader(&loaded.folder);
        // A text of an older galbridge that does not parse any more drops no pair that anybody could name.
        let before = Profile::parse("the stored profile", &current.item, &load).map(|(before, _)| before).ok();
        refuse_dropped_pairs(store, before.as_ref(), &loaded.profile).await?;
    }
    store.put_profile(&loaded.text, version).await?;
    Ok(())
}

/// Refuses a profile that drops a pair with live links: nobody would keep those contacts in step, or ever take them back.
pub(crate) async fn refuse_dropped_pairs(store: &StateStore, before: Option<&Profile>, after: &Profile) -> Result<(), CliError> {
    let pairs = before.map(|before| before.pairs.as_slice()).unwrap_or_default();
    for pair in pairs.iter().map(profile::Pair::name).filter(|name| after.pair(name).is_none()) {
        refuse_links(store, &pair).await?;
    }
    Ok(())
}

/// Whether no contact of any pair was ever published: then no stamp bears the installation's name yet.
pub(crate) async fn published_nothing(store: &StateStore, profile: &Profile) -> Result<bool, CliError> {
    for pair in profile.pairs.iter().map(profile::Pair::name) {
        let writing = store.pair(&pair).await?.writing;
        if writing.stage != Stage::Unmerged || writing.merge.is_some() {
            return Ok(false);
        }
        for shard in 0..16 {
            if !store.link_shard(&pair, shard).await?.is_empty() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

async fn refuse_links(store: &StateStore, pair: &str) -> Result<(), CliError> {
    let mut live = 0_usize;
    for shard in 0..16 {
        live += store.link_shard(pair, shard).await?.iter().filter(|link| link.item.is_live()).count();
    }
    if live == 0 {
        return Ok(());
    }
    Err(CliError::wrong(format!(
        "the profile no longer has the pair {pair}, which still has {live} published contacts; put it back, and take them back first with `galbridge unpublish --pair {pair} --side a` and `--side b`"
    )))
}
