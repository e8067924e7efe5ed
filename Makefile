# The vocabulary of this repository: people and CI call the same words. `make` lists them.
PYTHON ?= python3
BIN := .venv/bin
MLFLOW_TRACKING_URI ?= sqlite:///var/mlflow.db
MLFLOW_PORT ?= 5000
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-annotate --no-header
# What `make demo` and `make train` take: a .csv or .parquet file, and how its columns are called.
CUSTOMERS = $(if $(DATA),--data '$(DATA)') $(if $(COLUMNS),--columns '$(COLUMNS)')
NEW_ENOUGH = $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "Python 3.11 or newer is needed; name one, as PYTHON=python3.13"; exit 2; }
# MLflow and Evidently report their use to their makers unless told not to.
export DO_NOT_TRACK := true
export MLFLOW_TRACKING_URI

.PHONY: help setup rename demo rehearsal train serve mlflow dashboard monitor test lint docs deploy audit sbom retrain pull-request format bench bench-peers bench-drift bench-training bench-profile lock clean
.DEFAULT_GOAL := help

help: ## list these words
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | sed 's/:.*## /\t/' | expand -t 16

setup: .venv/complete ## make .venv with everything
.venv/complete: requirements/dev.txt requirements/uv.txt
	@test ! -L .venv || { echo ".venv is a link, and what it leads to would be emptied; remove the link"; exit 2; }
	@$(NEW_ENOUGH)
	@echo "setting up .venv: once, a minute or two, 2 GB"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements/dev.txt
	@touch $@

rename: setup ## give the project a name of its own instead of the template's, as NAME=telco
	@$(BIN)/python .github/scripts/rename.py '$(NAME)'
	@$(BIN)/ruff format --quiet .

demo: setup ## the whole loop: train, serve, shift, see drift and fallen quality; DATA=your.csv COLUMNS=your.toml for your customers
	@$(BIN)/python -m demo $(CUSTOMERS)

rehearsal: setup ## play drift, retraining, deployment and two failures with real Docker; three minutes
	@$(BIN)/python -m demo.rehearsal

train: setup ## train on the synthetic customers, or DATA=your.csv COLUMNS=your.toml, and pin the result
	@$(BIN)/python -m training fit --costs training/costs.toml --pin $(CUSTOMERS)

serve: setup ## serve the pinned model on port 8000
	@$(BIN)/python -m service

mlflow: setup ## open MLflow's page on port 5000, or on MLFLOW_PORT
	@case "$(MLFLOW_TRACKING_URI)" in http*) echo "MLflow is at $(MLFLOW_TRACKING_URI)"; exit 2;; esac
	@$(BIN)/python -m models.listening 127.0.0.1 $(MLFLOW_PORT) MLFLOW
	@MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(BIN)/mlflow server --backend-store-uri $(MLFLOW_TRACKING_URI) \
		--host 127.0.0.1 --port $(MLFLOW_PORT) --workers 1

dashboard: setup ## open the drift dashboard on port 8001
	@$(BIN)/python -m monitoring dashboard

monitor: setup ## run the drift and the performance job by the clock, their gauges on port 8002
	@$(BIN)/python -m monitoring watch

test: setup lint ## lint, types, import rules and all tests that this machine can run
	@.ci/test

lint: setup ## ruff, mypy and the import rules
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary
	@mkdir -p var; $(BIN)/lint-imports --no-logo > var/import-rules.txt 2>&1 || { cat var/import-rules.txt; exit 1; }

docs: setup ## build the pages as a searchable site in var/site; a broken link fails
	@$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --builder html --conf-dir docs \
		--doctree-dir var/doctrees . var/site

deploy: ## serve IMAGE, a digest, by default this checkout's, on the host of DOCKER_HOST; see docs/deploy.md
	@$(NEW_ENOUGH)
	@image=$${IMAGE:-$$(docker build --quiet --target service .)} && $(PYTHON) .github/scripts/deploy.py "$$image"

audit: setup ## look for known vulnerabilities of the Python packages in the service image
	@$(BIN)/python .github/scripts/audit.py

sbom: setup ## list what IMAGE holds, into var/sbom.json
	@$(BIN)/python .github/scripts/sbom.py "$${IMAGE:?name one, as IMAGE=sha256:...}"

retrain: setup ## fit, and let the gate decide whether the new model is to be served
	@$(BIN)/python .github/scripts/retrain.py

pull-request: setup ## propose the model that was promoted; without GH_TOKEN, as a branch and a text
	@$(BIN)/python .github/scripts/open_pull_request.py

format: setup ## let ruff rewrite
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

bench: setup ## measure start-up, memory and throughput, beside other servers; six minutes
	@$(BIN)/python -m benchmarks.startup
	@$(BIN)/python -m benchmarks.throughput

bench-peers: setup ## measure MLflow, MLServer, BentoML and LitServe with the same model; ten minutes, 2.4 GB
	@$(BIN)/python -m benchmarks.peers

bench-drift: setup ## measure the monitor's cost and its error rates; half an hour, 4.5 GB
	@$(BIN)/python -m benchmarks.drift_cost
	@$(BIN)/python -m benchmarks.drift_errors
	@$(BIN)/python -m benchmarks.performance_errors

bench-training: setup ## measure what surrounds the boosting of a fit on a million rows; three minutes
	@$(BIN)/python -m benchmarks.training_cost

bench-profile: setup ## show where the time of a request goes
	@$(BIN)/python -m benchmarks.hotspots

lock: setup ## resolve all dependencies anew into requirements/
	@$(COMPILE) --group dev -o requirements/dev.txt
	@$(COMPILE) --group jobs -c requirements/dev.txt -o requirements/jobs.txt
	@$(COMPILE) --group service -c requirements/dev.txt -o requirements/service.txt
	@grep -A99 '^uv==' requirements/dev.txt | awk 'NR == 1 || /^ /{print; next} {exit}' > requirements/uv.txt

clean: ## remove what runs and tests wrote (never models/)
	@rm -rf var .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
