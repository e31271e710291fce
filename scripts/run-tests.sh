#!/usr/bin/env bash
# `make test`: lint, the page's tests, all of pytest, the kernels again without compilation,
# then coverage over every process of all of it. Everything runs, then the exit status judges.
# Arguments go to pytest, and then only pytest runs.
source "$(dirname "$0")/lib.sh"

if (($#)); then exec .venv/bin/python -m pytest "$@"; fi

verdict=0
failed=()
log=$(mktemp)
trap 'rm -f "$log"' EXIT

part() {
    local name=$1
    shift
    say "$name"
    "$@" || {
        verdict=1
        failed+=("$name")
    }
}

# shellcheck disable=SC2329  # `part` calls this and the next two by name
tests() {
    .venv/bin/coverage run -m pytest -n 2 --dist loadgroup </dev/null 2>&1 | tee "$log"
}

# Coverage cannot look into compiled code, so the kernels are counted as plain Python.
# shellcheck disable=SC2329
kernels() {
    NUMBA_DISABLE_JIT=1 .venv/bin/coverage run -m pytest -q -n 2 \
        -m "kernels and not acceptance" tests/unit </dev/null
}

# shellcheck disable=SC2329
coverage_report() {
    .venv/bin/coverage combine --quiet && .venv/bin/coverage report
}

rm -f .coverage .coverage.*
part "lint" bash scripts/lint.sh
if [[ -f web/package.json ]]; then
    part "tests of the page's own code" npm --prefix web run --if-present --silent test
fi
part "tests" tests
if [[ -d tests/unit/physics ]]; then part "tests of the kernels, without compilation" kernels; fi
part "coverage" coverage_report

if ((verdict)); then say "failed: ${failed[*]}"; fi
grep -E '^=*.*[0-9]+ (passed|failed|error|skipped)' "$log" | tail -n 1 || true
exit "$verdict"
