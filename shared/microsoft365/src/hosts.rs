//! The clouds and their hosts (MICROSOFT.md 0), and the rule that nothing else is ever called.
//!
//! Every link a service gives (a nextLink, a deltaLink) is compared with the origin it must have
//! before a token is put on a request to it. Redirects are not followed at all.

use std::fmt;

use http::Uri;

use crate::error::WireError;

/// A cloud of Microsoft 365, under the key it has in the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cloud {
    /// Worldwide, and GCC, which has the same hosts.
    Global,
    /// GCC High (L4).
    GccHigh,
    /// `DoD` (L5).
    Dod,
    /// China, operated by `21Vianet`.
    China,
}

/// One row of MICROSOFT.md 0.
struct Row {
    cloud: Cloud,
    key: &'static str,
    authority: &'static str,
    graph: &'static str,
    exchange: &'static str,
}

/// The table. No host is derived from another one.
static TABLE: [Row; 4] = [
    Row {
        cloud: Cloud::Global,
        key: "global",
        authority: "https://login.microsoftonline.com",
        graph: "https://graph.microsoft.com",
        exchange: "https://outlook.office365.com",
    },
    Row {
        cloud: Cloud::GccHigh,
        key: "gcc-high",
        authority: "https://login.microsoftonline.us",
        graph: "https://graph.microsoft.us",
        exchange: "https://outlook.office365.us",
    },
    Row {
        cloud: Cloud::Dod,
        key: "dod",
        authority: "https://login.microsoftonline.us",
        graph: "https://dod-graph.microsoft.us",
        exchange: "https://outlook-dod.office365.us",
    },
    Row {
        cloud: Cloud::China,
        key: "china",
        authority: "https://login.partner.microsoftonline.cn",
        graph: "https://microsoftgraph.chinacloudapi.cn",
        // The PowerShell module uses partner.outlook.cn (MICROSOFT.md 11.7): `Hosts::own` can say so.
        exchange: "https://outlook.office365.cn",
    },
];

impl Cloud {
    /// All clouds.
    pub const ALL: [Self; 4] = [Self::Global, Self::GccHigh, Self::Dod, Self::China];

    /// The cloud under this key of the profile.
    pub fn from_key(key: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.key == key).map(|row| row.cloud)
    }

    /// Its key in the profile.
    pub fn key(self) -> &'static str {
        self.row().key
    }

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.key())
    }
}

/// The three hosts of a tenant. The scope of a token is the host and `/.default`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    pub(crate) cloud: Option<Cloud>,
    pub(crate) authority: Origin,
    pub(crate) graph: Origin,
    pub(crate) exchange: Origin,
}

impl Hosts {
    /// The hosts of a cloud.
    pub fn of(cloud: Cloud) -> Self {
        let row = cloud.row();
        Self {
            cloud: Some(cloud),
            authority: Origin { text: row.authority.to_owned() },
            graph: Origin { text: row.graph.to_owned() },
            exchange: Origin { text: row.exchange.to_owned() },
        }
    }

    /// Other hosts, such as a simulator's: `https://host[:port]`, or `http://` on this machine.
    pub fn own(authority: &str, graph: &str, exchange: &str) -> Result<Self, WireError> {
        Ok(Self { cloud: None, authority: Origin::parse(authority)?, graph: Origin::parse(graph)?, exchange: Origin::parse(exchange)? })
    }

    /// One host for all three, such as a simulator's.
    pub fn single(host: &str) -> Result<Self, WireError> {
        Self::own(host, host, host)
    }
}

/// Scheme, host and port, in lower case, without the scheme's usual port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    text: String,
}

impl Origin {
    /// Reads `https://host[:port]`. Plain http is for this machine only.
    fn parse(text: &str) -> Result<Self, WireError> {
        let refused = |reason| WireError::Host { host: text.to_owned(), reason };
        let trimmed = text.trim().trim_end_matches('/');
        let uri: Uri = trimmed.parse().map_err(|_| refused("it is no URL"))?;
        if uri.path() != "/" || uri.query().is_some() {
            return Err(refused("it must be a host alone, without a path"));
        }
        let origin = Self::of(&uri).ok_or_else(|| refused("it must begin with https:// and name a host"))?;
        if origin.text.starts_with("http://") && !origin.is_loopback() {
            return Err(refused("plain http is for this machine only; use https"));
        }
        Ok(origin)
    }

    /// The origin of a URI; none if it is not http(s), or if it carries a user name.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let authority = uri.authority()?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return None;
        }
        let (scheme, usual) = match uri.scheme_str()? {
            "https" => ("https", 443),
            "http" => ("http", 80),
            _ => return None,
        };
        let host = authority.host().to_ascii_lowercase();
        let text = match authority.port() {
            // A port that is no number is no port.
            Some(port) if port.as_u16() == usual => format!("{scheme}://{host}"),
            Some(port) => format!("{scheme}://{host}:{}", port.as_u16()),
            None if authority.as_str().len() > host.len() => return None,
            None => format!("{scheme}://{host}"),
        };
        Some(Self { text })
    }

    /// Whether it is this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.host();
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        name == "localhost" || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
    }

    /// Host and port, for people.
    pub(crate) fn host(&self) -> &str {
        self.text.split_once("://").map_or(self.text.as_str(), |(_, host)| host)
    }

    /// A URL there. `path` begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    /// What to ask a token for.
    pub(crate) fn scope(&self) -> String {
        self.url("/.default")
    }

    /// A link that a service gave, if it leads back to this origin; else where it leads.
    pub(crate) fn own_link(&self, link: &str) -> Result<Uri, String> {
        let uri: Uri = link.parse().map_err(|_| "something that is no URL".to_owned())?;
        match Self::of(&uri) {
            Some(origin) if origin == *self => Ok(uri),
            Some(origin) => Err(origin.text),
            None => Err("something that is no http URL".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cloud_stands_at_its_row() {
        for cloud in Cloud::ALL {
            assert_eq!(cloud.row().cloud, cloud);
            assert_eq!(Cloud::from_key(cloud.key()), Some(cloud));
            let hosts = Hosts::of(cloud);
            for origin in [&hosts.authority, &hosts.graph, &hosts.exchange] {
                assert_eq!(Origin::parse(&origin.text).as_ref(), Ok(origin));
            }
        }
        assert_eq!(Cloud::from_key("gcc"), None);
        assert_eq!(Hosts::of(Cloud::Dod).exchange.scope(), "https://outlook-dod.office365.us/.default");
    }

    #[test]
    fn own_hosts_are_checked() {
        for good in ["https://a.example", "https://a.example:8443/", "http://127.0.0.1:4365", "http://localhost", "http://[::1]:80"] {
            assert!(Hosts::single(good).is_ok(), "{good}");
        }
        for bad in [
            "http://a.example",
            "https://a.example/x",
            "a.example",
            "ftp://a.example",
            "https://u@a.example",
            "https://",
            "http://127.0.0.1.evil.example",
            "https://a.example:no",
            "https://a.example?x",
        ] {
            assert!(Hosts::single(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_link_elsewhere_is_refused() {
        let graph = Hosts::of(Cloud::Global).graph;
        for good in ["https://graph.microsoft.com/v1.0/users/delta?$skiptoken=x", "https://GRAPH.microsoft.com:443/v1.0/x"] {
            assert!(graph.own_link(good).is_ok(), "{good}");
        }
        for bad in [
            "http://graph.microsoft.com/v1.0",
            "https://graph.microsoft.us/v1.0",
            "https://graph.microsoft.com.evil.example/",
            "https://graph.microsoft.com@evil.example/",
            "https://graph.microsoft.com:444/",
            "https://graph.microsoft.com\\@evil.example/",
            "//graph.microsoft.com/x",
            "/v1.0/users",
            "javascript:alert(1)",
            "",
        ] {
            assert!(graph.own_link(bad).is_err(), "{bad}");
        }
    }
}
