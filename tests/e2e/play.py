"""The deployed stack, played as a client would: real `sam deploy`, real functions, a simulated Microsoft side.

`play.py PROGRAMS SAM`: the folder with the built programs (functions among them), and the `sam` to deploy with. MiniStack
answers at $MINISTACK_ENDPOINT (`.ci/with-ministack`).
"""

import datetime
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

import boto3
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

ROOT = pathlib.Path(__file__).resolve().parents[2]
STACK = "acme"
PAIR = "contoso-fabrikam"
# A 12-digit access key is an account of its own in MiniStack.
ACCOUNT = "111122223333"
REGION = "us-east-1"


def say(text):
    print(f"  {text}", flush=True)


def check(condition, text, detail=""):
    if not condition:
        sys.exit(f"FAILED: {text}\n{detail}")
    say(f"ok  {text}")


def wait(condition, seconds=300):
    """Whether it comes true within that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(2)
    return False


def credential(folder):
    """A key and certificate: as PEM, and the public part in a file."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "galbridge e2e")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "public.pem").write_bytes(public)
    return (private + public).decode()


class Simulator:
    """The Microsoft side, a process of its own."""

    def __init__(self, program, public):
        command = [program, "--listen", "127.0.0.1:0", "--faults", "none", "--clock", "real", "--client-cert", public]
        command += ["--tenant", "contoso:60", "--tenant", "fabrikam:40"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        started = json.loads(self.process.stdout.readline())
        self.address = started["address"]
        self.tenants = {tenant["name"]: tenant for tenant in started["tenants"]}

    def call(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{self.address}/_sim/{path}", data), timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def gal(self, tenant):
        return self.call(f"tenants/{tenant}/gal")

    def end(self):
        self.process.terminate()
        self.process.wait()


def profile(simulator):
    text = f'client = "{STACK}"\n'
    for name, tenant in simulator.tenants.items():
        text += f'\n[tenants.{name}]\nid = "{tenant["id"]}"\napp_id = "{tenant["app_id"]}"\n'
        text += f'[tenants.{name}.hosts]\n' + "".join(f'{host} = "{simulator.address}"\n' for host in ("login", "graph", "exchange"))
    return text + '\n[[pairs]]\na = "contoso"\nb = "fabrikam"\n'


def packaged(folder, programs):
    """The template with the functions as they were built here, and a tick a minute."""
    text = (ROOT / "template.yaml").read_text()
    for function in ("snapshot", "reconcile"):
        place = folder / function
        place.mkdir()
        shutil.copy(programs / function, place / "bootstrap")
        built = f"    Metadata:\n      BuildMethod: rust-cargolambda\n      BuildProperties: {{Binary: {function}}}\n    Properties:\n      CodeUri: .\n"
        assert built in text, f"template.yaml builds {function} otherwise than this test expects"
        text = text.replace(built, f"    Properties:\n      CodeUri: {place}\n")
    # The service ticks every two minutes at most; a test cannot wait so long.
    text = text.replace("    MinValue: 2\n    MaxValue: 1440", "    MinValue: 1\n    MaxValue: 1440")
    text = text.replace("rate(${TickMinutes} minutes)", "rate(1 minute)")
    # MiniStack does not fill in the scheduler's context attributes; without it a tick is of the present moment.
    assert ', "tick": "<aws.scheduler.scheduled-time>"' in text
    text = text.replace(', "tick": "<aws.scheduler.scheduled-time>"', "")
    path = folder / "template.yaml"
    path.write_text(text)
    return path


def deploy(sam, template, environment):
    command = [sam, "deploy", "--template-file", template, "--config-file", ROOT / "samconfig.toml", "--stack-name", STACK]
    command += ["--s3-bucket", "deploy-bucket", "--no-resolve-s3", "--no-confirm-changeset", "--no-progressbar"]
    command += ["--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND", "--parameter-overrides", "TickMinutes=1"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    check(done.returncode == 0, "sam deploy", done.stdout + done.stderr)


def play(folder, programs, sam):
    endpoint = os.environ["MINISTACK_ENDPOINT"]
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "fake",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAM_CLI_TELEMETRY": "0",
    }
    session = boto3.session.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key="fake", region_name=REGION)
    aws = lambda name: session.client(name, endpoint_url=endpoint, config=Config(read_timeout=600, retries={"max_attempts": 0}))
    pem = credential(folder)
    simulator = Simulator(programs / "m365-simulator", folder / "public.pem")
    try:
        aws("s3").create_bucket(Bucket="deploy-bucket")
        deploy(sam, packaged(folder, programs), environment)
        resources = {
            one["LogicalResourceId"]: one for one in aws("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
        }
        wanted = ["State", "Snapshot", "Reconcile", "WakeUps", "DeadWakeUps", "DeadTicks", "Credentialcontoso", "Credentialfabrikam"]
        wanted += ["Schedulecontosofabrikam", "Dailycontosofabrikam"]
        missing = [name for name in wanted if name not in resources]
        check(not missing, f"{len(resources)} resources are there", f"missing: {missing} of {sorted(resources)}")
        outputs = {one["OutputKey"]: one["OutputValue"] for one in aws("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]}

        def ask(action, fails=False):
            event = {"version": 1, "pair": PAIR, "action": action}
            answer = aws("lambda").invoke(FunctionName=outputs["ReconcileFunction"], Payload=json.dumps(event))
            body = json.loads(answer["Payload"].read())
            failed = "FunctionError" in answer
            if failed != fails:
                sys.exit(f"FAILED: {action}: {body}")
            return body["errorMessage"] if fails else body

        check("holds no profile" in ask({"do": "status"}, fails=True), "a stack without a profile says so")
        text = profile(simulator)
        item = {"pk": {"S": "PROFILE"}, "sk": {"S": "CURRENT"}, "v": {"N": "2"}, "version": {"N": "1"}, "body": {"S": text}}
        aws("dynamodb").put_item(TableName=outputs["Table"], Item=item)
        check("no certificate" in ask({"do": "plan"}, fails=True), "a tenant without a certificate is named")
        for tenant in simulator.tenants:
            aws("secretsmanager").put_secret_value(SecretId=outputs["SecretPrefix"] + tenant, SecretString=json.dumps({"pem": pem}))

        plan = ask({"do": "merge", "merge": {"mode": "two-way", "accept_dynamic_groups": True}})["of"]
        creations = {side: plan["sides"][side]["operations"].get("create", 0) for side in "ab"}
        check(creations["a"] > 5 and creations["b"] > 5, f"the plan makes {creations['a']} and {creations['b']} contacts", plan)
        check(not any(entry["made_by"] == "app" for entry in simulator.gal("fabrikam")), "and has written nothing")
        merged = ask({"do": "merge", "merge": {"mode": "two-way", "accept_dynamic_groups": True}, "confirm": plan["checksum"]})["of"]
        check(merged["run"]["counters"]["b"]["created"] == creations["b"], "the merge makes them", merged)

        made = lambda tenant, name: [entry for entry in simulator.gal(tenant) if entry["properties"].get("DisplayName") == name]
        for number, (here, there) in enumerate([("contoso", "fabrikam"), ("fabrikam", "contoso")]):
            name = f"New Colleague {number}"
            simulator.call(
                f"tenants/{here}/apply",
                [{"op": "create", "kind": "user", "set": {"DisplayName": name, "PrimarySmtpAddress": f"new{number}@{here}.example"}}],
            )
        arrived = wait(lambda: made("fabrikam", "New Colleague 0") and made("contoso", "New Colleague 1"))
        check(arrived, "the schedule's own ticks carry a colleague each way", ask({"do": "status"}))

        simulator.call("tenants/contoso/apply", [{"op": "delete", "anchor": made("contoso", "New Colleague 0")[0]["anchor"]}])
        gone = wait(lambda: not made("fabrikam", "New Colleague 0"))
        check(gone, "who leaves is hidden on the other side", ask({"do": "status"}))
    finally:
        simulator.end()


def main():
    programs, sam = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        play(pathlib.Path(folder), programs, sam)
    print("end to end: passed")


if __name__ == "__main__":
    main()
