"""Microsoft's own libraries get tokens from the simulator over TLS, and use them: a faithful simulator serves them all.

`talk.py SIMULATOR`: starts the program with a certificate of its own, and ends it.
"""

import datetime
import ipaddress
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import msal
import requests
from azure.identity import CertificateCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

ANCHOR = "APP:SystemMailbox{{bb558c35-97f1-4cb9-8ff7-d53741dc928c}}@{tenant}"


def certificate(folder, name, server):
    """A key and a self-signed certificate, as PEM files; the certificate is returned too."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
    )
    if server:
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
        builder = builder.add_extension(address, critical=False)
    made = builder.sign(key, hashes.SHA256())
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = made.public_bytes(serialization.Encoding.PEM)
    (folder / f"{name}.key").write_bytes(private)
    (folder / f"{name}.pem").write_bytes(public)
    (folder / f"{name}.both.pem").write_bytes(private + public)
    return private.decode(), public.decode(), made


def by_msal(base, tenant, private, public, made, trusted, **more):
    """MSAL: PS256 and x5t#S256 with a certificate, RS256 and x5t with a thumbprint alone."""
    credential = {"private_key": private, "thumbprint": made.fingerprint(hashes.SHA1()).hex(), **more}
    application = msal.ConfidentialClientApplication(
        tenant["app_id"], authority=f"{base}/{tenant['id']}", client_credential=credential, instance_discovery=False, verify=trusted
    )
    answer = application.acquire_token_for_client(scopes=[f"{base}/.default"])
    assert "access_token" in answer, answer
    return answer["access_token"]


def by_azure_identity(base, tenant, folder, trusted):
    """azure-identity, as the Azure SDKs and msgraph-sdk do."""
    credential = CertificateCredential(
        tenant["id"],
        tenant["app_id"],
        certificate_path=str(folder / "app.both.pem"),
        authority=base,
        disable_instance_discovery=True,
        connection_verify=trusted,
    )
    return credential.get_token(f"{base}/.default").token


def use(base, tenant, token, trusted):
    """Delta in the spellings of the SDKs, a batch, and a cmdlet."""
    session = requests.Session()
    session.verify = trusted
    session.headers["Authorization"] = f"Bearer {token}"
    for path in ("users/delta", "users/delta()", "contacts/delta?%24select=id%2CdisplayName", "groups/microsoft.graph.delta()"):
        answer = session.get(f"{base}/v1.0/{path}")
        assert answer.status_code == 200 and "value" in answer.json(), (path, answer.status_code, answer.text[:300])
    batch = {"requests": [{"id": "1", "method": "GET", "url": "/users?$top=1"}, {"id": "2", "method": "GET", "url": "/groups?$top=1"}]}
    answers = session.post(f"{base}/v1.0/$batch", json=batch).json()["responses"]
    assert sorted(one["id"] for one in answers) == ["1", "2"] and all(one["status"] == 200 for one in answers), answers
    cmdlet = {"CmdletInput": {"CmdletName": "Get-Recipient", "Parameters": {"ResultSize": 5}}}
    headers = {"X-AnchorMailbox": ANCHOR.format(tenant=tenant["id"])}
    answer = session.post(f"{base}/adminapi/beta/{tenant['id']}/InvokeCommand", json=cmdlet, headers=headers)
    assert answer.status_code == 200 and len(answer.json()["value"]) == 5, (answer.status_code, answer.text[:300])


def main(program):
    folder = pathlib.Path(tempfile.mkdtemp())
    certificate(folder, "server", True)
    private, public, made = certificate(folder, "app", False)
    command = [program, "--listen", "127.0.0.1:0", "--seed", "7", "--tenant", "contoso:40", "--faults", "none", "--clock", "real"]
    command += ["--client-cert", str(folder / "app.pem"), "--tls-cert", str(folder / "server.pem"), "--tls-key", str(folder / "server.key")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        started = json.loads(process.stdout.readline())
        base, tenant = started["address"], started["tenants"][0]
        assert base.startswith("https://"), base
        trusted = str(folder / "server.pem")
        # Whatever this machine's own proxy and authorities are: the server is ours, and here.
        os.environ.update(REQUESTS_CA_BUNDLE=trusted, CURL_CA_BUNDLE=trusted, NO_PROXY="*", no_proxy="*")
        metadata = requests.get(f"{base}/{tenant['id']}/v2.0/.well-known/openid-configuration", verify=trusted).json()
        assert metadata["token_endpoint"].endswith("/oauth2/v2.0/token"), metadata
        tokens = {
            "msal, certificate": by_msal(base, tenant, private, public, made, trusted, public_certificate=public),
            "msal, thumbprint": by_msal(base, tenant, private, public, made, trusted),
            "azure-identity": by_azure_identity(base, tenant, folder, trusted),
        }
        for name, token in tokens.items():
            use(base, tenant, token, trusted)
            print(f"{name}: a token, delta in every spelling, a batch, a cmdlet")
    finally:
        process.terminate()
        process.wait()


main(sys.argv[1])
