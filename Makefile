# The first two commands of a newcomer: `make quickstart` and `make test`. They need Python 3.10 or newer, nothing else.
PYTHON ?= python3
BIN = .venv/bin
RUN = $(BIN)/python -m

.PHONY: quickstart test test-slow lint doctest clean

quickstart: .venv/installed
	$(RUN) tools.make_tfrecords sample --draws 8 --sigma 1 2 --out tfrecords/sample
	$(RUN) tools.inspect_tfrecords tfrecords/sample
	$(RUN) tfdeblur.train sample
	$(RUN) tfdeblur.evaluate runs/sample --data tfrecords/sample --split test --out runs/sample/evaluation --overwrite
	$(RUN) tools.extract_pictures tfrecords/sample --split test --every 8 --out runs/sample/photographs
	$(RUN) tfdeblur.deblur runs/sample/photographs/blur --model runs/sample --out runs/sample/sharp --compare --overwrite
	$(RUN) tfdeblur.export runs/sample --out runs/sample/saved_model --overwrite
	@echo
	@echo "Look at:"
	@echo "  tfrecords/sample/contact_sheet.png        the pairs it learned from"
	@echo "  runs/sample/evaluation/contact_sheet.png  the best, the median and the worst of the photographs it never saw"
	@echo "  runs/sample/sharp/                        photographs deblurred, with before and after side by side"
	@echo "Your own: $(RUN) tfdeblur.deblur PHOTO.jpg --model runs/sample --out sharp"

test: .venv/tested
	$(BIN)/pytest -n auto -m "not slow"

test-slow: .venv/tested
	$(BIN)/pytest -m slow

lint: .venv/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

doctest: .venv/tested
	$(BIN)/pytest --doctest-modules tfdeblur tools

.venv/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable ".[cpu]"
	@touch $@

.venv/tested: .venv/installed
	$(BIN)/pip install --quiet --editable ".[cpu,test]"
	@touch $@

clean:
	rm -rf .venv build dist *.egg-info
