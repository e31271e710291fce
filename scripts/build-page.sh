#!/usr/bin/env bash
# Builds the dashboard (web/) into billiards_trainer/api/static where its sources have changed.
source "$(dirname "$0")/lib.sh"

[[ -f web/package.json ]] || exit 0

out=billiards_trainer/api/static
want=$(fingerprint web scripts/build-page.sh)
packages=$(fingerprint web/package-lock.json web/package.json)

packages_present() { stamped web/node_modules/.installed "$packages"; }
done_already() { stamped "$out/.built" "$want" && [[ -f $out/index.html ]]; }

need_node() {
    if ! { command -v node && command -v npm; } >/dev/null; then
        fail "Node.js 20.19 or newer is needed to build the page, and none was found."
    fi
    node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' ||
        fail "Node.js 20.19 or newer is needed to build the page; this is $(node --version)."
}

install_packages() {
    packages_present && return
    say "installing what web/package-lock.json locks"
    npm --prefix web ci --no-audit --no-fund
    stamp web/node_modules/.installed "$packages"
}

# `build-page.sh packages` stops before building: the page's own tests need no more.
case ${1:-build} in
packages)
    packages_present && exit 0
    need_node
    one_at_a_time
    install_packages
    ;;
build)
    done_already && exit 0
    need_node
    one_at_a_time
    done_already && exit 0
    install_packages
    say "building the page"
    npm --prefix web run build
    [[ -f $out/index.html ]] || fail "the page was built, but $out/index.html is not there"
    stamp "$out/.built" "$want"
    ;;
*) fail "usage: build-page.sh [packages|build]" ;;
esac
