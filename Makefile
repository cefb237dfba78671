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
WIDGETS := book/_static/vendor/embed.js
WIDGETS_PACKAGE := @jupyter-widgets/html-manager@1.0.15
JUPYTER_BOOK = $(BIN)/jupyter-book build . -W -n --keep-going
CONSTRAINTS ?= -c constraints.txt
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check $(CONSTRAINTS)
PYTEST = $(BIN)/python -m pytest -n 2
# One thread per process: the two cores are shared by pytest, kernels and the site build.
export OMP_NUM_THREADS ?= 1
# No progress bars in outputs that are stored, compared or published.
export TQDM_DISABLE = 1

.PHONY: book site serve pdf notebooks data homework grade test check lint refine release mutants bench profile latency paint clean
.DELETE_ON_ERROR:

book: site ## install, execute every chapter, write the site to _build/html
	@echo "The book is in $(SITE)/index.html; 'make serve' shows it."

# Ctrl-C leaves the site of the last build, which waits beside until the new one is whole.
site: .venv/installed $(WIDGETS)
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

homework: .venv/course ## student notebooks and autograder archives, with a course's own numbers if SEED is given
	$(BIN)/python homework/build.py --seed $(or $(SEED),0)

grade: .venv/course ## grade the notebooks in the folder SUBMISSIONS, see homework/README.md
	$(BIN)/python homework/grade.py "$(SUBMISSIONS)" $(if $(TRUST),--trust) $(if $(TIME_LIMIT),--time-limit $(TIME_LIMIT))

test: lint pdf .venv/course ## install and run every check
	$(PYTEST) --dist loadgroup
	$(PYTEST) --dist loadfile --nbval --nbval-current-env book

lint: .venv/installed ## style, types, spelling, workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/python tools/lint_workflows.py
	$(BIN)/python -c "from qbook import claims; print(claims.load())"

check: lint ## a contributor's loop: style, types, and the tests of the core
	$(PYTEST) --dist loadgroup tests/core qbcore

release: pdf ## what a release consists of, in _build/release; sends nothing anywhere
	$(BIN)/python tools/release.py

refine: .venv/installed ## every number of the ledger again at twice the resolution
	$(BIN)/python tools/refine.py

mutants: .venv/installed ## would the tests notice? 90 small mistakes in the core, drawn with SEED; under an hour
	$(BIN)/python tools/mutants.py $(if $(SEED),--seed $(SEED))

bench: .venv/installed .venv/peers/installed ## qbcore beside its rivals, about ten minutes; ACCEPT=1 stores the result
	$(BIN)/python -m benchmarks $(if $(ACCEPT),--accept)

profile: .venv/installed $(WIDGETS) ## where the time of the papers' chapters goes, and how long the site takes
	$(BIN)/python tools/profile_chapters.py

latency: .venv/installed ## how fast the live sliders redraw
	$(BIN)/python tools/latency.py

paint: .venv/installed ## how soon the pages that 'make book' wrote show something on a slow phone
	$(BIN)/python tools/first_paint.py

.venv/installed: requirements.txt constraints.txt pyproject.toml
	@$(PYTHON) -c '$(NEW_ENOUGH)' || { echo "The book needs Python 3.11 or newer, but $(PYTHON) is $$($(PYTHON) --version 2>&1 || true): make book PYTHON=python3.11"; exit 1; }
	@$(BIN)/python -c '$(NEW_ENOUGH)' 2>/dev/null || $(PYTHON) -m venv --clear .venv || { echo "This Python cannot make virtual environments. On Debian or Ubuntu: apt install python3-venv"; exit 1; }
	$(INSTALL) -r requirements.txt -e ".[site,test,bench]"
	touch $@

# Peers that bring a compiler along, in an environment of their own.
.venv/peers/installed: .venv/installed
	$(BIN)/python -m venv --clear .venv/peers
	.venv/peers/bin/python -m pip install -q "dynamiqs>=0.3.7,<0.4"
	touch $@

# The grader is no part of what a reader needs.
.venv/course: .venv/installed
	$(INSTALL) -e ".[course]"
	touch $@

# The sliders' player for pages without a kernel, with npm of the virtual environment. Others
# use the folder too, so nothing in it is deleted; the player itself comes last, when its fonts
# are there.
$(WIDGETS): | .venv/installed
	rm -rf .venv/widgets
	mkdir -p .venv/widgets $(@D)
	$(BIN)/npm pack --loglevel=error --pack-destination .venv/widgets $(WIDGETS_PACKAGE)
	tar -xzf .venv/widgets/*.tgz -C .venv/widgets
	mv .venv/widgets/package/dist/*.woff2 $(@D)
	mv .venv/widgets/package/dist/embed.js $(@D)
	rm -r .venv/widgets

clean: ## delete all that was installed and built
	rm -rf _build .venv $(dir $(WIDGETS))
