# `make run` opens the studio with the simulated ALOHA (POLICY=FOLDER: with that checkpoint); `make test`
# runs every check.
# Both set up .venv first, and only when requirements.txt or pyproject.toml changed.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
export MUJOCO_GL ?= egl

.PHONY: run test check lint types imports clean
.DEFAULT_GOAL := run

run: $(READY)
	$(BIN)/python app.py $(if $(POLICY),--policy $(POLICY))

test: check
	$(BIN)/python -m pytest

check: lint types imports

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

imports: $(READY)
	$(BIN)/lint-imports

# torch goes first and by pip, so that a machine that offers a CPU build gives that one.
$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "VLA Studio needs Python 3.11 or newer. Run: make PYTHON=python3.11"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv==0.13.9 "$$(grep '^torch==' requirements.txt)"
	UV_FIND_LINKS="$${UV_FIND_LINKS-$$PIP_FIND_LINKS}" $(BIN)/uv pip install --quiet \
	  --python $(BIN)/python -r requirements.txt
	@touch $@

clean:
	rm -rf .venv
