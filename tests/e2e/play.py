"""The deployed stack, played as a client would: real `sam deploy`, real functions, a simulated Microsoft side.

`play.py PROGRAMS FUNCTIONS SAM`: the folder with the built programs, that with the built functions (`sam build` makes it), and
the `sam` to deploy with. MiniStack answers at $MINISTACK_ENDPOINT (`.ci/with-ministack`); with $AUTH it enforces IAM.
"""

import json
import pathlib
import sys
import tempfile
import time

from stage import PAIR, STACK, Simulator, Stack, check, packaged, profile, say, wait


def deployed(stack, template, sam):
    stack.aws("s3").create_bucket(Bucket="deploy-bucket")
    stack.deploy(sam, template)
    wanted = ["State", "Snapshot", "Reconcile", "RotateCertificate", "WakeUps", "DeadWakeUps", "DeadTicks", "Alarms"]
    wanted += ["Credentialcontoso", "Credentialfabrikam", "Schedulecontosofabrikam", "Dailycontosofabrikam"]
    wanted += ["NoSuccesscontosofabrikam", "Attentioncontosofabrikam", "SnapshotFails", "ReconcileFails", "CertificateEnds"]
    missing = [name for name in wanted if name not in stack.resources]
    check(not missing, f"{len(stack.resources)} resources are there", f"missing: {missing} of {sorted(stack.resources)}")


def profile_is_pushed(stack, simulator, folder):
    """Nothing is there yet, and each thing that is missing is named."""
    galbridge = stack.galbridge
    check("no profile yet" in galbridge("status", exit=2)["error"], "a stack without a profile says so")
    (folder / "galbridge.toml").write_text(profile(simulator))
    check("--yes" in galbridge("profile", "push", exit=3)["error"], "a profile is not pushed without a word")
    (folder / "wrong.toml").write_text(profile(simulator).replace(f'client = "{STACK}"', 'client = "globex"'))
    check(galbridge("--profile", "wrong.toml", "profile", "push", "--yes")["version"] == 1, "another client's profile is pushed")
    check(galbridge("profile", "push", "--yes")["version"] == 2, "and the right one after it, as nobody saw the other")
    check(not galbridge("profile", "push", "--yes")["changed"], "and not twice")
    check("no certificate" in galbridge("plan", exit=2)["error"], "a tenant without a certificate is named")
    lacking = galbridge("check", exit=1)
    named = [one["tenant"] for one in lacking] == list(simulator.tenants) and "no certificate" in str(lacking)
    check(named, "and both by check", lacking)


def certificates_are_made(stack, simulator):
    """Inside AWS; only their public part comes out."""
    for tenant in simulator.tenants:
        part = stack.galbridge("certificate", "new", "--tenant", tenant)
        check(part["made"] and "PRIVATE" not in json.dumps(part), f"a certificate for {tenant} is made inside AWS", part)
        simulator.register(tenant, part["pem"])
    time.sleep(6)
    findings = stack.galbridge("check")
    failures = any(one["level"] == "fail" for tenant in findings for one in tenant["findings"])
    check(not failures, "check finds everything ready", findings)


def merged(stack, simulator):
    merge = ("merge", "--mode", "two-way", "--accept-dynamic-groups")
    plan = stack.galbridge(*merge, exit=3)
    creations = {side: plan["sides"][side]["operations"].get("create", 0) for side in "ab"}
    check(creations["a"] > 5 and creations["b"] > 5, f"the plan makes {creations['a']} and {creations['b']} contacts", plan)
    check(not simulator.made("fabrikam"), "and has written nothing")
    done = stack.galbridge(*merge, "--confirm", plan["checksum"])
    check(done["run"]["counters"]["b"]["created"] == creations["b"], "the merge makes them", done)


def ticks_carry(stack, simulator):
    simulator.hire("contoso", ["carol"])
    simulator.hire("fabrikam", ["frank"])
    arrived = wait(lambda: simulator.made("fabrikam", "New carol") and simulator.made("contoso", "New frank"))
    check(arrived, "the schedule's own ticks carry a colleague each way", lambda: stack.galbridge("status"))
    explained = stack.galbridge("explain", "carol@contoso.example")
    check(any(one["seen"] and one["seen"]["tenant"] == "fabrikam" for one in explained), "explain tells how she is seen", explained)
    carol = simulator.made("contoso", "New carol")[0]["anchor"]
    simulator.apply("contoso", [{"op": "delete", "anchor": carol}])
    gone = wait(lambda: not simulator.made("fabrikam", "New carol"))
    check(gone, "who leaves is hidden on the other side", lambda: stack.galbridge("status"))


def mistake_is_carried(stack, simulator):
    """Somebody is given a wrong name, and the schedule carries it on: the run that did."""
    before = [one["id"] for one in stack.galbridge("runs")]
    frank = simulator.made("fabrikam", "New frank")[0]["anchor"]
    simulator.apply("fabrikam", [{"op": "update", "anchor": frank, "set": {"DisplayName": "Wrong frank"}}])
    carried = lambda: [one["id"] for one in stack.galbridge("runs") if one["id"] not in before and one["counters"]["a"]["updated"]]
    arrived = wait(lambda: simulator.made("contoso", "Wrong frank") and carried())
    check(arrived, "a wrong name is carried too", lambda: stack.galbridge("runs"))
    return carried()[0]


def run_is_undone(stack, simulator, run):
    """As soon as it is five minutes old: an edit since then would not be seen sooner."""
    plan = {}

    def planned():
        plan.update(stack.galbridge("undo", run, exit=3))
        return plan["sides"]["a"]["operations"]

    check(wait(planned, 400, 5), "undo says what it would put back", plan)
    check(simulator.made("contoso", "Wrong frank"), "and has written nothing")
    done = stack.galbridge("undo", run, "--confirm", plan["checksum"])
    check(done["run"]["counters"]["a"]["updated"] == 1 and simulator.made("contoso", "New frank"), "the run is taken back", done)
    stack.galbridge("run")
    stays = simulator.made("contoso", "New frank") and not simulator.made("contoso", "Wrong frank")
    check(stays, "and stays taken back", lambda: stack.galbridge("runs"))


def certificate_is_rolled(stack, simulator):
    """While cycles go on."""
    before = simulator.thumbprints("contoso")
    rolled = stack.galbridge("certificate", "rotate", "--tenant", "contoso")
    after = simulator.thumbprints("contoso")
    added = after == before | {rolled["thumbprint"]} and rolled["thumbprint"] not in before
    check(added, "the application added its own new certificate")
    stack.galbridge("run")
    runs = stack.galbridge("runs")
    check(not any(one["outcome"]["outcome"] == "failed" for one in runs), "and no cycle failed", runs)


def killed_in_the_middle(stack, simulator):
    """A function dies between two writes: the next cycle repairs, and nothing is there twice."""
    names = [f"starter{number}" for number in range(12)]
    here = lambda: [entry for entry in simulator.made("fabrikam") if entry["properties"]["DisplayName"].startswith("New starter")]
    # The creation is done long before its answer arrives: the function dies between the two.
    simulator.faults({"level": "none", "calls": [{"tenant": "fabrikam", "cmdlet": "New-MailContact", "do": "delay", "delay_ms": 3000}]})
    simulator.hire("contoso", names)
    begun = wait(lambda: len(here()) > 1, 200, 0.05)
    check(begun, "a run has begun to write", lambda: stack.galbridge("status"))
    killed = stack.kill("Reconcile")
    check(killed > 0 and len(here()) < len(names), f"it was killed after {len(here())} of {len(names)} contacts")
    simulator.faults({"level": "none"})
    # The dead one's lease lasts four minutes.
    whole = wait(lambda: len(here()) >= len(names), 420)
    check(whole, "a later cycle makes the rest", lambda: stack.galbridge("status"))
    stack.galbridge("run")
    found = sorted(entry["properties"]["DisplayName"] for entry in here())
    check(found == sorted(f"New {name}" for name in names), "and nobody is there twice", found)


def grant_is_missing(stack, simulator):
    """With IAM enforced, what a role is not given is refused, and the message names it."""
    with stack.without_grant("Reconcile", "Certificates"):
        # A process that already holds the certificate would not ask again.
        stack.kill("Reconcile")
        refused = stack.galbridge("check", exit=1)
        check("GetSecretValue" in str(refused), "a function that may not read the certificates says so", refused)
    with stack.without_grant("Reconcile", "State"):
        refused = stack.galbridge("plan", exit=1)["error"]
        check("not authorized" in refused, "and so does one that may not read the state", refused)
    with stack.without_grant("Snapshot", "WakeUp"):
        simulator.hire("contoso", ["late"])
        said = []

        def refused():
            event = json.dumps({"version": 1, "pair": PAIR})
            answer = stack.aws("lambda").invoke(FunctionName=stack.resources["Snapshot"], Payload=event)
            said.append(answer["Payload"].read().decode())
            return "FunctionError" in answer and "sqs:SendMessage" in said[-1]

        check(wait(refused, 60), "and one that may wake nobody", said)
    arrived = wait(lambda: simulator.made("fabrikam", "New late"))
    check(arrived, "with its grants back it works on", lambda: stack.galbridge("status"))


def poison_is_buried(stack):
    """A message that nobody understands ends among the dead, and the stack goes on."""
    body = json.dumps({"version": 99, "pair": PAIR})
    queue = stack.outputs["WakeUpQueue"]
    stack.aws("sqs").send_message(QueueUrl=queue, MessageBody=body, MessageGroupId="poison", MessageDeduplicationId="poison")
    check(wait(lambda: stack.waiting("DeadWakeUps") == 1), "a poison message reaches the dead-letter queue")


def profile_has_a_history(stack, simulator, folder):
    galbridge = stack.galbridge
    (folder / "galbridge.toml").write_text(profile(simulator).replace("[[pairs]]", "# changed\n[[pairs]]"))
    check(galbridge("profile", "push", "--yes")["version"] == 3, "a changed profile is the next version")
    check(galbridge("profile", "revert", "2", "--yes")["version"] == 4, "an earlier version comes back as the next")
    check([one["version"] for one in galbridge("profile", "history")] == [4, 3, 2, 1], "and all stand in the history")


def fleet_is_seen(stack):
    fleet = stack.galbridge("fleet", "status")
    check([(one["stack"], one["pair"], one["exit"]) for one in fleet] == [(STACK, PAIR, 0)], "fleet status finds the stack in step", fleet)
    check(fleet[0]["certificate_days"] > 700, "and knows when its certificates end", fleet)


def table_is_restored(stack, simulator, template, sam):
    """A restored table is another one; the stack goes on with it."""
    database, before, after = stack.aws("dynamodb"), stack.outputs["Table"], f"{STACK}-restored"
    keys = {name: database.describe_table(TableName=before)["Table"][name] for name in ("KeySchema", "AttributeDefinitions")}
    database.create_table(TableName=after, BillingMode="PAY_PER_REQUEST", **keys)
    for page in database.get_paginator("scan").paginate(TableName=before, ConsistentRead=True):
        for item in page["Items"]:
            database.put_item(TableName=after, Item=item)
    stack.deploy(sam, template, f"RestoredTable={after}")
    check(stack.outputs["Table"] == after, "the stack goes on with a restored table")
    simulator.hire("contoso", ["restored"])
    arrived = wait(lambda: simulator.made("fabrikam", "New restored"))
    check(arrived, "and its ticks too, with the rights for it", lambda: stack.galbridge("status"))


def play(folder, programs, functions, sam):
    simulator = Simulator(programs / "m365-simulator")
    try:
        stack = Stack(folder, programs / "galbridge")
        template = packaged(folder, functions)
        deployed(stack, template, sam)
        profile_is_pushed(stack, simulator, folder)
        certificates_are_made(stack, simulator)
        merged(stack, simulator)
        ticks_carry(stack, simulator)
        mistaken = mistake_is_carried(stack, simulator)
        certificate_is_rolled(stack, simulator)
        poison_is_buried(stack)
        killed_in_the_middle(stack, simulator)
        profile_has_a_history(stack, simulator, folder)
        fleet_is_seen(stack)
        for function in ("Snapshot", "Reconcile"):
            say(f"    {function} held {stack.peak_megabytes(function):.0f} MB at most")
        run_is_undone(stack, simulator, mistaken)
        grant_is_missing(stack, simulator)
        table_is_restored(stack, simulator, template, sam)
    finally:
        simulator.end()


def main():
    programs, functions, sam = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        play(pathlib.Path(folder), programs, functions, sam)
    print("end to end: passed")


if __name__ == "__main__":
    main()
