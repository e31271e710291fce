#!/usr/bin/env bash
# Writes requirements/*.txt: versions with hashes, for every platform, without any address.
source "$(dirname "$0")/lib.sh"

lock() {
    local name=$1
    shift
    .venv/bin/uv pip compile pyproject.toml "$@" --quiet --universal --python-version 3.11 \
        --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
        --output-file "requirements/$name.txt"
    say "requirements/$name.txt"
}

for extra in cpu gpu openvino jetson; do lock "$extra" --extra "$extra" "$@"; done
lock dev --extra cpu --group dev "$@"
