//! The arguments of the command.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use gal::policy::MergeMode;
use uuid::Uuid;

use crate::error::EXIT_CODES;

/// Keeps the address lists of Microsoft 365 tenants in step.
///
/// A first time: `profile check`, `certificate new`, `check`, `plan`, `merge`, then `run --every 10m`.
/// To see it all without a tenant: `demo`. With --stack a client's stack in AWS is asked (docs/OPERATIONS.md).
#[derive(Debug, Parser)]
#[command(name = "galbridge", version, after_help = EXIT_CODES, after_long_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Options of every verb.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// The client's profile.
    #[arg(long, global = true, value_name = "FILE", default_value = "galbridge.toml")]
    pub(crate) profile: PathBuf,
    /// The state file [default: galbridge.state beside the profile]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// A client's stack in AWS, asked with your own credentials, instead of a profile and a state file here.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) stack: Option<String>,
    /// The pair, such as contoso-fabrikam [default: the only one of the profile]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) pair: Option<String>,
    /// Answers with one JSON document on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Tells more on standard error: -v what is done, -vv each request.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// What is logged, as levels by crate: info,microsoft365=debug
    #[arg(long, global = true, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// Takes the time from a simulator on this machine, at this address (`demo --keep` prints it).
    #[arg(long, global = true, value_name = "URL", hide_short_help = true, value_parser = address)]
    pub(crate) simulator: Option<String>,
}

/// Takes `http://127.0.0.1:45217`: a simulator on this machine. Nobody elsewhere says what time it is.
fn address(text: &str) -> Result<String, String> {
    let is_plain = |url: &reqwest::Url| matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    match reqwest::Url::parse(text) {
        Ok(url) if is_plain(&url) && profile::is_this_machine(&url) => Ok(text.to_owned()),
        Ok(_) | Err(_) => Err("a simulator runs on this machine; its address looks like http://127.0.0.1:45217".to_owned()),
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Looks whether everything is ready: certificates, tokens, rights, domains, what would be in the way.
    Check {
        /// Also makes, fills, reads back, hides and removes one contact in each tenant.
        #[arg(long)]
        probe: bool,
        /// Only this tenant. (With --stack a --probe also writes into the other one of its pair.)
        #[arg(long, value_name = "TENANT")]
        tenant: Option<String>,
    },
    /// Shows everything that would be done, with the reasons and the guard's word. Writes to no tenant.
    Plan(PlanArguments),
    /// Reads both sides into the state, and writes nothing.
    Snapshot {
        /// Reads everything, not only what changed.
        #[arg(long)]
        full: bool,
    },
    /// The first merge: shows the preview, asks, and carries it out.
    Merge(MergeArguments),
    /// Reads what changed and brings it to the other side.
    Run(RunArguments),
    /// How far the pairs have come: holds, quarantine, agenda, cursors, certificates.
    Status,
    /// The last runs, or one run with the values before and after.
    Runs {
        /// The run's id, or the beginning of one.
        run: Option<String>,
        /// How many are listed.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000))]
        limit: u16,
    },
    /// Why an address is, or is not, in the other list.
    Explain {
        /// The mail address.
        address: String,
    },
    /// Consents to what the guard holds; `status` shows it with its checksum.
    Approve {
        /// The checksum of the hold.
        checksum: String,
    },
    /// Stops writing until `resume`; reading goes on.
    Pause {
        /// Why, for the others who look at `status`.
        #[arg(long, default_value = "paused by hand")]
        reason: String,
    },
    /// Ends a pause.
    Resume,
    /// Removes the published contact of an address now, for a successor, and never makes it again. (One that stood there before is given
    /// back and stays.)
    MakeWay {
        /// The mail address.
        address: String,
        /// Without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Publishes an address again that was suppressed.
    Unsuppress {
        /// The mail addresses. `galbridge --json status` has all of them, in `suppressed`.
        #[arg(required = true, value_name = "ADDRESS")]
        addresses: Vec<String>,
    },
    /// Takes back everything that was published into a side.
    Unpublish(UnpublishArguments),
    /// Takes a run back: what it wrote is put back where nobody has touched it since.
    Undo {
        /// The run, as `galbridge runs` names it.
        #[arg(value_name = "RUN")]
        run: String,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Restores the links of a lost state from the stamps. Writes to no tenant.
    Rebuild {
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Certificates: makes one, shows what there is, or rolls a stack's.
    #[command(subcommand)]
    Certificate(CertificateVerb),
    /// The profile: checks it, prints its schema, writes samconfig.toml, or gives it to a stack.
    #[command(subcommand)]
    Profile(ProfileVerb),
    /// The state: writes it out, reads it in, or drops what is damaged in it.
    #[command(subcommand)]
    State(StateVerb),
    /// All clients' stacks at once.
    #[command(subcommand)]
    Fleet(FleetVerb),
    /// Prints the completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Two simulated tenants, a first merge and a working day, in this terminal.
    Demo(DemoArguments),
}

/// How a merge would be.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct MergeChoice {
    /// A pilot: at most so many recipients.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// A pilot: the members of this Entra group only.
    #[arg(long, value_name = "ID")]
    pub(crate) group: Option<Uuid>,
    /// Overwrites what differs in joined contacts.
    #[arg(long)]
    pub(crate) enforce: bool,
    /// Takes over contacts that another installation of galbridge stamped.
    #[arg(long)]
    pub(crate) take_over: bool,
}

/// The modes of a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Join what matches, fill blanks, create what is missing both ways.
    TwoWay,
    /// Side a is the truth.
    AToB,
    /// Side b is the truth.
    BToA,
    /// Join, write nothing else, go on from here.
    LinkOnly,
}

impl From<Mode> for MergeMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::TwoWay => Self::TwoWay,
            Mode::AToB => Self::AToB,
            Mode::BToA => Self::BToA,
            Mode::LinkOnly => Self::LinkOnly,
        }
    }
}

/// How a plan is confirmed.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Confirmation {
    /// Confirms the plan with this checksum, and no other.
    #[arg(long, value_name = "CHECKSUM")]
    pub(crate) confirm: Option<String>,
    /// Confirms whatever the plan is.
    #[arg(long, conflicts_with = "confirm")]
    pub(crate) yes: bool,
    /// Shows every operation and everybody who is left alone, not only the first ones of each kind.
    #[arg(long, conflicts_with = "confirm")]
    pub(crate) all: bool,
}

/// `plan`
#[derive(Args, Debug)]
pub(crate) struct PlanArguments {
    /// Previews a merge of this mode.
    #[arg(long = "merge", value_name = "MODE")]
    pub(crate) mode: Option<Mode>,
    #[command(flatten)]
    pub(crate) choice: MergeChoice,
    /// Also writes the plan to a CSV file, one row a change.
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// Plans from what was last read, without reading now.
    #[arg(long)]
    pub(crate) stored: bool,
    /// Shows every operation and everybody who is skipped, not the first of each kind.
    #[arg(long)]
    pub(crate) all: bool,
}

/// `merge`
#[derive(Args, Debug)]
pub(crate) struct MergeArguments {
    /// The mode.
    #[arg(long)]
    pub(crate) mode: Mode,
    #[command(flatten)]
    pub(crate) choice: MergeChoice,
    /// Knows that dynamic distribution groups take published contacts in (`check` names them).
    #[arg(long)]
    pub(crate) accept_dynamic_groups: bool,
    #[command(flatten)]
    pub(crate) confirmation: Confirmation,
}

/// `run`
#[derive(Args, Debug)]
pub(crate) struct RunArguments {
    /// One cycle (the default).
    #[arg(long, conflicts_with = "every")]
    pub(crate) once: bool,
    /// A cycle so often, until Ctrl-C: 10m, 1h
    #[arg(long, value_name = "TIME", value_parser = interval)]
    pub(crate) every: Option<jiff::SignedDuration>,
    /// Reads everything, not only what changed. A run does so by itself once a day.
    #[arg(long)]
    pub(crate) full: bool,
}

fn interval(text: &str) -> Result<jiff::SignedDuration, String> {
    let duration: jiff::SignedDuration = text.parse().map_err(|_| "a time such as 10m or 1h".to_owned())?;
    if duration < jiff::SignedDuration::from_mins(1) {
        return Err("at least 1m: the services change nothing faster".to_owned());
    }
    Ok(duration)
}

/// `unpublish`
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("leave").required(true).args(["purge", "release"]))]
pub(crate) struct UnpublishArguments {
    /// The side whose list is cleaned: a, b, or the name of its tenant.
    #[arg(long, value_name = "SIDE")]
    pub(crate) side: String,
    /// Removes made contacts, and gives found ones back.
    #[arg(long)]
    pub(crate) purge: bool,
    /// Leaves made contacts there, as the administrator's, and gives found ones back.
    #[arg(long)]
    pub(crate) release: bool,
    #[command(flatten)]
    pub(crate) confirmation: Confirmation,
}

/// `certificate`
#[derive(Debug, Subcommand)]
pub(crate) enum CertificateVerb {
    /// Makes a key and a self-signed certificate: a private file, and the public ones for upload.
    New {
        /// The tenant of the profile it is for. Its `certificate` says where the file goes.
        #[arg(long, value_name = "TENANT")]
        tenant: Option<String>,
        /// The private file, instead of the profile's. The public ones get the same name, with .cer and .public.pem.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// How long it is valid, in days; 730 if nothing is said. (A stack's always are.)
        #[arg(long)]
        days: Option<u32>,
        /// With --stack: makes another first certificate, whatever there is. It must be uploaded before anything works again.
        #[arg(long)]
        replace: bool,
        /// With --replace: without asking.
        #[arg(long, requires = "replace")]
        yes: bool,
    },
    /// Shows the certificates of the profile's tenants, with thumbprints and expiry.
    Show,
    /// With --stack: rolls a tenant's certificate now, inside AWS.
    Rotate {
        /// The tenant.
        #[arg(long, value_name = "TENANT")]
        tenant: String,
    },
}

/// `profile`
#[derive(Debug, Subcommand)]
pub(crate) enum ProfileVerb {
    /// Reads the profile and says everything that is wrong with it.
    Check,
    /// Prints the JSON schema of a profile.
    Schema,
    /// Writes the profile's tenants and pairs into samconfig.toml, as parameters of the client's environment.
    Samconfig {
        /// The file; made if there is none.
        #[arg(long, value_name = "FILE", default_value = "samconfig.toml")]
        file: PathBuf,
        /// The environment, as for `sam deploy --config-env`; also the stack's name where it has none yet. [default: the client]
        #[arg(long, value_name = "NAME")]
        environment: Option<String>,
    },
    /// With --stack: checks the profile, shows what changes, and gives it to the stack with the files it includes.
    Push {
        /// Without asking.
        #[arg(long)]
        yes: bool,
    },
    /// With --stack: prints the stack's profile, or an earlier version of it.
    Show {
        /// The version.
        #[arg(long, value_name = "N")]
        version: Option<u64>,
    },
    /// With --stack: the last twenty versions of the stack's profile.
    History,
    /// With --stack: makes an earlier version the next one.
    Revert {
        /// The version.
        #[arg(value_name = "N")]
        version: u64,
        /// Without asking.
        #[arg(long)]
        yes: bool,
    },
}

/// `fleet`
#[derive(Debug, Subcommand)]
pub(crate) enum FleetVerb {
    /// How all stacks of the account and region stand, a line a pair. The exit code is that of the worst.
    Status {
        /// AWS profiles to look through, one a line, instead of the present credentials; `NAME REGION` for another region.
        #[arg(long, value_name = "FILE")]
        accounts: Option<PathBuf>,
    },
}

/// `state`
#[derive(Debug, Subcommand)]
pub(crate) enum StateVerb {
    /// Writes the whole state to a file, as JSON lines.
    Export {
        /// The file. It must not exist.
        file: PathBuf,
    },
    /// Looks at every item of the state, and drops those that cannot be read.
    Repair {
        /// Without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Reads a whole state from a file.
    Import {
        /// The file.
        file: PathBuf,
        /// Removes what is there first.
        #[arg(long)]
        replace: bool,
        /// With --replace: without asking.
        #[arg(long)]
        yes: bool,
    },
}

/// `demo`
#[derive(Args, Debug)]
pub(crate) struct DemoArguments {
    /// Recipients of the first tenant; the second has six tenths of it.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(100..=20_000))]
    pub(crate) recipients: u64,
    /// From which the directories, the faults and the day are made.
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// Leaves the simulator running, and prints what to try by hand.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Writes every exchange to FILE as JSON lines, and the clients' public certificates to FILE.pem.
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
}
