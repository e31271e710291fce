#!/usr/bin/env bash
# Everything that can be said about the code without running it. All of it is said, then judged.
source "$(dirname "$0")/lib.sh"

verdict=0
check() {
    say "$1"
    shift
    "$@" || verdict=1
}

mapfile -t shell_files < <(git ls-files -co --exclude-standard -- '*.sh' .ci/run 2>/dev/null)
((${#shell_files[@]})) || mapfile -t shell_files < <(find .ci scripts deployment systemd -name '*.sh' -o -path .ci/run)

check "ruff" .venv/bin/ruff check .
check "ruff format" .venv/bin/ruff format --check --output-format concise .
check "mypy" .venv/bin/mypy
check "shellcheck" .venv/bin/shellcheck -x -P SCRIPTDIR "${shell_files[@]}"
if [[ -f web/package.json ]]; then
    check "the page" npm --prefix web run --if-present --silent lint
fi
exit "$verdict"
