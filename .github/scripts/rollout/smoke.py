"""Asks a service for a real prediction: `python smoke.py URL [MODEL_VERSION]`, one line of JSON, ends with 0 or 1.

It runs inside the container that it tries, as text at Python's input, so it imports the standard library alone.
"""

import json
import sys
import urllib.error
import urllib.request
from typing import Any

LIMIT_SECONDS = 10
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Unfit(Exception):
    """The service does not do what it should."""


def ask(url: str, body: object = None) -> tuple[int, Any]:
    """Return the status and the JSON of an answer; with a body, it is a POST."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310  # of our own network
    try:
        with OPENER.open(request, timeout=LIMIT_SECONDS) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def expect(url: str, status: int, body: object = None) -> Any:
    """Return the JSON of an answer that has the right status."""
    found, answer = ask(url, body)
    if found != status:
        raise Unfit(f"{url} answered {found}, not {status}: {answer.get('detail', answer)}")
    return answer


def example(service: str) -> dict[str, Any]:
    """Return the customer that the service itself gives as an example."""
    predict = expect(f"{service}/openapi.json", 200)["paths"]["/predict"]["post"]
    found: dict[str, Any] = predict["requestBody"]["content"]["application/json"]["schema"]["examples"][0]
    return found


def smoke(service: str, expected_version: str | None) -> dict[str, Any]:
    """Predict the example, and be refused without one; returns what was predicted."""
    expect(f"{service}/health/ready", 200)
    version = expect(f"{service}/model", 200)["version"]
    if expected_version not in {None, version}:
        raise Unfit(f"{service} serves model {version}, not {expected_version}")
    predicted = expect(f"{service}/predict", 200, example(service))
    probability, said = predicted["churn_probability"], predicted["model_version"]
    if not 0 <= probability <= 1:
        raise Unfit(f"the probability {probability} is none")
    if said != version:
        raise Unfit(f"the prediction is of model {said}, not {version}")
    if not expect(f"{service}/predict", 422, {})["errors"]:
        raise Unfit("an empty customer was refused without a reason")
    return {"model_version": version, "churn_probability": probability}


def main(service: str, expected_version: str | None = None) -> int:
    """Try a service, and say what came of it."""
    try:
        told = smoke(service, expected_version)
    except (Unfit, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        told = {"problem": str(error) if isinstance(error, Unfit) else f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps(told) + "\n")
    return 1 if "problem" in told else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
