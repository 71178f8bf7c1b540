//! The clouds Microsoft 365 runs in, and the hosts of each. MICROSOFT.md section 0.

use serde::{Deserialize, Serialize};

/// One of Microsoft's clouds. A tenant lives in exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cloud {
    /// Worldwide, and GCC, which uses the same hosts.
    Global,
    /// GCC High (L4).
    GccHigh,
    /// `DoD` (L5).
    Dod,
    /// China, operated by 21Vianet.
    China,
}

/// Which service a host or a token belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Graph,
    Exchange,
}

impl Cloud {
    /// Every cloud, for look-ups by host.
    pub const ALL: [Cloud; 4] = [Cloud::Global, Cloud::GccHigh, Cloud::Dod, Cloud::China];

    /// Parses the names a command line uses.
    pub fn parse(text: &str) -> Option<Cloud> {
        Some(match text {
            "global" | "worldwide" | "gcc" => Cloud::Global,
            "gcc-high" => Cloud::GccHigh,
            "dod" => Cloud::Dod,
            "china" => Cloud::China,
            _ => return None,
        })
    }

    /// Hosts of the token endpoint.
    pub fn authorities(self) -> &'static [&'static str] {
        match self {
            Cloud::Global => &["login.microsoftonline.com"],
            Cloud::GccHigh | Cloud::Dod => &["login.microsoftonline.us"],
            Cloud::China => &["login.partner.microsoftonline.cn", "login.chinacloudapi.cn"],
        }
    }

    /// Hosts of Graph.
    pub fn graph_hosts(self) -> &'static [&'static str] {
        match self {
            Cloud::Global => &["graph.microsoft.com"],
            Cloud::GccHigh => &["graph.microsoft.us"],
            Cloud::Dod => &["dod-graph.microsoft.us"],
            Cloud::China => &["microsoftgraph.chinacloudapi.cn"],
        }
    }

    /// Hosts of Exchange Online.
    pub fn exchange_hosts(self) -> &'static [&'static str] {
        match self {
            Cloud::Global => &["outlook.office365.com"],
            Cloud::GccHigh => &["outlook.office365.us"],
            Cloud::Dod => &["outlook-dod.office365.us"],
            Cloud::China => &["outlook.office365.cn", "partner.outlook.cn"],
        }
    }

    /// The service a resource host of this cloud stands for.
    pub(crate) fn service_of(self, host: &str) -> Option<Service> {
        if self.graph_hosts().contains(&host) {
            Some(Service::Graph)
        } else if self.exchange_hosts().contains(&host) {
            Some(Service::Exchange)
        } else {
            None
        }
    }

    /// Whether any cloud uses this host for anything.
    pub(crate) fn is_microsoft_host(host: &str) -> bool {
        Cloud::ALL.iter().any(|cloud| cloud.service_of(host).is_some() || cloud.authorities().contains(&host))
    }

    /// The word for this cloud on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Cloud::Global => "global",
            Cloud::GccHigh => "gcc-high",
            Cloud::Dod => "dod",
            Cloud::China => "china",
        }
    }
}
