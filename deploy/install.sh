#!/usr/bin/env bash
# Installs Tidegate into .venv: install.sh ACCELERATOR [dev]
#
# ACCELERATOR is auto, cpu or cuda; auto means cuda if nvidia-smi answers. With "dev" the tools of `make check` and
# `make test` are installed as well. Everything is pinned in requirements/. A second run with the same lock files does
# nothing. TORCH_INDEX, if set, is the address of PyTorch's CPU wheel index. Installs no system packages.
set -euo pipefail
cd "$(dirname "$0")/.."

accelerator=${1:-auto}
extra=${2:-}
python=${PYTHON:-python3}
if [ "$accelerator" = auto ]; then
    if nvidia-smi >/dev/null 2>&1; then accelerator=cuda; else accelerator=cpu; fi
fi
[ -f "requirements/$accelerator.txt" ] || { echo "install: ACCELERATOR is '$accelerator'; use auto, cpu or cuda" >&2; exit 2; }

say() { printf '\n== %s\n' "$*"; }
pip() { .venv/bin/python -m pip --disable-pip-version-check "$@"; }
stamp_of() { cat "$@" | sha256sum | cut -c1-16; }

# Two installations at once would trip over each other.
exec 9>.venv.lock
flock 9

# The folder counts too: an environment cannot be moved.
serve_stamp=".venv/.installed-$accelerator-$(stamp_of pyproject.toml "requirements/$accelerator.txt" <(pwd))"
dev_stamp=".venv/.installed-dev-$(stamp_of pyproject.toml requirements/dev.txt)"

if [ ! -f "$serve_stamp" ]; then
    say "creating .venv with $("$python" --version) for $accelerator"
    # Without a stamp nobody knows what an earlier, killed installation has left half-done.
    rm -rf .venv
    "$python" -m venv .venv
    if [ "$accelerator" = cpu ]; then
        say "installing PyTorch for CPU (about 200 MB)"
        torch=$(grep '^torch==' requirements/cpu.txt)
        index=()
        [ -z "${TORCH_INDEX:-}" ] || index=(--extra-index-url "$TORCH_INDEX")
        # In a call of its own: an index that cannot be reached then costs seconds once, not once per package.
        if ! pip install --no-deps --retries 1 "${index[@]}" "$torch"; then
            say "PyTorch's CPU wheels were not found. They have an index of their own, named on PyTorch's install page;
   give it with: make serve TORCH_INDEX=<address>. Installing the ordinary build instead, which is larger."
            pip install "${torch%+cpu}"
        fi
        say "installing vLLM and what it needs (about 700 MB)"
        grep -v '^torch==' requirements/cpu.txt >.venv/requirements.txt
    else
        say "installing vLLM for CUDA and what it needs (several GB)"
        cp "requirements/$accelerator.txt" .venv/requirements.txt
    fi
    pip install --no-deps -r .venv/requirements.txt
    say "installing Tidegate"
    pip install --no-deps --editable .
    touch "$serve_stamp"
fi
if [ "$extra" = dev ] && [ ! -f "$dev_stamp" ]; then
    say "installing the tools of make check and make test"
    pip install --no-deps -r requirements/dev.txt
    touch "$dev_stamp"
fi
