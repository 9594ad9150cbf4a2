# The project's tasks; each runs in the virtual environment that `make setup` makes. CONTRIBUTING.md explains them.

PYTHON = .venv/bin/python
PYTEST = $(PYTHON) -m pytest -q
JOBS = 2

.PHONY: setup check format fast test thorough goldens highlighting docs site vscode vscode-check explorer explorer-wheel bench compare

setup:
	python3 -m venv .venv
	$(PYTHON) -m pip install -q -c constraints.txt -e '.[dev]'

# What keeps the sources in order, without running them.
check:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

format:
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

# The tests of every phase that take under a minute together: for the loop while one writes.
fast:
	$(PYTEST) -m fast -n $(JOBS)

test:
	$(PYTEST) -n $(JOBS)

# All tests, with ten times as many random examples: for a change to what many properties rest on.
thorough:
	ARCHDSL_EXAMPLES=10 $(PYTEST) -n $(JOBS)

# The files that hold what the compiler prints and emits, written anew: read the difference before it is committed.
goldens:
	ARCHDSL_UPDATE=1 $(PYTEST) tests/golden tests/cli/test_readme.py tests/cli/test_cost.py tests/cli/test_plot.py \
	  tests/cli/test_paper.py tests/backends/test_network_json.py
	git diff --stat

# What colors the language in editors, documentation and the page, made of its grammar.
highlighting:
	$(PYTHON) -m archdsl.highlighting

# The code blocks and the outputs of the documentation.
docs:
	$(PYTEST) tests/docs tests/cli/test_readme.py

# The site of the documentation, in build/docs/site: the pages of docs/, the gallery of the zoo, commands, codes, functions.
site:
	$(PYTHON) docs/site/build.py build/docs

# The extension for VS Code, editors/vscode/archdsl.vsix. It needs npm; what it is built by comes with it.
vscode:
	cd editors/vscode && npm ci && npm run package

# The same in a real Visual Studio Code, code-server's, which npm brings, with Chromium: a check before a release, that leaves
# screenshots in editors/vscode/screenshots/.
vscode-check: vscode
	$(PYTHON) editors/vscode/check.py

# The page of `archdsl explore`, with Node 20 or newer: built in web/archdsl_explorer/, where the command finds it.
explorer:
	cd web && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && npm run --silent build

# The same as a distribution of its own, which the extra `web` brings: web/dist/.
explorer-wheel: explorer
	$(PYTHON) -m build --wheel --outdir web/dist web

bench:
	$(PYTHON) benchmarks/run.py

# What every network of the zoo is at another commit and now, byte for byte: make compare BASE=main
compare:
	$(PYTHON) benchmarks/compare.py $(BASE)
