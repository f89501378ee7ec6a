#!/bin/sh
# Makes sure that the tests find a Chromium, a mosquitto and a PostgreSQL: the system's, else Debian's package where it may be
# installed, else Playwright's own Chromium. What cannot be had is said; tests that need it skip with that reason.
set -u
PYTHON=${PYTHON:-python3}

has() { command -v "$1" >/dev/null 2>&1 || test -x "/usr/sbin/$1"; }
updated=no
debian() {
    has apt-get && [ "$(id -u)" = 0 ] || return 1
    [ "$updated" = yes ] || { apt-get update -qq >/dev/null 2>&1; updated=yes; }
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1
}
playwright_chromium() {
    "$PYTHON" -c 'from playwright.sync_api import sync_playwright as s
import os, sys
with s() as p: sys.exit(not os.path.exists(p.chromium.executable_path))' 2>/dev/null
}

if ! has chromium && ! has chromium-browser && ! has google-chrome && ! playwright_chromium; then
    debian chromium fonts-noto-core || "$PYTHON" -m playwright install chromium >/dev/null 2>&1 || {
        echo "No Chromium: the browser tests need one. Install the package chromium (or google-chrome), or run" >&2
        echo "  $PYTHON -m playwright install --with-deps chromium" >&2
        exit 1
    }
fi
for package in mosquitto strace jq; do
    has "$package" || debian "$package" || echo "No $package here: the tests that need it are skipped." >&2
done
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || has initdb || debian postgresql || {
    echo "No PostgreSQL here: the tests on it are skipped." >&2
}
if has mosquitto && ! has mosquitto_pub; then debian mosquitto-clients || true; fi
