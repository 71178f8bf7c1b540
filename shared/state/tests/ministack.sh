#!/bin/sh
# Runs the contract of the state store against MiniStack, a DynamoDB of others than the embedded one.
# Makes a virtual environment in .tools at the root of the repository the first time (from PyPI).
set -eu
cd "$(dirname "$0")/../../.."
tools=.tools/ministack
if ! [ -x "$tools/bin/ministack" ]; then
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check 'ministack==1.5.33' 'boto3==1.43.106' 'botocore==1.43.106' cryptography cbor2
fi
port=${MINISTACK_PORT:-$("$tools/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')}
export AWS_ENDPOINT_URL="http://127.0.0.1:$port" AWS_EC2_METADATA_DISABLED=true
export AWS_ACCESS_KEY_ID=000000000000 AWS_SECRET_ACCESS_KEY=fake AWS_REGION=us-east-1
log=$(mktemp)
BIND_HOST=127.0.0.1 GATEWAY_PORT=$port LAMBDA_EXECUTOR=local IOT_MTLS_ENABLED=0 SFTP_ENABLED=0 \
    "$tools/bin/ministack" >"$log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -f "$log"' EXIT INT TERM
tries=0
until "$tools/bin/python" -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" 2>/dev/null; do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ] || ! kill -0 "$server" 2>/dev/null; then
        echo "MiniStack does not start:" >&2
        cat "$log" >&2
        exit 1
    fi
    sleep 0.1
done
MINISTACK_ENDPOINT=$AWS_ENDPOINT_URL cargo nextest run -p state -E 'test(=service::on_ministack)' --no-capture
