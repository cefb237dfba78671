# Two commands do the work on a machine with Python and make: `make book` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
SITE := _build/html
BEFORE := _build/before
PUT_BACK := if [ -d $(BEFORE) ]; then rm -rf $(SITE) && mv $(BEFORE) $(SITE); fi
# Each build starts without them: pages that are gone, and outputs of an older core.
# The rest of _build belongs to others: a course's archives, the printed book.
WRITTEN_BY_SITE := $(SITE) _build/jupyter_execute _build/.doctrees
MATHJAX := book/_static/vendor/mathjax/startup.js
MATHJAX_PACKAGES := mathjax@4.1.3 @mathjax/mathjax-tex-font@4.1.3
# The parts that _config.yml loads, and nothing else of its 13 megabytes.
MATHJAX_PARTS := core.js input/tex-base.js input/tex/extensions/ams.js \
	input/tex/extensions/boldsymbol.js input/tex/extensions/newcommand.js \
	output/chtml.js a11y/assistive-mml.js ui/lazy.js
JUPYTER_BOOK = $(BIN)/jupyter-book build . -W -n --keep-going
# Every package by version and hash, and then the book itself. CONSTRAINTS= takes the newest
# that requirements.txt and pyproject.toml allow.
CONSTRAINTS ?= constraints.txt
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
INSTALL = $(if $(CONSTRAINTS),$(PIP) --require-hashes --no-deps -r $(1) && $(PIP) --no-deps -e .,$(PIP) $(2))
LOCK = $(BIN)/uv pip compile --quiet --no-header --no-annotate --no-emit-index-url --no-emit-package qbcore \
	--universal --python-version 3.11 --generate-hashes $(if $(UPGRADE),--upgrade) pyproject.toml
PYTEST = $(BIN)/python -m pytest -n 2
CONTAINER ?= docker
# One thread per process: the two cores are shared by pytest, kernels and the site build.
export OMP_NUM_THREADS ?= 1
# No progress bars in outputs that are stored, compared or published.
export TQDM_DISABLE = 1

.PHONY: book site pyodide serve pdf notebooks data homework grade grade-in-container given marking test check lint coverage refine lock release mutants bench field profile latency paint clean
.DELETE_ON_ERROR:

book: site ## install, execute every chapter, write the site to _build/html
	@echo "The book is in $(SITE)/index.html; 'make serve' shows it."

# Ctrl-C leaves the site of the last build, which is kept until the new one is whole.
site: .venv/installed $(MATHJAX) pyodide
	rm -rf $(BEFORE) && if [ -d $(SITE) ]; then mv $(SITE) $(BEFORE); fi
	rm -rf $(WRITTEN_BY_SITE)
	@trap '$(PUT_BACK); exit 130' INT TERM HUP; echo "$(JUPYTER_BOOK)"; $(JUPYTER_BOOK)
	rm -rf $(BEFORE)

serve: ## show the site that 'make book' wrote
	$(PYTHON) tools/serve.py

notebooks: .venv/installed ## execute the chapters and store their outputs
	$(BIN)/python tools/notebooks.py

pdf: site ## the whole book on paper, _build/pdf/quantum-batteries.pdf
	$(BIN)/python tools/pdf.py

data: .venv/installed ## recompute the stored sweeps of the chapters, about a quarter of an hour
	$(BIN)/python tools/sweeps.py

homework: .venv/course ## student notebooks, package and autograder archives; SEED gives a course its own numbers
	$(BIN)/python homework/build.py --seed $(or $(SEED),0) $(if $(EACH),--each "$(EACH)")

grade: given .venv/course ## grade the notebooks in the folder SUBMISSIONS, see homework/README.md for OPTIONS
	$(BIN)/python homework/grade.py "$(SUBMISSIONS)" $(if $(UNCONFINED),--unconfined) $(if $(TIME_LIMIT),--time-limit $(TIME_LIMIT)) $(OPTIONS)

# Where bubblewrap cannot be installed, it runs in a container, whose kernel must allow it.
grade-in-container: given ## the same in a container, for macOS and Windows; CONTAINER=podman
	$(CONTAINER) build --quiet --tag quantum-batteries-grader --file homework/Containerfile .
	$(CONTAINER) run --rm --privileged --network none \
		--volume "$(CURDIR)/_build/homework:/built:ro" \
		--volume "$$(cd "$(SUBMISSIONS)/.." && pwd):/handed-in" quantum-batteries-grader \
		"/handed-in/$$(basename "$$(cd "$(SUBMISSIONS)" && pwd)")" --built /built $(OPTIONS)

given:
	@test -d "$(SUBMISSIONS)" || { echo "$(if $(SUBMISSIONS),There is no folder $(SUBMISSIONS); a zip must be unpacked. )Say which folder to grade: make grade SUBMISSIONS=folder"; exit 2; }

marking: given .venv/course ## pages to mark the written answers in SUBMISSIONS by, without names
	$(BIN)/python homework/marking.py "$(SUBMISSIONS)"

test: lint pdf .venv/course ## install and run every check
	$(PYTEST) --dist loadgroup
	$(PYTEST) --dist loadfile --nbval --nbval-current-env book

lint: .venv/installed ## style, types, spelling, workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/python tools/readability.py
	$(BIN)/python tools/lint_workflows.py
	$(BIN)/python -c "from qbook import claims; print(claims.load())"

check: lint ## a contributor's loop: style, types, and the tests of the core but for the slow ones
	$(PYTEST) --dist loadgroup -m "not slow" tests/core qbcore

release: pdf ## what a release consists of, in _build/release; sends nothing anywhere
	$(BIN)/python tools/release.py

refine: .venv/installed ## every number of the ledger again at twice the resolution
	$(BIN)/python tools/refine.py

lock: .venv/installed ## fix the packages for every Python by version and hash; UPGRADE=1 takes newer ones
	$(LOCK) requirements.txt --extra site --extra test --extra bench -o constraints.txt
	$(LOCK) --extra course -c constraints.txt -o homework/constraints.txt

coverage: .venv/installed ## lines and branches that the tests of core and ledger reach
	$(PYTEST) --dist loadgroup --cov --cov-branch --cov-report=term:skip-covered tests/core tests/qbook qbcore qbook

mutants: .venv/installed ## would the tests notice? 90 small mistakes in the core, drawn with SEED; under an hour
	$(BIN)/python tools/mutants.py $(if $(SEED),--seed $(SEED))

bench: .venv/installed .venv/peers/installed ## qbcore against its rivals, about ten minutes; ACCEPT=1 stores the result
	$(BIN)/python -m benchmarks $(if $(ACCEPT),--accept)

field: .venv/installed .venv/peers/installed ## what qthermo and qenvs do, too: error and time of each, a minute
	$(BIN)/python -m benchmarks.field

profile: .venv/installed $(MATHJAX) ## where the time of the papers' chapters goes, and how long the site takes
	$(BIN)/python tools/profile_chapters.py

latency: .venv/installed ## how fast the live sliders redraw
	$(BIN)/python tools/latency.py

paint: .venv/installed ## how soon the pages that `make book` wrote are there on a slow phone
	$(BIN)/python tools/first_paint.py

# A virtual environment of a Python that is new enough, unless there is one. Debian's Python without
# python3-venv leaves one without pip behind; its own pip, if there is one, can add what is missing.
define MADE
	@$(PYTHON) -c '$(NEW_ENOUGH)' || { echo "The book needs Python 3.11 or newer, but $(PYTHON) is $$($(PYTHON) --version 2>&1 || true): make book PYTHON=python3.11"; exit 1; }
	@$(BIN)/python -c 'import pip; $(NEW_ENOUGH)' 2>/dev/null || $(PYTHON) -m venv --clear .venv || { $(PYTHON) -m venv --clear --without-pip .venv && $(PYTHON) -m pip --python $(BIN)/python install --quiet pip; } || { echo "This Python cannot make virtual environments. On Debian or Ubuntu: apt install python3-venv"; exit 1; }
endef

.venv/installed: requirements.txt constraints.txt pyproject.toml
	$(MADE)
	$(call INSTALL,constraints.txt,-r requirements.txt -e ".[site,test,bench]")
	touch $@

# Peers that bring a compiler along, in a separate environment.
.venv/peers/installed: .venv/installed
	$(BIN)/python -m venv --clear .venv/peers
	.venv/peers/bin/python -m pip install -q "dynamiqs>=0.3.7,<0.4" "qthermo>=0.7,<0.8" "qenvs>=0.3.2,<0.4"
	touch $@

# A reader needs no grader, and a grader needs none of the packages that build the site.
.venv/course: homework/constraints.txt pyproject.toml
	$(MADE)
	$(call INSTALL,homework/constraints.txt,-e ".[course]")
	touch $@

# Python for the pages, or a loud line; every file is checked again at each build.
pyodide: .venv/installed
	$(BIN)/python tools/pyodide_assets.py

# MathJax sets the formulas and is part of the site; the script that loads the rest comes last.
$(MATHJAX): | .venv/installed
	rm -rf .venv/mathjax
	mkdir -p .venv/mathjax $(@D)/tex-font
	$(BIN)/npm pack --loglevel=error --pack-destination .venv/mathjax $(MATHJAX_PACKAGES)
	tar -xzf .venv/mathjax/mathjax-mathjax-tex-*.tgz -C $(@D)/tex-font --strip-components=1 package/chtml.js package/chtml
	tar -xzf .venv/mathjax/mathjax-[0-9]*.tgz -C $(@D) --strip-components=1 $(addprefix package/,$(MATHJAX_PARTS))
	tar -xzf .venv/mathjax/mathjax-[0-9]*.tgz -C $(@D) --strip-components=1 package/$(@F)
	rm -r .venv/mathjax

clean: ## delete all that was installed and built
	rm -rf _build .venv $(dir $(MATHJAX))
