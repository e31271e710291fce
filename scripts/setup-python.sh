#!/usr/bin/env bash
# Makes .venv with exactly what requirements/dev.txt locks, and the project itself, editable.
# Does nothing where that has been done already.
source "$(dirname "$0")/lib.sh"

lock=requirements/dev.txt
libraries=$(fingerprint "$lock" scripts/setup-python.sh)
project=$(fingerprint pyproject.toml billiards_trainer/__init__.py)

usable() { [[ -x .venv/bin/python ]] && new_enough .venv/bin/python; }
libraries_done() { stamped .venv/.installed "$libraries"; }
project_done() { stamped .venv/.project "$project"; }
done_already() { libraries_done && project_done && usable; }

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    local name
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14 python}; do
        if new_enough "$name"; then
            printf '%s\n' "$name"
            return
        fi
    done
    fail "Python 3.11 or newer is needed, and none was found (PYTHON=/path/to/python names one)."
}

make_environment() {
    local python
    python=$(find_python)
    say "making .venv with $("$python" --version 2>&1)"
    rm -rf .venv
    "$python" -m venv .venv && return
    # Debian keeps the part of Python that makes environments in a package of its own.
    rm -rf .venv
    bash scripts/debian-packages.sh python3-venv
    "$python" -m venv .venv
}

# pip's settings for a mirror and its certificate, in the words of uv.
borrow_pip_settings() {
    local index cert
    index=${PIP_INDEX_URL:-$(.venv/bin/pip config get global.index-url 2>/dev/null || true)}
    cert=${PIP_CERT:-$(.venv/bin/pip config get global.cert 2>/dev/null || true)}
    if [[ -n $index && -z ${UV_DEFAULT_INDEX:-} ]]; then export UV_DEFAULT_INDEX=$index; fi
    if [[ -n $cert && -z ${SSL_CERT_FILE:-} ]]; then export SSL_CERT_FILE=$cert; fi
}

install_uv() {
    local own
    own=$(mktemp)
    awk '/^[^ #]/ { keep = /^uv==/ } keep' "$lock" >"$own"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
        -r "$own" || { rm -f "$own"; return 1; }
    rm -f "$own"
}

install_locked() {
    say "installing what $lock locks"
    if install_uv && borrow_pip_settings &&
        .venv/bin/uv pip sync --python .venv/bin/python --require-hashes "$lock"; then
        return
    fi
    say "the quick way failed; installing with pip"
    .venv/bin/python -m pip install --disable-pip-version-check --require-hashes -r "$lock"
}

install_project() {
    say "installing the project"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps \
        --no-build-isolation --editable .
}

if done_already; then exit 0; fi
one_at_a_time
if ! { usable && .venv/bin/python -m pip --version >/dev/null 2>&1; }; then make_environment; fi
if ! libraries_done; then
    rm -f .venv/.installed .venv/.project # the sync takes the project away with everything unlocked
    install_locked
    stamp .venv/.installed "$libraries"
fi
if ! project_done; then
    install_project
    stamp .venv/.project "$project"
fi
