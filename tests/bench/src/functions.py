"""What a function weighs and how fast it starts: `functions.py FOLDER`, with NAME/bootstrap for each (`sam build` makes it).

Prints JSON: by name, the zip in megabytes, milliseconds from the start of the process to its first poll of the Runtime API (the
median of several), and the megabytes it then held.
"""

import http.server
import io
import json
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time
import zipfile

ROUNDS = 15
# A function reads its settings before it polls; nothing of this is ever asked.
SETTINGS = {
    "GALBRIDGE_TABLE": "state",
    "GALBRIDGE_SECRETS": "galbridge/bench/",
    "GALBRIDGE_QUEUE": "http://127.0.0.1:9/queue",
    "GALBRIDGE_TICK_MINUTES": "10",
    "GALBRIDGE_LOG": "info",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_FUNCTION_VERSION": "1",
    "AWS_LAMBDA_LOG_GROUP_NAME": "bench",
    "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
}


class Runtime(http.server.ThreadingHTTPServer):
    """A Runtime API with nothing to do."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Poll)
        self.polled = threading.Event()
        self.at = None


class Poll(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.at = time.perf_counter()
        self.server.polled.set()
        # Until the process is ended.
        time.sleep(60)

    def log_message(self, *_):
        pass


def zipped(program):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(program, "bootstrap")
    return len(packed.getvalue()) / 1e6


def started(program):
    runtime = Runtime()
    threading.Thread(target=runtime.serve_forever, daemon=True).start()
    variables = {**os.environ, **SETTINGS, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{runtime.server_port}"}
    before = time.perf_counter()
    process = subprocess.Popen([program], env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        if not runtime.polled.wait(10):
            process.kill()
            sys.exit(f"{program} does not poll: {process.stdout.read().decode()}")
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        peak = next(int(line.split()[1]) * 1024 / 1e6 for line in status.splitlines() if line.startswith("VmHWM"))
        return (runtime.at - before) * 1e3, peak
    finally:
        process.kill()
        process.wait()
        runtime.shutdown()
        runtime.server_close()


def measure(program):
    starts = [started(program) for _ in range(ROUNDS)]
    return {
        "zip_megabytes": zipped(program),
        "start_ms": statistics.median(start for start, _ in starts),
        "peak_megabytes": max(peak for _, peak in starts),
    }


def main():
    folder = pathlib.Path(sys.argv[1])
    programs = sorted(folder.glob("*/bootstrap"))
    if not programs:
        sys.exit(f"{folder} holds no functions; `sam build` makes them")
    print(json.dumps({program.parent.name: measure(program) for program in programs}))


if __name__ == "__main__":
    main()
