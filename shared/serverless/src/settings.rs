//! What the template tells a function, in environment variables.

use jiff::SignedDuration;

use crate::ServerlessError;

/// The settings of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `GALBRIDGE_TABLE`: the stack's table.
    pub table: String,
    /// `GALBRIDGE_SECRETS`: what the names of the tenants' secrets begin with, such as `galbridge/acme/`.
    pub secrets: String,
    /// `GALBRIDGE_QUEUE`: the address of the FIFO queue of wake-ups. Only the snapshot function has it.
    pub queue: Option<String>,
    /// `GALBRIDGE_TICK_MINUTES`: how often the schedule ticks.
    pub tick: SignedDuration,
    /// `GALBRIDGE_LOG`: what is logged, as levels by crate.
    pub log: String,
}

impl Settings {
    /// Reads them by `variable`.
    ///
    /// # Errors
    /// `Setting` if one is missing or makes no sense.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ServerlessError> {
        let needed = |name| variable(name).ok_or_else(|| ServerlessError::Setting { name, problem: "is missing".to_owned() });
        let minutes = needed("GALBRIDGE_TICK_MINUTES")?;
        let tick = minutes.parse().ok().filter(|minutes| (1..=1440).contains(minutes)).ok_or_else(|| ServerlessError::Setting {
            name: "GALBRIDGE_TICK_MINUTES",
            problem: format!("must be a number from 1 to 1440, not {minutes:?}"),
        })?;
        Ok(Self {
            table: needed("GALBRIDGE_TABLE")?,
            secrets: needed("GALBRIDGE_SECRETS")?,
            queue: variable("GALBRIDGE_QUEUE"),
            tick: SignedDuration::from_mins(tick),
            log: variable("GALBRIDGE_LOG").unwrap_or_else(|| "info".to_owned()),
        })
    }

    /// The name of the stack: the secrets bear it.
    pub fn stack(&self) -> &str {
        self.secrets.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
    }

    /// The name of a tenant's secret.
    pub fn secret(&self, tenant: &str) -> String {
        format!("{}{tenant}", self.secrets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_is_missing_or_senseless_is_named() {
        let all = [("GALBRIDGE_TABLE", "t"), ("GALBRIDGE_SECRETS", "galbridge/acme/"), ("GALBRIDGE_TICK_MINUTES", "10")];
        let read = |changed: &str, value: Option<&str>| {
            Settings::read(|name| {
                let known = all.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
                if name == changed { value.map(str::to_owned) } else { known }
            })
        };
        assert_eq!(read("", None).unwrap().secret("contoso"), "galbridge/acme/contoso");
        for (name, value) in [("GALBRIDGE_TABLE", None), ("GALBRIDGE_TICK_MINUTES", Some("0")), ("GALBRIDGE_TICK_MINUTES", Some("ten"))] {
            assert!(read(name, value).unwrap_err().to_string().contains(name));
        }
    }
}
