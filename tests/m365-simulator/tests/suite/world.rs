//! A simulated world and a small client for it.

use std::collections::HashMap;
use std::sync::OnceLock;

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use m365_simulator::{ClockKind, ConnectionDropped, Simulator, SimulatorConfig, TenantInfo};
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::{Padding, Rsa};
use openssl::sign::{RsaPssSaltlen, Signer};
use openssl::x509::X509;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

/// Where the tests say the simulator is.
pub(crate) const BASE: &str = "http://simulator.test";

/// A key and its certificate.
pub(crate) struct Credential {
    pub(crate) key: PKey<Private>,
    pub(crate) certificate: X509,
}

impl Credential {
    /// A new key, valid between these days from the epoch second given.
    pub(crate) fn new(from: i64, days: u32) -> Credential {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&Asn1Time::from_unix(from).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(from + i64::from(days) * 86_400).unwrap()).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        Credential { key, certificate: builder.build() }
    }

    /// The usual one: valid all through 2026.
    pub(crate) fn usual() -> &'static Credential {
        static USUAL: OnceLock<Credential> = OnceLock::new();
        USUAL.get_or_init(|| Credential::new(1_767_225_600, 365))
    }

    pub(crate) fn pem(&self) -> String {
        String::from_utf8(self.certificate.to_pem().unwrap()).unwrap()
    }

    pub(crate) fn thumbprint(&self, digest: MessageDigest) -> Vec<u8> {
        self.certificate.digest(digest).unwrap().to_vec()
    }

    /// A signed JWT.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let payload = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut signer = Signer::new(MessageDigest::sha256(), &self.key).unwrap();
        if header["alg"] == "PS256" {
            signer.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
            signer.set_rsa_mgf1_md(MessageDigest::sha256()).unwrap();
            signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH).unwrap();
        }
        let signature = signer.sign_oneshot_to_vec(payload.as_bytes()).unwrap();
        format!("{payload}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// An answer, read whole.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
    /// The connection broke.
    pub(crate) dropped: bool,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("no JSON: {:?}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The rows of a page.
    pub(crate) fn rows(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()["value"].as_array().unwrap().clone()
    }

    /// The code of an Entra error.
    pub(crate) fn entra_code(&self) -> i64 {
        self.json()["error_codes"][0].as_i64().unwrap()
    }

    /// The code of a Graph error.
    pub(crate) fn graph_code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }

    /// The .NET type and the text of a form A error.
    pub(crate) fn piped(&self) -> (String, String) {
        let body = self.json();
        let message = body["error"]["details"][0]["message"].as_str().unwrap().to_owned();
        let mut parts = message.splitn(3, '|').skip(1);
        (parts.next().unwrap().to_owned(), parts.next().unwrap().to_owned())
    }
}

/// A simulator and what a client of it remembers.
pub(crate) struct World {
    pub(crate) simulator: Simulator,
    tokens: HashMap<(String, String), String>,
    /// Whether to send X-AnchorMailbox.
    pub(crate) anchored: bool,
    pub(crate) prefer: Option<String>,
}

impl World {
    /// A world of this configuration; the usual certificate is registered.
    pub(crate) fn new(config: SimulatorConfig) -> World {
        let simulator = Simulator::new(config).unwrap();
        simulator.register_certificate(None, &Credential::usual().pem()).unwrap();
        let prefer = Some("odata.maxpagesize=1000".to_owned());
        World { simulator, tokens: HashMap::new(), anchored: true, prefer }
    }

    /// Two empty tenants, nothing hostile, a clock that stands.
    pub(crate) fn quiet() -> World {
        World::new(SimulatorConfig::default())
    }

    /// The same under tokio's paused time.
    pub(crate) fn paused(config: SimulatorConfig) -> World {
        World::new(SimulatorConfig { clock: ClockKind::Tokio, ..config })
    }

    pub(crate) fn tenant(&self, name: &str) -> TenantInfo {
        self.simulator.tenants().into_iter().find(|tenant| tenant.name == name).unwrap()
    }

    pub(crate) async fn send(&self, method: &str, url: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let url = if url.starts_with("http") { url.to_owned() } else { format!("{BASE}{url}") };
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.simulator.router().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let dropped = response.extensions().get::<ConnectionDropped>().is_some();
        let (parts, body) = response.into_parts();
        let collected = body.collect().await;
        assert_eq!(collected.is_err(), dropped);
        let bytes = collected.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
        Answer { status: parts.status.as_u16(), headers: parts.headers, bytes, dropped }
    }

    /// The claims of a good assertion for a tenant.
    pub(crate) fn claims(&self, tenant: &str) -> Value {
        let info = self.tenant(tenant);
        let now = self.simulator.now().as_second();
        json!({
            "aud": format!("{BASE}/{}/oauth2/v2.0/token", info.id), "iss": info.app_id, "sub": info.app_id,
            "jti": Uuid::from_u128(u128::from(next())), "nbf": now, "iat": now, "exp": now + 600,
        })
    }

    /// The header of a good assertion.
    pub(crate) fn header(credential: &Credential) -> Value {
        let thumbprint = URL_SAFE_NO_PAD.encode(credential.thumbprint(MessageDigest::sha256()));
        json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint})
    }

    /// Posts a token request.
    pub(crate) async fn ask_token(&self, tenant: &str, scope: &str, assertion: &str) -> Answer {
        let info = self.tenant(tenant);
        let form = format!(
            "client_id={}&scope={}&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3A\
             jwt-bearer&client_assertion={assertion}&grant_type=client_credentials",
            info.app_id,
            scope.replace(':', "%3A").replace('/', "%2F"),
        );
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.send("POST", &format!("/{}/oauth2/v2.0/token", info.id), &headers, form).await
    }

    /// A token for this host of Microsoft's.
    pub(crate) async fn token(&mut self, tenant: &str, host: &str) -> String {
        let key = (tenant.to_owned(), host.to_owned());
        if let Some(token) = self.tokens.get(&key) {
            return token.clone();
        }
        let credential = Credential::usual();
        let assertion = credential.sign(&World::header(credential), &self.claims(tenant));
        let answer = self.ask_token(tenant, &format!("https://{host}/.default"), &assertion).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        self.tokens.insert(key, token.clone());
        token
    }

    /// Forgets the tokens it has.
    pub(crate) fn sign_out(&mut self) {
        self.tokens.clear();
    }

    pub(crate) async fn graph(&mut self, tenant: &str, path: &str) -> Answer {
        self.graph_with(tenant, path, &[]).await
    }

    pub(crate) async fn graph_with(&mut self, tenant: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let token = format!("Bearer {}", self.token(tenant, "graph.microsoft.com").await);
        let mut all = vec![("authorization", token.as_str())];
        all.extend_from_slice(headers);
        let path = if path.starts_with("http") { path.to_owned() } else { format!("/v1.0{path}") };
        self.send("GET", &path, &all, Body::empty()).await
    }

    /// A whole delta round: every object, and the deltaLink.
    pub(crate) async fn delta(&mut self, tenant: &str, from: &str) -> (Vec<Value>, String) {
        let mut url = from.to_owned();
        let mut all = Vec::new();
        loop {
            let answer = self.graph(tenant, &url).await;
            all.extend(answer.rows());
            let body = answer.json();
            if let Some(link) = body["@odata.deltaLink"].as_str() {
                return (all, link.to_owned());
            }
            body["@odata.nextLink"].as_str().expect("a link").clone_into(&mut url);
        }
    }

    /// Runs a cmdlet.
    pub(crate) async fn run(&mut self, tenant: &str, cmdlet: &str, parameters: Value) -> Answer {
        let id = self.tenant(tenant).id;
        self.post(tenant, &format!("/adminapi/beta/{id}/InvokeCommand"), cmdlet, parameters).await
    }

    /// Runs a cmdlet at a URL of its own.
    pub(crate) async fn post(&mut self, tenant: &str, url: &str, cmdlet: &str, parameters: Value) -> Answer {
        let token = format!("Bearer {}", self.token(tenant, "outlook.office365.com").await);
        let anchor = format!("APP:SystemMailbox{{bb558c35-97f1-4cb9-8ff7-d53741dc928c}}@{}", self.tenant(tenant).id);
        let prefer = self.prefer.clone();
        let mut headers = vec![("authorization", token.as_str()), ("content-type", "application/json; charset=utf-8")];
        if self.anchored {
            headers.push(("x-anchormailbox", &anchor));
        }
        if let Some(prefer) = &prefer {
            headers.push(("prefer", prefer));
        }
        let body = json!({"CmdletInput": {"CmdletName": cmdlet, "Parameters": parameters}});
        self.send("POST", url, &headers, body.to_string()).await
    }

    /// The one row of a reading.
    pub(crate) async fn row(&mut self, tenant: &str, cmdlet: &str, identity: &str) -> Value {
        let answer = self.run(tenant, cmdlet, json!({"Identity": identity})).await;
        let mut rows = answer.rows();
        assert_eq!(rows.len(), 1);
        rows.remove(0)
    }

    /// Does what an administrator would; the anchors.
    pub(crate) fn apply(&self, tenant: &str, operations: Value) -> Vec<Uuid> {
        self.simulator.apply_json(tenant, operations).unwrap().into_iter().flatten().collect()
    }

    /// Makes a contact the way a client does; its Guid.
    pub(crate) async fn contact(&mut self, tenant: &str, name: &str, address: &str) -> String {
        let parameters = json!({"Name": name, "Alias": name, "ExternalEmailAddress": address});
        let answer = self.run(tenant, "New-MailContact", parameters).await;
        answer.rows()[0]["Guid"].as_str().unwrap().to_owned()
    }
}

fn next() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
