"""What the play stands on: the simulated Microsoft side, the deployed stack, and the operator's command."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
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
# A function's name in the template, and its program.
FUNCTIONS = {"Snapshot": "snapshot", "Reconcile": "reconcile", "RotateCertificate": "rotate-certificate"}


def say(text):
    print(f"  {text}", flush=True)


def check(condition, text, detail=""):
    if not condition:
        sys.exit(f"FAILED: {text}\n{detail() if callable(detail) else detail}")
    say(f"ok  {text}")


def wait(condition, seconds=300, pause=2):
    """Whether it comes true within that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(pause)
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

    def call(self, path, body=None, method=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/_sim/{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def faults(self, plan):
        self.call("faults", plan, "PUT")

    def apply(self, tenant, operations):
        return self.call(f"tenants/{tenant}/apply", operations)

    def hire(self, tenant, names):
        """Users of that tenant, by the local parts of their addresses."""
        self.apply(
            tenant,
            [
                {"op": "create", "kind": "user", "set": {"DisplayName": f"New {name}", "PrimarySmtpAddress": f"{name}@{tenant}.example"}}
                for name in names
            ],
        )

    def register(self, tenant, pem):
        with urllib.request.urlopen(f"{self.address}/_sim/tenants/{tenant}/certificates", pem.encode(), timeout=30) as answer:
            return json.loads(answer.read())

    def thumbprints(self, tenant):
        return {one["thumbprint"] for one in self.call(f"tenants/{tenant}/certificates")}

    def gal(self, tenant):
        return self.call(f"tenants/{tenant}/gal")

    def made(self, tenant, name=None):
        """The visible entries that galbridge made there, or those of that name, whoever made them."""
        if name is None:
            return [entry for entry in self.gal(tenant) if entry["made_by"] == "app"]
        return [entry for entry in self.gal(tenant) if entry["properties"].get("DisplayName") == name]

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


def packaged(folder, functions):
    """The template with the functions as they were built, and a tick a minute."""
    text = (ROOT / "template.yaml").read_text()

    def replace(before, after):
        nonlocal text
        assert before in text, f"template.yaml no longer says {before!r}"
        text = text.replace(before, after)

    for name, program in FUNCTIONS.items():
        place = folder / name
        place.mkdir()
        shutil.copy(functions / name / "bootstrap", place / "bootstrap")
        replace(f"      BuildMethod: rust-cargolambda\n      BuildProperties: {{Binary: {program}}}\n", "")
        replace(f"      CodeUri: functions/{program}\n", f"      CodeUri: {place}\n")
    # The service ticks every two minutes at most; a test cannot wait so long.
    replace("    MinValue: 2\n    MaxValue: 10", "    MinValue: 1\n    MaxValue: 10")
    replace("rate(${TickMinutes} minutes)", "rate(1 minute)")
    # MiniStack does not fill in the scheduler's context attributes; without it a tick is of the present moment.
    replace(', "tick": "<aws.scheduler.scheduled-time>"', "")
    # A message that cannot be served is delivered again soon, not after a quarter of an hour.
    replace("VisibilityTimeout: 960", "VisibilityTimeout: 20")
    path = folder / "template.yaml"
    path.write_text(text)
    return path


class Stack:
    """The stack on MiniStack, and the operator's command beside it."""

    def __init__(self, folder, command):
        self.folder, self.command = folder, command
        self.endpoint = os.environ["MINISTACK_ENDPOINT"]
        self.environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "fake",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAM_CLI_TELEMETRY": "0",
        }
        self.session = boto3.session.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key="fake", region_name=REGION)

    def aws(self, name):
        return self.session.client(name, endpoint_url=self.endpoint, config=Config(read_timeout=600, retries={"max_attempts": 0}))

    def deploy(self, sam, template, *more):
        """Deploys it, or deploys it again with more parameters."""
        command = [sam, "deploy", "--template-file", template, "--config-file", ROOT / "samconfig.toml", "--stack-name", STACK]
        command += ["--s3-bucket", "deploy-bucket", "--no-resolve-s3", "--no-confirm-changeset", "--no-progressbar"]
        command += ["--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
        command += ["--parameter-overrides", "TickMinutes=1", "RotateAfterDays=0", *more]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        check(done.returncode == 0, "sam deploy", done.stdout + done.stderr)
        described = self.aws("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
        self.resources = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in described}
        outputs = self.aws("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in outputs}

    def galbridge(self, *arguments, exit=0):
        """The operator's command with --stack and --json: its document."""
        command = [self.command, "--stack", STACK, "--json", *arguments]
        done = subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        if done.returncode != exit:
            sys.exit(f"FAILED: galbridge {' '.join(arguments)} ended with {done.returncode}, not {exit}\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def waiting(self, queue):
        """How many messages wait in a queue."""
        url = self.resources[queue]
        counted = self.aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(counted["Attributes"]["ApproximateNumberOfMessages"])

    def processes(self, function):
        """The ids of the processes in which MiniStack runs a function."""
        wanted = f"AWS_LAMBDA_FUNCTION_NAME={self.resources[function]}".encode()
        found = []
        for place in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                variables = (place / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            # Another MiniStack on this machine has functions of the same name.
            if wanted in variables and f"AWS_ENDPOINT_URL={self.endpoint}".encode() in variables:
                found.append(int(place.name))
        return found

    def kill(self, function):
        """Ends a function in the middle of what it does; answers how many processes that were."""
        killed = self.processes(function)
        for process in killed:
            os.kill(process, signal.SIGKILL)
        return len(killed)

    def peak_megabytes(self, function):
        """The most memory that a process of the function held."""
        peaks = []
        for process in self.processes(function):
            status = pathlib.Path(f"/proc/{process}/status").read_text()
            peaks += [int(line.split()[1]) * 1024 / 1e6 for line in status.splitlines() if line.startswith("VmHWM")]
        return max(peaks, default=None)

    def without_grant(self, function, sid):
        """The function's role without one statement, while the block lasts."""
        return Grant(self, function, sid)


class Grant:
    """Takes a statement out of a role's policy, and puts it back."""

    def __init__(self, stack, function, sid):
        self.iam = stack.aws("iam")
        role = stack.resources[f"{function}Role"]
        policy = self.iam.list_role_policies(RoleName=role)["PolicyNames"][0]
        self.whole = self.iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        self.named = {"RoleName": role, "PolicyName": policy}
        statements = [one for one in self.whole["Statement"] if one["Sid"] != sid]
        assert len(statements) + 1 == len(self.whole["Statement"]), f"{role} has no statement {sid}"
        self.reduced = {**self.whole, "Statement": statements}

    def __enter__(self):
        self.iam.put_role_policy(**self.named, PolicyDocument=json.dumps(self.reduced))

    def __exit__(self, *_):
        self.iam.put_role_policy(**self.named, PolicyDocument=json.dumps(self.whole))
