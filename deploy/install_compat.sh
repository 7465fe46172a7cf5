#!/usr/bin/env bash
# Installs the third-party clients of `make compat`: install_compat.sh
#
# The Python ones go into .venv-compat, since their pins clash with the service's; the Node ones into
# tests/compat/node/node_modules. Everything is pinned, in requirements/compat.txt and tests/compat/node/package-lock.json.
# A second run with the same lock files does nothing. Needs Node 20 or newer; installs no system packages.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
node_folder=tests/compat/node

say() { printf '\n== %s\n' "$*"; }
stamp_of() { cat "$@" | sha256sum | cut -c1-16; }

node_major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
if [ "$node_major" -lt 20 ] || ! command -v npm >/dev/null; then
    echo "install_compat: found Node '$node_major' (0: none); the Node clients need 20 or newer, with npm. Install it first." >&2
    exit 2
fi

# Two installations at once would trip over each other.
exec 9>.venv.lock
flock 9

# The folder counts too: an environment cannot be moved.
python_stamp=".venv-compat/.installed-$(stamp_of requirements/compat.txt <(pwd))"
node_stamp="$node_folder/node_modules/.installed-$(stamp_of "$node_folder/package-lock.json")"

if [ ! -f "$python_stamp" ]; then
    say "installing the Python clients into .venv-compat with $("$python" --version) (about 200 MB)"
    # Without a stamp nobody knows what an earlier, killed installation has left half-done.
    rm -rf .venv-compat
    "$python" -m venv .venv-compat
    .venv-compat/bin/python -m pip --disable-pip-version-check install --no-deps -r requirements/compat.txt
    touch "$python_stamp"
fi
if [ ! -f "$node_stamp" ]; then
    say "installing the Node clients"
    npm --prefix "$node_folder" ci --no-audit --no-fund
    touch "$node_stamp"
fi
