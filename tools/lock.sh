#!/usr/bin/env bash
# Writes the lock files from pyproject.toml: `tools/lock.sh` keeps the versions that still fit, `tools/lock.sh --upgrade` takes the newest.
set -euo pipefail
cd "$(dirname "$0")/.."

tool=$(mktemp -d)
trap 'rm -rf "$tool"' EXIT
.venv/bin/python -m pip install --quiet --disable-pip-version-check --target "$tool" uv==0.13.9 2>/dev/null

# Fewest: one version of each package for every Python, so that the same seed gives the same bytes on all of them.
compile() { # file, further options
    local out=$1
    shift
    "$tool/bin/uv" pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes --no-annotate --fork-strategy fewest \
        --custom-compile-command "make lock" --output-file "$out" "$@"
    echo "$out: $(grep -c '==' "$out") packages"
}

compile requirements.lock pyproject.toml --group dev "$@"
# What `make bench-tissue` compares with: by itself, as some of it holds numpy back.
compile bench.lock --group bench "$@"
compile typings.lock --group typings "$@"
