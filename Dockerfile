# `docker build .` builds the service; `--target jobs` builds training, monitoring and MLflow's server, and
# `--target cluster` training on several machines.
# The stages tools, *-packages and code* only prepare files; base, jobs, cluster and service contain only what runs.

FROM python:3.13-slim AS tools
WORKDIR /app
ENV XDG_CACHE_HOME=/cache UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_PROGRESS=1
COPY requirements/uv.txt requirements/
RUN --mount=type=cache,target=/cache \
    python -m venv /uv && /uv/bin/pip install --quiet --require-hashes -r requirements/uv.txt

FROM tools AS jobs-packages
COPY requirements/jobs.txt requirements/
RUN --mount=type=cache,target=/cache \
    python -m venv --without-pip /venv \
    && /uv/bin/uv pip sync --python /venv/bin/python --require-hashes requirements/jobs.txt

FROM jobs-packages AS cluster-packages
COPY requirements/cluster.txt requirements/
RUN --mount=type=cache,target=/cache \
    /uv/bin/uv pip sync --python /venv/bin/python --require-hashes requirements/cluster.txt

FROM tools AS service-packages
COPY requirements/service.txt requirements/
# The tests of numpy and SciPy are a fifth of all installed files. XGBoost loads only SciPy's sparse matrices and their
# dependencies; SciPy's other packages are as large as ONNX Runtime.
RUN --mount=type=cache,target=/cache \
    python -m venv --without-pip /venv \
    && /uv/bin/uv pip sync --python /venv/bin/python --require-hashes requirements/service.txt \
    && find /venv -type d -name tests -prune -exec rm -r {} + \
    && cd /venv/lib/python3*/site-packages/scipy \
    && rm -rf cluster datasets differentiate fft fftpack integrate interpolate io ndimage odr optimize signal spatial stats

FROM tools AS code
COPY models models
COPY service service
COPY training training
COPY monitoring monitoring
COPY demo demo
# Only the pinned bundles of the store are copied. All users may read the files, whatever their mode was outside.
RUN pinned=$(python -c "import json; pin = json.load(open('models/pinned.json')); \
        print('|'.join(one['version'] for one in (pin, pin.get('challenger')) if one))") \
    && find models/store -mindepth 1 -maxdepth 1 -regextype posix-extended ! -regex "models/store/($pinned)" -exec rm -r {} + \
    && python -m compileall -q models service training monitoring demo \
    && chmod -R a+rX .

# The service needs no customers; `CUSTOMERS` in models/bundles/format/bundle_files.py names the files that hold some.
FROM code AS code-without-customers
RUN find models/store -name '*.parquet' -delete -o -name '*.npy' -delete

FROM python:3.13-slim AS base
# The running images need no pip.
RUN rm -r "$(python -c 'import pathlib, pip; print(pathlib.Path(pip.__file__).parent)')" \
    && rm -f /usr/bin/pip* /usr/local/bin/pip*
WORKDIR /app
# var: a program's own files; log: the prediction log that programs share; keys: the API keys. A named volume mounted there
# gets this owner and mode.
RUN install --directory --owner=10001 --group=10001 var log && install --directory --owner=10001 --group=10001 --mode=700 keys
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
# A container is healthy if HEALTH_URL answers 200; the request ignores the environment's proxies. For the service this
# is readiness, not liveness: a container without a valid model runs but is of no use, and its status should show that.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 CMD ["python", "-c", \
    "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open(os.environ['HEALTH_URL'], timeout=2)"]
LABEL org.opencontainers.image.title="churn-service" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"

FROM base AS jobs
LABEL org.opencontainers.image.description="Training, drift monitoring and MLflow's server of the churn service"
COPY --from=jobs-packages /venv /venv
COPY --from=code /app/models models
COPY --from=code /app/training training
COPY --from=code /app/monitoring monitoring
COPY --from=code /app/demo demo
# Disables the telemetry of MLflow and Evidently.
ENV DO_NOT_TRACK=true
USER 10001:10001
CMD ["python", "-m", "monitoring", "dashboard"]

# A fit on several machines: what the jobs image has of training, with Dask.
FROM base AS cluster
LABEL org.opencontainers.image.description="Scheduler and workers of a cluster that trains for the churn service"
COPY --from=cluster-packages /venv /venv
COPY --from=code /app/models models
COPY --from=code /app/training training
ENV DO_NOT_TRACK=true
USER 10001:10001
CMD ["python", "-m", "distributed.cli.dask_scheduler", "--no-dashboard"]

FROM base AS service
LABEL org.opencontainers.image.description="Churn probabilities over HTTP"
# 8000 is for clients with a key; 8003 is for operators: /metrics, and the reasons in /health. Publish 8003 on loopback only.
ENV SERVICE_HOST=0.0.0.0 SERVICE_PORT=8000 HEALTH_URL=http://127.0.0.1:8003/health/ready \
    SERVICE_OPS_HOST=0.0.0.0 SERVICE_OPS_PORT=8003 SERVICE_KEYS_FILE=/app/keys/keys.toml SERVICE_MAKE_FIRST_KEY=true
COPY --from=service-packages /venv /venv
COPY --from=code-without-customers /app/models models
COPY --from=code-without-customers /app/service service
USER 10001:10001
EXPOSE 8000 8003
CMD ["python", "-m", "service"]
