#!/usr/bin/env bash
# Resolves requirements/*.in into the lock files. TORCH_FIND_LINKS, if set, is a folder that holds PyTorch's CPU wheel.
set -euo pipefail
cd "$(dirname "$0")/.."

UV=${UV:-.venv/bin/uv}
compile() {
    "$UV" pip compile --quiet --upgrade --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
        --no-emit-find-links --no-emit-package tidegate --override requirements/overrides.txt "$@"
}
compile requirements/cpu.in -o requirements/cpu.txt --override requirements/overrides-cpu.txt \
    ${TORCH_FIND_LINKS:+--find-links "$TORCH_FIND_LINKS"}
compile requirements/cuda.in -o requirements/cuda.txt
compile requirements/dev.in -o requirements/dev.txt
compile requirements/compat.in -o requirements/compat.txt
npm --prefix tests/compat/node update --package-lock-only
