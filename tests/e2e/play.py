"""The deployed stack, played as a client would: real `sam deploy`, real functions, a simulated Microsoft side.

`play.py PROGRAMS SAM`: the folder with the built programs (functions among them), and the `sam` to deploy with. MiniStack
answers at $MINISTACK_ENDPOINT (`.ci/with-ministack`).
"""

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
        sys.exit(f"FAILED: {text}\n{detail() if callable(detail) else detail}")
    say(f"ok  {text}")


def wait(condition, seconds=300):
    """Whether it comes true within that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(2)
    return False


class Simulator:
    """The Microsoft side, a process of its own."""

    def __init__(self, program):
        command = [program, "--listen", "127.0.0.1:0", "--faults", "none", "--clock", "real"]
        command += ["--tenant", "contoso:60", "--tenant", "fabrikam:40"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        started = json.loads(self.process.stdout.readline())
        self.address = started["address"]
        self.tenants = {tenant["name"]: tenant for tenant in started["tenants"]}

    def call(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{self.address}/_sim/{path}", data), timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def register(self, tenant, pem):
        with urllib.request.urlopen(f"{self.address}/_sim/tenants/{tenant}/certificates", pem.encode(), timeout=30) as answer:
            return json.loads(answer.read())

    def gal(self, tenant):
        return self.call(f"tenants/{tenant}/gal")

    def end(self):
        self.process.terminate()
        self.process.wait()


def profile(simulator):
    text = f'client = "{STACK}"\n'
    for name, tenant in simulator.tenants.items():
        text += f'\n[tenants.{name}]\nid = "{tenant["id"]}"\napp_id = "{tenant["app_id"]}"\n'
        text += f'app_object_id = "{tenant["app_object_id"]}"\n'
        text += f'[tenants.{name}.hosts]\n' + "".join(f'{host} = "{simulator.address}"\n' for host in ("login", "graph", "exchange"))
    return text + '\n[[pairs]]\na = "contoso"\nb = "fabrikam"\n'


def packaged(folder, programs):
    """The template with the functions as they were built here, and a tick a minute."""
    text = (ROOT / "template.yaml").read_text()
    for function in ("snapshot", "reconcile", "rotate-certificate"):
        place = folder / function
        place.mkdir()
        shutil.copy(programs / function, place / "bootstrap")
        built = f"    Metadata:\n      BuildMethod: rust-cargolambda\n      BuildProperties: {{Binary: {function}}}\n    Properties:\n      CodeUri: .\n"
        assert built in text, f"template.yaml builds {function} otherwise than this test expects"
        text = text.replace(built, f"    Properties:\n      CodeUri: {place}\n")
    # The service ticks every two minutes at most; a test cannot wait so long.
    text = text.replace("    MinValue: 2\n    MaxValue: 30", "    MinValue: 1\n    MaxValue: 30")
    text = text.replace("rate(${TickMinutes} minutes)", "rate(1 minute)")
    # MiniStack does not fill in the scheduler's context attributes; without it a tick is of the present moment.
    assert ', "tick": "<aws.scheduler.scheduled-time>"' in text
    text = text.replace(', "tick": "<aws.scheduler.scheduled-time>"', "")
    # A message that cannot be served is delivered again soon, not after a quarter of an hour.
    assert "VisibilityTimeout: 960" in text
    text = text.replace("VisibilityTimeout: 960", "VisibilityTimeout: 20")
    path = folder / "template.yaml"
    path.write_text(text)
    return path


def deploy(sam, template, environment):
    command = [sam, "deploy", "--template-file", template, "--config-file", ROOT / "samconfig.toml", "--stack-name", STACK]
    command += ["--s3-bucket", "deploy-bucket", "--no-resolve-s3", "--no-confirm-changeset", "--no-progressbar"]
    command += ["--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND", "--parameter-overrides", "TickMinutes=1", "RotateAfterDays=0"]
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
    simulator = Simulator(programs / "m365-simulator")

    def galbridge(*arguments, exit=0):
        command = [programs / "galbridge", "--stack", STACK, "--json", *arguments]
        done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != exit:
            sys.exit(f"FAILED: galbridge {' '.join(arguments)} ended with {done.returncode}, not {exit}\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    try:
        aws("s3").create_bucket(Bucket="deploy-bucket")
        deploy(sam, packaged(folder, programs), environment)
        resources = {
            one["LogicalResourceId"]: one for one in aws("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
        }
        wanted = ["State", "Snapshot", "Reconcile", "RotateCertificate", "WakeUps", "DeadWakeUps", "DeadTicks", "Alarms"]
        wanted += ["Credentialcontoso", "Credentialfabrikam", "Schedulecontosofabrikam", "Dailycontosofabrikam"]
        wanted += ["NoSuccesscontosofabrikam", "Attentioncontosofabrikam", "SnapshotFails", "ReconcileFails", "CertificateEnds"]
        missing = [name for name in wanted if name not in resources]
        check(not missing, f"{len(resources)} resources are there", f"missing: {missing} of {sorted(resources)}")

        # Nothing is there yet, and each thing that is missing is named.
        check("no profile yet" in galbridge("status", exit=2)["error"], "a stack without a profile says so")
        (folder / "galbridge.toml").write_text(profile(simulator))
        check("--yes" in galbridge("profile", "push", exit=3)["error"], "a profile is not pushed without a word")
        check(galbridge("profile", "push", "--yes")["version"] == 1, "the profile is pushed")
        check(not galbridge("profile", "push", "--yes")["changed"], "and not twice")
        check("no certificate" in galbridge("plan", exit=2)["error"], "a tenant without a certificate is named")
        lacking = galbridge("check", exit=1)
        check([one["tenant"] for one in lacking] == list(simulator.tenants) and "no certificate" in str(lacking), "and both by check", lacking)

        # Certificates are made inside AWS; only their public part comes out.
        for tenant in simulator.tenants:
            part = galbridge("certificate", "new", "--tenant", tenant)
            check(part["made"] and "PRIVATE" not in json.dumps(part), f"a certificate for {tenant} is made inside AWS", part)
            simulator.register(tenant, part["pem"])
        time.sleep(6)
        findings = galbridge("check")
        check(not any(one["level"] == "fail" for tenant in findings for one in tenant["findings"]), "check finds everything ready", findings)

        merge = ("merge", "--mode", "two-way", "--accept-dynamic-groups")
        plan = galbridge(*merge, exit=3)
        creations = {side: plan["sides"][side]["operations"].get("create", 0) for side in "ab"}
        check(creations["a"] > 5 and creations["b"] > 5, f"the plan makes {creations['a']} and {creations['b']} contacts", plan)
        check(not any(entry["made_by"] == "app" for entry in simulator.gal("fabrikam")), "and has written nothing")
        merged = galbridge(*merge, "--confirm", plan["checksum"])
        check(merged["run"]["counters"]["b"]["created"] == creations["b"], "the merge makes them", merged)

        made = lambda tenant, name: [entry for entry in simulator.gal(tenant) if entry["properties"].get("DisplayName") == name]
        for number, (here, there) in enumerate([("contoso", "fabrikam"), ("fabrikam", "contoso")]):
            name = f"New Colleague {number}"
            simulator.call(
                f"tenants/{here}/apply",
                [{"op": "create", "kind": "user", "set": {"DisplayName": name, "PrimarySmtpAddress": f"new{number}@{here}.example"}}],
            )
        arrived = wait(lambda: made("fabrikam", "New Colleague 0") and made("contoso", "New Colleague 1"))
        check(arrived, "the schedule's own ticks carry a colleague each way", lambda: galbridge("status"))
        explained = galbridge("explain", "new0@contoso.example")
        check(any(one["seen"] and one["seen"]["tenant"] == "fabrikam" for one in explained), "explain tells how she is seen", explained)

        simulator.call("tenants/contoso/apply", [{"op": "delete", "anchor": made("contoso", "New Colleague 0")[0]["anchor"]}])
        gone = wait(lambda: not made("fabrikam", "New Colleague 0"))
        check(gone, "who leaves is hidden on the other side", lambda: galbridge("status"))

        # A certificate is rolled while cycles go on.
        before = {one["thumbprint"] for one in simulator.call("tenants/contoso/certificates")}
        rolled = galbridge("certificate", "rotate", "--tenant", "contoso")
        after = {one["thumbprint"] for one in simulator.call("tenants/contoso/certificates")}
        check(after == before | {rolled["thumbprint"]} and rolled["thumbprint"] not in before, "the application added its own new certificate")
        galbridge("run")
        runs = galbridge("runs")
        check(not any(one["outcome"]["outcome"] == "failed" for one in runs), "and no cycle failed", runs)

        # A message that nobody understands ends among the dead, and the stack goes on.
        outputs = {one["OutputKey"]: one["OutputValue"] for one in aws("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]}
        poison = json.dumps({"version": 99, "pair": PAIR})
        aws("sqs").send_message(QueueUrl=outputs["WakeUpQueue"], MessageBody=poison, MessageGroupId="poison", MessageDeduplicationId="poison")
        dead = resources["DeadWakeUps"]["PhysicalResourceId"]

        def buried():
            counted = aws("sqs").get_queue_attributes(QueueUrl=dead, AttributeNames=["ApproximateNumberOfMessages"])
            return int(counted["Attributes"]["ApproximateNumberOfMessages"]) == 1

        check(wait(buried), "a poison message reaches the dead-letter queue")

        text = profile(simulator).replace("[[pairs]]", "# changed\n[[pairs]]")
        (folder / "galbridge.toml").write_text(text)
        check(galbridge("profile", "push", "--yes")["version"] == 2, "a changed profile is the next version")
        check(galbridge("profile", "revert", "1", "--yes")["version"] == 3, "an earlier version comes back as the next")
        check([one["version"] for one in galbridge("profile", "history")] == [3, 2, 1], "and all stand in the history")
        fleet = galbridge("fleet", "status")
        check([(one["stack"], one["pair"], one["exit"]) for one in fleet] == [(STACK, PAIR, 0)], "fleet status finds the stack in step", fleet)
        check(fleet[0]["certificate_days"] > 700, "and knows when its certificates end", fleet)
    finally:
        simulator.end()


def main():
    programs, sam = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        play(pathlib.Path(folder), programs, sam)
    print("end to end: passed")


if __name__ == "__main__":
    main()
