import inspect
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from models.features import CONTRACT
from service.http import problem_details, schemas


@pytest.fixture
def document(client: Any) -> dict[str, Any]:
    return dict(client.get("/openapi.json").json())


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    assert set(document["paths"]) == {
        "/predict",
        "/predict/batch",
        "/predict/trial",
        "/outcomes",
        "/outcomes/batch",
        "/treatments",
        "/treatments/batch",
        "/risk-tiers",
        "/model",
        "/model/card",
        "/health",
        "/health/live",
        "/health/ready",
        "/metrics",
    }
    for path in document["paths"].values():
        assert set(path) <= {"get", "post"}
        for operation in path.values():
            assert not operation["summary"].endswith(".")
            assert operation["description"].endswith((".", ";"))
            assert operation["tags"]
            assert operation["operationId"].isidentifier()


def test_every_property_is_described(document: dict[str, Any]) -> None:
    declared = [
        kind for module in (schemas, problem_details) for kind in vars(module).values() if inspect.isclass(kind)
    ]
    ours = {kind.__name__ for kind in declared if kind.__module__.startswith("service.")} | {
        "Customer",
        "Batch",
        "Outcome",
    }
    described = {
        name: schema["properties"] for name, schema in document["components"]["schemas"].items() if name in ours
    }
    bare = [
        f"{name}.{field}"
        for name, fields in described.items()
        for field, schema in fields.items()
        if "description" not in schema
    ]

    assert len(described) > 10
    assert bare == []


def test_the_examples_are_requests_that_are_answered(client: Any, document: dict[str, Any]) -> None:
    for path in ("/predict", "/predict/batch"):
        content = document["paths"][path]["post"]["requestBody"]["content"]
        [example] = (
            content["application/json"]["schema"].get("examples")
            or document["components"]["schemas"]["Batch"]["examples"]
        )
        assert client.post(path, json=example).status_code == 200


def test_the_bounds_of_the_contract_are_in_the_document(document: dict[str, Any]) -> None:
    properties = document["components"]["schemas"]["Customer"]["properties"]

    assert tuple(properties) == (*CONTRACT.names, "customer_id")
    assert (properties["tenure_months"]["minimum"], properties["tenure_months"]["maximum"]) == (0, 120)
    assert properties["contract_type"]["enum"] == [0, 1, 2]


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_explanations_can_be_asked_for(document: dict[str, Any], path: str) -> None:
    operation = document["paths"][path]["post"]
    [parameter] = [found for found in operation["parameters"] if found["name"] == "explain"]
    answers = operation["responses"]["200"]["content"]["application/json"]["schema"]["anyOf"]

    assert (parameter["name"], parameter["in"], parameter["required"]) == ("explain", "query", False)
    assert parameter["description"].endswith(".")
    assert ["Explained" in answer["$ref"] for answer in answers[:2]] == [False, True]


@pytest.mark.parametrize(("path", "own"), [("/predict", set()), ("/outcomes", {"404", "409"})])
def test_problems_are_declared_as_what_they_are(document: dict[str, Any], path: str, own: set[str]) -> None:
    responses = document["paths"][path]["post"]["responses"]

    assert set(responses) == {"200", "400", "413", "415", "422", "429", "500", "503"} | own
    assert all(
        set(responses[status]["content"]) == {"application/problem+json"} for status in responses if status > "400"
    )
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_each_problem_is_shown_by_an_answer_of_its_own_status(document: dict[str, Any]) -> None:
    responses = document["paths"]["/outcomes"]["post"]["responses"]
    for status in ("404", "409", "413", "415", "422", "500", "503"):
        example = responses[status]["content"]["application/problem+json"]["example"]
        assert problem_details.Problem.model_validate(example).status == int(status)


@pytest.mark.parametrize(
    "path",
    ["/", "/health", "/health/live", "/health/ready", "/metrics", "/model", "/risk-tiers", "/docs", "/openapi.json"],
)
def test_head_is_get_without_the_body(client: Any, path: str) -> None:
    asked, got = client.head(path), client.get(path)

    assert (asked.status_code, asked.content) == (200, b"")
    assert asked.headers["Content-Type"] == got.headers["Content-Type"]
    assert 'method="HEAD"' in client.get("/metrics").text


def test_the_page_needs_nothing_from_elsewhere(client: Any) -> None:
    page = client.get("/docs").text
    addresses = re.findall(r"""(?:src|href|url)(?:=|: )["']([^"']+)""", page)

    assert len(addresses) == 4
    assert "//" not in "".join(addresses)
    assert [client.get("/" + address).status_code for address in addresses] == [200] * 4


def test_the_version_is_the_projects(document: dict[str, Any]) -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())

    assert document["info"]["version"] == project["project"]["version"]
