# shellcheck shell=bash
# What the set-up scripts share. Sourced, never run.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# fingerprint PATH...: one hash over the names and contents of all files below the paths.
# Installed packages, caches and built things do not count.
fingerprint() {
    find "$@" \( -name node_modules -o -name __pycache__ -o -name test-results -o -name coverage \) -prune \
        -o -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum | sha256sum | cut -d' ' -f1
}

# stamped FILE HASH: whether FILE says that the work for HASH was done.
stamped() { [[ -r $1 && $(<"$1") == "$2" ]]; }

# stamp FILE HASH: say so; only ever called after the work.
stamp() {
    mkdir -p "$(dirname "$1")"
    printf '%s\n' "$2" >"$1"
}

# one_at_a_time: two makes started together must not install into one environment.
one_at_a_time() {
    exec 9>".setup.lock"
    command -v flock >/dev/null || return 0
    flock -n 9 || {
        say "another set-up is at work here; waiting for it"
        flock 9
    }
}
