# Everything runs from .venv, which deploy/install.sh fills from requirements/*.txt and then leaves alone.
#
#   ACCELERATOR   auto (default: cuda if nvidia-smi answers, else cpu), cpu or cuda
#   ARGS          further arguments of the command, such as ARGS="--server.port 8080" or ARGS="-k engine"
#   PYTHON        the interpreter for .venv
#   TORCH_INDEX   address of an index that has PyTorch's CPU wheels, if pip does not know one

ACCELERATOR ?= auto
ARGS ?=

export PYTHON TORCH_INDEX

.DEFAULT_GOAL := help
.PHONY: help serve test compat chaos fuzz check bench lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve:  ## install if need be, then serve the bundled model, or the one in ARGS, on port 8000
	@deploy/install.sh $(ACCELERATOR)
	@exec env $(if $(filter-out auto,$(ACCELERATOR)),TIDEGATE_ENGINE_ACCELERATOR=$(ACCELERATOR)) .venv/bin/tidegate serve $(ARGS)

# Exit code 5 says that ARGS leaves none of these tests.
test:  ## install if need be, then run all tests: side by side those that need no engine, then the others
	@deploy/install.sh $(ACCELERATOR) dev
	@.venv/bin/python -m pytest -n 3 -m "not engine" $(ARGS) || [ $$? -eq 5 ]
	@.venv/bin/python -m pytest -m engine $(ARGS) || [ $$? -eq 5 ]

compat:  ## install if need be, then run third-party clients, Python's and Node's, against the real engine
	@deploy/install.sh $(ACCELERATOR) dev
	@deploy/install_compat.sh
	@exec .venv/bin/python -m tests.compat $(ARGS)

chaos:  ## install if need be, then kill and stop engines under streams, and compare every answer (ARGS="--rounds 100")
	@deploy/install.sh $(ACCELERATOR) dev
	@exec .venv/bin/python -m tests.chaos $(ARGS)

fuzz:  ## install if need be, then send every route 10,000 requests made of its OpenAPI document
	@deploy/install.sh $(ACCELERATOR) dev
	@exec env FUZZ_CASES=10000 .venv/bin/python -m pytest tests/api/openapi/test_generated_requests.py $(ARGS)

check:  ## format, lint, types, import contracts, YAML
	@deploy/install.sh $(ACCELERATOR) dev
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy --strict service loadtest
	.venv/bin/lint-imports
	find . -path './.venv*' -prune -o -name node_modules -prune -o -path '*/templates/*' -prune -o \( -name '*.yaml' -o -name '*.yml' \) -print0 | \
	    xargs -0 --no-run-if-empty .venv/bin/yamllint --strict

bench:  ## measure our front end beside vLLM's own
	@deploy/install.sh $(ACCELERATOR) dev
	@exec .venv/bin/python -m loadtest.bench $(ARGS)

lock:  ## write requirements/*.txt anew
	@deploy/install.sh $(ACCELERATOR) dev
	@deploy/lock.sh

clean:  ## remove .venv and the tools' caches; the model in the user's cache folder stays
	rm -rf .venv .venv-compat .venv.lock tests/compat/node/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find service loadtest tests -name __pycache__ -type d -prune -exec rm -rf {} +
