"""Smoke test of a service: `python smoke.py URL [MODEL_VERSION]` prints one line of JSON, exit code 0 or 1.

It runs inside the tested container, as a script on standard input, so it imports only the standard library. Its key is
there, too: deploy.key or first.key beside the keys file.
"""

import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request
from functools import cache
from pathlib import Path
from typing import Any

LIMIT_SECONDS = 10
ATTEMPTS = 5
"""Of a request for which the service allows too few per second."""
KEYS = ("deploy.key", "first.key")
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Unfit(Exception):
    """The service failed the test."""


@cache
def headers() -> dict[str, str]:
    """Return the headers of all requests, with a host that the service admits, and the key if there is one."""
    found = {"Content-Type": "application/json"}
    if allowed := os.environ.get("SERVICE_ALLOWED_HOSTS"):
        found["Host"] = allowed.split(",")[0].strip().replace("*", "smoke")
    if key := next(filter(None, (path.read_text().strip() for path in key_files() if path.is_file())), None):
        found["X-API-Key"] = key
    return found


def key_files() -> list[Path]:
    """Return where the key may be; nowhere if the service asks for none."""
    file = os.environ.get("SERVICE_KEYS_FILE")
    return [Path(file).with_name(name) for name in KEYS] if file else []


def ask(url: str, body: object = None) -> tuple[int, Any]:
    """Send a GET, or a POST if there is a body; return status and JSON of the answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers())  # noqa: S310  # of our own network
    for _ in range(ATTEMPTS):
        try:
            with OPENER.open(request, timeout=LIMIT_SECONDS) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            found = error.code, json.load(error)
            if error.code != http.client.TOO_MANY_REQUESTS:
                break
            time.sleep(min(LIMIT_SECONDS, int(error.headers["Retry-After"])))
    return found


def expect(url: str, status: int, body: object = None) -> Any:
    """Return the JSON of an answer with the expected status.

    Raises:
        Unfit: the status is another one.
    """
    found, answer = ask(url, body)
    if found == http.client.UNAUTHORIZED and "X-API-Key" not in headers() and key_files():
        raise Unfit(f"there is no key to test with. Write one of the scopes predict and read to {key_files()[0]}")
    if found != status:
        raise Unfit(f"{url} answered {found}, not {status}: {answer.get('detail', answer)}")
    return answer


def example(service: str) -> dict[str, Any]:
    """Return the example customer of the service's API description."""
    predict = expect(f"{service}/openapi.json", 200)["paths"]["/predict"]["post"]
    found: dict[str, Any] = predict["requestBody"]["content"]["application/json"]["schema"]["examples"][0]
    return found


def smoke(service: str, expected_version: str | None) -> dict[str, Any]:
    """Test that the example is predicted and an empty customer is refused; return version and probability.

    Raises:
        Unfit: the service fails a test.
    """
    if ops_port := os.environ.get("SERVICE_OPS_PORT"):  # names the reason if it is not ready
        expect(f"http://127.0.0.1:{ops_port}/health/ready", 200)
    expect(f"{service}/health/ready", 200)
    version = expect(f"{service}/model", 200)["version"]
    if expected_version not in {None, version}:
        raise Unfit(f"{service} serves model {version}, not {expected_version}")
    predicted = expect(f"{service}/predict", 200, example(service))
    probability, answered_by = predicted["churn_probability"], predicted["model_version"]
    if not 0 <= probability <= 1:
        raise Unfit(f"the probability {probability} is not between 0 and 1")
    if answered_by != version:
        raise Unfit(f"the prediction is of model {answered_by}, not {version}")
    if not expect(f"{service}/predict", 422, {})["errors"]:
        raise Unfit("an empty customer was refused without a reason")
    return {"model_version": version, "churn_probability": probability}


def main(service: str, expected_version: str | None = None) -> int:
    """Test a service, and print the result."""
    try:
        result = smoke(service, expected_version)
    except (Unfit, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        result = {"problem": str(error) if isinstance(error, Unfit) else f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps(result) + "\n")
    return 1 if "problem" in result else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
