# The commands of this repository, for people and CI. `make` lists them.
PYTHON ?= python3
BIN := .venv/bin
MLFLOW_TRACKING_URI ?= sqlite:///var/mlflow.db
MLFLOW_PORT ?= 5001
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-annotate --no-header
# Options of `make demo`, `make train` and `make retrain`: a file of customers, and a TOML file that maps its columns.
ifeq ($(origin COLUMNS),environment) # the width of the terminal
COLUMNS :=
endif
CUSTOMERS = $(if $(DATA),--data '$(DATA)') $(if $(COLUMNS),--columns '$(COLUMNS)')
NEW_ENOUGH = $(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || \
	{ echo "Python 3.11 to 3.14 is needed. Give one, such as PYTHON=python3.13"; exit 2; }
# This turns off the usage reporting of MLflow and Evidently.
export DO_NOT_TRACK := true
export MLFLOW_TRACKING_URI

.PHONY: help setup rename demo record tour rehearsal train serve client mlflow dashboard monitor test lint docs site-demo deploy audit audit-issue pin-images manifests sbom retrain pull-request format bench bench-peers bench-drift bench-training bench-wide bench-log bench-scale bench-statistics bench-profile bench-cpu lock fuzz clean
.DEFAULT_GOAL := help

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*##/ {printf "%-17s%s\n", $$1, $$2}' $(MAKEFILE_LIST) | sort

setup: .venv/complete ## create .venv with all packages
.venv/complete: requirements/dev.txt requirements/uv.txt
	@test ! -L .venv || { echo ".venv is a link, and setup would delete its target. Remove the link"; exit 2; }
	@$(NEW_ENOUGH)
	@echo "setting up .venv: once, a minute or two, 2 GB"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements/dev.txt
	@touch $@

rename: setup ## rename the project, such as NAME=telco
	@$(BIN)/python .github/scripts/rename.py '$(NAME)'
	@$(BIN)/ruff check --quiet --fix --select I .
	@$(BIN)/ruff format --quiet .

demo: setup ## run the whole loop: train, serve, shift, detect drift and fallen quality; DATA=your.csv COLUMNS=your.toml for your customers
	@$(BIN)/python -m demo $(CUSTOMERS)

record: setup ## record `make demo` as the picture docs/demo.svg, and its pages as docs/page.png and docs/review.png
	@$(BIN)/python docs/record_demo.py
	@PYTHONPATH=. $(BIN)/python docs/record_pages.py

tour: setup ## run the notebook docs/tour.ipynb, and write its outputs
	@$(BIN)/python docs/run_notebook.py

rehearsal: setup ## run drift, retraining, deployment and two failed deployments with real Docker; three minutes
	@$(BIN)/python -m demo.rehearsal

train: setup ## train on the synthetic customers, or DATA=your.csv COLUMNS=your.toml, and pin the result
	@$(BIN)/python -m training fit --costs training/costs.toml --pin $(CUSTOMERS)

serve: setup ## serve the pinned model on port 8000
	@$(BIN)/python -m service

client: setup ## generate the types of the Python client from the OpenAPI document, and build its package in var/client
	@$(BIN)/python -m clients.generate
	@$(BIN)/uv build --quiet --offline --python $(BIN)/python --out-dir var/client clients/python

mlflow: setup ## open MLflow's page on port 5001, or on MLFLOW_PORT
	@case "$(MLFLOW_TRACKING_URI)" in http*) echo "MLflow is at $(MLFLOW_TRACKING_URI)"; exit 2;; esac
	@$(BIN)/python -m models.listening '$(MLFLOW_PORT)' MLFLOW_PORT
	@MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(BIN)/mlflow server --backend-store-uri $(MLFLOW_TRACKING_URI) \
		--host 127.0.0.1 --port $(MLFLOW_PORT) --workers 1

dashboard: setup ## open the drift dashboard on port 8001
	@$(BIN)/python -m monitoring dashboard

monitor: setup ## run the drift and the performance job periodically, with their gauges on port 8002
	@$(BIN)/python -m monitoring watch

test: setup lint ## run lint and all tests that this machine can run
	@.ci/test

lint: setup ## run ruff, mypy and the import rules
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary
	@mkdir -p var; PYTHONPATH=clients/python $(BIN)/lint-imports --no-logo > var/import-rules.txt 2>&1 || { cat var/import-rules.txt; exit 1; }

docs: setup ## build the pages as a searchable site in var/site; a broken link fails
	@$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --builder html --conf-dir docs \
		--doctree-dir var/doctrees . var/site

site-demo: setup ## build the demo page as a static site in var/site/demo, where the model runs in the browser; needs npm
	@$(BIN)/python -m demo.static_site

deploy: ## deploy IMAGE, a digest, and JOBS for the monitor (default: build both here), on the host of DOCKER_HOST; see docs/deploy.md
	@$(NEW_ENOUGH)
	@if [ -z "$$IMAGE" ]; then \
		IMAGE=$$(docker build --quiet --target service .) && JOBS=$$(docker build --quiet --target jobs .) || exit; \
	fi; set -- "$$IMAGE"; if [ -n "$$JOBS" ]; then set -- "$$@" --jobs "$$JOBS"; fi; \
	for name in $$DROP; do set -- "$$@" --drop "$$name"; done; $(PYTHON) .github/scripts/deploy.py "$$@"

audit: setup ## look up known vulnerabilities of the Python packages in both images
	@$(BIN)/python .github/scripts/audit.py

audit-issue: setup ## look up those of both images, and open, update or close one issue about them; without GH_TOKEN, print it
	@$(BIN)/python .github/scripts/audit_issue.py

pin-images: ## write the digests of the base images behind their tags; needs Docker and the network
	@$(NEW_ENOUGH)
	@$(PYTHON) .github/scripts/pin_images.py

manifests: setup ## write the alerts and the dashboard of monitoring/ as manifests of Kubernetes
	@$(BIN)/python deploy/kubernetes/copy_monitoring.py

sbom: setup ## write the SBOM of IMAGE to SBOM (default: var/sbom.json)
	@$(BIN)/python .github/scripts/sbom.py "$${IMAGE:?give one, such as IMAGE=sha256:...}" "$${SBOM:-var/sbom.json}"

retrain: setup ## train a model, and let the promotion gate decide whether it replaces the pinned one; DATA=your.csv COLUMNS=your.toml
	@$(if $(DATA),RETRAIN_DATA='$(DATA)') $(if $(COLUMNS),RETRAIN_COLUMNS='$(COLUMNS)') $(BIN)/python .github/scripts/retrain.py

pull-request: setup ## open a pull request for the promoted model; without GH_TOKEN, create a branch and print the text
	@$(BIN)/python .github/scripts/open_pull_request.py

format: setup ## format and fix the code with ruff
	@$(BIN)/ruff check --quiet --fix --exit-zero . > /dev/null
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet .

fuzz: setup ## fuzz the reader TARGET (request, page, pin, manifest, model, columns, keys) for SECONDS; first .venv/bin/pip install atheris
	@$(BIN)/python -m tests.attack.fuzz '$(TARGET)' '$(or $(SECONDS),60)'

bench: setup ## measure start-up, memory and throughput, and compare with simple servers; six minutes
	@$(BIN)/python -m benchmarks.startup
	@$(BIN)/python -m benchmarks.throughput

bench-peers: setup ## measure MLflow, MLServer, BentoML and LitServe with the same model; ten minutes, 2.4 GB
	@$(BIN)/python -m benchmarks.peers

bench-drift: setup ## measure the monitor's cost and error rates; half an hour, 4.5 GB
	@$(BIN)/python -m benchmarks.drift_cost
	@$(BIN)/python -m benchmarks.lake_drift
	@$(BIN)/python -m benchmarks.drift_errors
	@$(BIN)/python -m benchmarks.performance_errors

bench-training: setup ## measure the cost of a fit outside of boosting on a million rows; three minutes
	@$(BIN)/python -m benchmarks.training_cost

bench-wide: setup ## measure a contract of 300 fields beside one of 30; three minutes
	@$(BIN)/python -m benchmarks.wide_contract

bench-log: setup ## measure a prediction log of three million rows beside a small one; ten minutes, 1.5 GB; ROWS=30000000 for more
	@$(BIN)/python -m benchmarks.log_size $(if $(ROWS),--rows $(ROWS))

bench-scale: setup ## measure fits in parts, in one process and in 1, 2 and 4; ten minutes, 2 GB; ROWS='1000000 4000000 16000000' for more
	@$(BIN)/python -m benchmarks.scale $(if $(ROWS),--rows $(ROWS))

bench-statistics: setup ## measure coverage, false-alarm rate or power of each printed figure; thirty minutes
	@$(BIN)/python -m benchmarks.statistics $(if $(ONLY),--only $(ONLY)) $(if $(REDRAW),--redraw)

bench-profile: setup ## profile a request by package and by line
	@$(BIN)/python -m benchmarks.request_profile

bench-cpu: setup ## measure the CPU time of a request, with one and two workers; two minutes
	@$(BIN)/python -m benchmarks.request_cost

lock: setup ## resolve all dependencies into requirements/
	@$(COMPILE) --group dev -o requirements/dev.txt
	@$(COMPILE) --group cluster -c requirements/dev.txt -o requirements/cluster.txt
	@$(COMPILE) --group jobs -c requirements/dev.txt -o requirements/jobs.txt
	@$(COMPILE) --group service -c requirements/dev.txt -o requirements/service.txt
	@$(COMPILE) --group spark -c requirements/dev.txt -o requirements/spark.txt
	@grep -A99 '^uv==' requirements/dev.txt | awk 'NR == 1 || /^ /{print; next} {exit}' > requirements/uv.txt

clean: ## remove the files of runs and tests (never models/)
	@rm -rf var .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
