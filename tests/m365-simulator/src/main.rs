//! The simulator as a program: `m365-simulator --listen 127.0.0.1:4365 --seed 7 --tenant contoso:1000 …`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use m365_simulator::{ClockKind, FaultLevel, Latency, Simulator, SimulatorConfig, TenantSpec, TlsFiles, serve};

/// An adversarial stand-in for Entra, Microsoft Graph and Exchange Online.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen at; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:4365")]
    listen: String,
    /// From which all chance comes.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// A tenant: `name:objects[:global|gcc-high|dod|china]`. May be given several times.
    #[arg(long = "tenant", value_parser = TenantSpec::parse)]
    tenants: Vec<TenantSpec>,
    /// How hostile the services are.
    #[arg(long, value_enum, default_value_t = Faults::Usual)]
    faults: Faults,
    /// How long answers take.
    #[arg(long, value_enum, default_value_t = Wait::None)]
    latency: Wait,
    /// Which clock everything follows.
    #[arg(long, value_enum, default_value_t = Time::Real)]
    clock: Time,
    /// Contacts that a tenant may create in an hour, or `off`. Without it: 600 with `--faults hostile`, else off.
    #[arg(long, value_parser = quota)]
    quota: Option<Quota>,
    /// Writes every exchange to this file, as JSON lines.
    #[arg(long)]
    trace: Option<PathBuf>,
    /// A PEM certificate to register for every tenant's application.
    #[arg(long)]
    client_cert: Option<PathBuf>,
    /// Serves TLS with this PEM certificate.
    #[arg(long, requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key of `--tls-cert`.
    #[arg(long, requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Faults {
    None,
    Usual,
    Hostile,
}

#[derive(Clone, Copy, ValueEnum)]
enum Wait {
    None,
    Real,
}

#[derive(Clone, Copy, ValueEnum)]
enum Time {
    Real,
    Manual,
}

#[derive(Clone, Copy)]
enum Quota {
    Off,
    PerHour(u32),
}

fn quota(text: &str) -> Result<Quota, String> {
    match text {
        "off" => Ok(Quota::Off),
        number => number.parse().map(Quota::PerHour).map_err(|_| "a number per hour, or off".to_owned()),
    }
}

impl Arguments {
    fn config(&self) -> SimulatorConfig {
        let tenants = if self.tenants.is_empty() {
            vec![TenantSpec::new("contoso", 1000), TenantSpec::new("fabrikam", 600)]
        } else {
            self.tenants.clone()
        };
        let creation_quota = match (self.quota, self.faults) {
            (Some(Quota::PerHour(number)), _) => Some(number),
            (None, Faults::Hostile) => Some(600),
            (Some(Quota::Off), _) | (None, Faults::None | Faults::Usual) => None,
        };
        SimulatorConfig {
            seed: self.seed,
            tenants,
            faults: match self.faults {
                Faults::None => FaultLevel::None,
                Faults::Usual => FaultLevel::Usual,
                Faults::Hostile => FaultLevel::Hostile,
            },
            latency: match self.latency {
                Wait::None => Latency::None,
                Wait::Real => Latency::Real,
            },
            clock: match self.clock {
                Time::Real => ClockKind::Real,
                Time::Manual => ClockKind::Manual,
            },
            creation_quota,
            trace: self.trace.clone(),
            https: self.tls_cert.is_some(),
            ..SimulatorConfig::default()
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let simulator = Simulator::new(arguments.config())?;
    if let Some(path) = &arguments.client_cert {
        simulator.register_certificate(None, &std::fs::read_to_string(path)?)?;
    }
    let listener = tokio::net::TcpListener::bind(&arguments.listen).await?;
    let tls = arguments.tls_cert.zip(arguments.tls_key).map(|(certificate, key)| TlsFiles { certificate, key });
    let scheme = if tls.is_some() { "https" } else { "http" };
    let line = serde_json::json!({
        "address": format!("{scheme}://{}", listener.local_addr()?),
        "tenants": simulator.tenants(),
    });
    {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}")?;
        out.flush()?;
    }
    serve(simulator, listener, tls).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "m365-simulator: {error}");
            ExitCode::FAILURE
        }
    }
}
