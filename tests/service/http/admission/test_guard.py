"""The guard: which requests pass, and with which answer the others are refused."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from starlette.routing import Mount
from starlette.testclient import TestClient

from models.features import CONTRACT
from models.keys import SCOPES
from service.access import keys_file
from service.app import create_app
from service.http.admission import guard
from service.http.page import demo_page
from service.http.reports import report_routes
from service.http.routes import router
from service.model.predictor import Predictor
from service.settings import Settings
from tests.service.http.test_problem_details import assert_one_shape

BATCH = {"customers": [CONTRACT.example] * 5}
NEEDED = {
    ("POST", "/predict"): "predict",
    ("POST", "/predict/batch"): "predict",
    ("POST", "/predict/trial"): "trial",
    ("POST", "/outcomes"): "outcomes",
    ("POST", "/outcomes/batch"): "outcomes",
    ("POST", "/treatments"): "outcomes",
    ("POST", "/treatments/batch"): "outcomes",
    ("GET", "/risk-tiers"): "read",
    ("GET", "/model"): "read",
    ("GET", "/model/card"): "read",
    ("GET", "/metrics"): "read",
    ("GET", "/nothing"): "read",
}
OPEN = (
    "/",
    "/page/engine.js",
    "/page/contract.json",
    "/docs",
    "/openapi.json",
    "/docs/assets/swagger-ui.css",
    "/health",
    "/health/live",
    "/health/ready",
)


class Keyed(NamedTuple):
    """A client of a service with keys, and the texts of its keys."""

    client: TestClient
    keys: dict[str, str]
    path: Path

    def ask(self, method: str, path: str, key: str | None, **facts: Any) -> Any:
        body = {"json": BATCH if path.endswith(("batch", "trial")) else CONTRACT.example} if method == "POST" else {}
        return self.client.request(method, path, headers=as_key(self.keys.get(key or "", key)), **body | facts)


def as_key(text: str | None) -> dict[str, str]:
    return {"X-API-Key": text} if text is not None else {}


@pytest.fixture(scope="module")
def keyed(pinned: Predictor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    path = tmp_path_factory.mktemp("keys") / "keys.toml"
    keys: dict[str, str] = {scope: keys_file.add(path, scope, [scope], None) for scope in SCOPES}
    keys["all"] = keys_file.add(path, "all", SCOPES, None)
    keys["old"] = keys_file.add(path, "old", SCOPES, datetime.now(UTC) - timedelta(seconds=1))
    app = create_app(Settings(keys_file=path), serving=pinned)
    with TestClient(app, base_url="http://api.example.com") as client:
        yield Keyed(client, keys, path)


def test_every_path_is_either_open_or_needs_a_scope() -> None:
    routes = [route for part in (router, report_routes.router, demo_page.router) for route in part.routes]
    paths = {route.path for route in routes if not isinstance(route, Mount)}  # type: ignore[attr-defined]
    assert {path for _, path in NEEDED} | set(OPEN) >= paths
    assert paths >= set(guard.SCOPES)


@pytest.mark.parametrize(("method", "path"), NEEDED)
def test_a_request_without_a_valid_key_is_refused_in_the_one_shape(keyed: Keyed, method: str, path: str) -> None:
    for key in (None, "", "wrong", "old"):
        answer = keyed.ask(method, path, key)
        assert "ey" in assert_one_shape(answer, 401)["detail"]
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "expired" in keyed.ask(method, path, "old").json()["detail"]


@pytest.mark.parametrize(("method", "path"), NEEDED)
def test_a_key_opens_the_paths_of_its_scopes_alone(keyed: Keyed, method: str, path: str) -> None:
    needed = NEEDED[method, path]
    for scope in SCOPES:
        answer = keyed.ask(method, path, scope)
        if scope == needed:
            assert answer.status_code not in (401, 403)
        else:
            assert f"scope `{needed}`" in assert_one_shape(answer, 403)["detail"]
    assert keyed.ask(method, path, "all").status_code not in (401, 403)


@pytest.mark.parametrize("path", OPEN)
def test_probes_and_documentation_are_open(keyed: Keyed, path: str) -> None:
    assert keyed.ask("GET", path, None).status_code == 200


def test_a_key_is_also_a_bearer_token(keyed: Keyed) -> None:
    answer = keyed.client.post(
        "/predict", json=CONTRACT.example, headers={"Authorization": f"Bearer {keyed.keys['predict']}"}
    )
    assert answer.status_code == 200


def test_a_body_is_not_read_before_its_key(keyed: Keyed) -> None:
    answer = keyed.client.post("/predict/batch", content=b"[" * 10_000_000, headers={"Content-Type": "text/plain"})
    assert_one_shape(answer, 401)


def test_only_operators_see_why_the_service_is_not_well(keyed: Keyed) -> None:
    assert keyed.ask("GET", "/health", None).json() == {"status": "healthy"}
    assert keyed.ask("GET", "/health", "predict").json() == {"status": "healthy"}
    assert "uptime_seconds" in keyed.ask("GET", "/health", "read").json()


def test_without_a_model_only_operators_see_why(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    key = keys_file.add(path, "ops", ["read"], None)
    with TestClient(
        create_app(Settings(keys_file=path, models_dir=tmp_path, log_url="")), base_url="http://localhost"
    ) as client:
        assert "pinned.json" not in assert_one_shape(client.get("/health/ready"), 503)["detail"]
        assert "pinned.json" in assert_one_shape(client.get("/health/ready", headers=as_key(key)), 503)["detail"]


def test_a_changed_file_is_in_force_and_an_invalid_one_is_told(
    pinned: Predictor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "keys.toml"
    old = keys_file.add(path, "ops", SCOPES, None)
    app = create_app(Settings(keys_file=path), serving=pinned)
    caplog.set_level("INFO", "audit")
    with TestClient(app) as client:
        store = client.app_state["keys"]
        assert client.get("/model", headers=as_key(old)).status_code == 200

        new = keys_file.add(path, "ops", SCOPES, None)
        keys_file.revoke(path, "ops", keys_file.read(path)[0].short)
        store.refresh()
        assert [client.get("/model", headers=as_key(key)).status_code for key in (old, new)] == [401, 200]
        assert [
            (line.message, vars(line)["facts"]["name"]) for line in caplog.records if line.message[:4] == "key "
        ] == [
            ("key revoked", "ops"),
            ("key added", "ops"),
        ]
        assert not any(key in str(vars(line)) for line in caplog.records for key in (old, new))

        for damage in (lambda: path.write_text("[[keys"), path.unlink):
            damage()
            store.refresh()
            health = client.get("/health", headers=as_key(new)).json()
            assert health["status"] == "degraded"
            assert "The keys of before stay in force." in health["reason"]
            assert str(tmp_path) not in health["reason"]

        path.write_text("keys = []")
        store.refresh()
        assert client.get("/model", headers=as_key(new)).status_code == 401
        assert client.get("/health").json() == {"status": "healthy"}


def test_clients_are_counted_by_the_name_of_their_key(keyed: Keyed) -> None:
    keyed.ask("POST", "/predict", "predict")
    counted = keyed.ask("GET", "/metrics", "read").text
    assert re.search(r'churn_client_requests_total\{client="predict",status="200"\} [1-9]', counted)
    assert not re.search(r'client="(old|wrong|)"', counted)


@pytest.mark.parametrize("host", ["evil.example.com", "localhost.evil.com:8000"])
def test_without_keys_a_web_page_of_another_name_gets_nothing(client: TestClient, host: str) -> None:
    for path in ("/model", "/docs", "/metrics", "/nothing"):
        assert host in assert_one_shape(client.get(path, headers={"Host": host}), 400)["detail"]
    assert client.post("/predict", json=CONTRACT.example, headers={"Host": host}).status_code == 400
    assert client.get("/health/ready", headers={"Host": host}).status_code == 200
    assert client.get("/health", headers={"Host": host}).json() == {"status": "healthy"}


def test_with_keys_every_host_is_answered_unless_they_are_named(
    start: Callable[..., TestClient], keyed: Keyed, pinned: Predictor
) -> None:
    assert keyed.ask("GET", "/model", "all").status_code == 200
    named = start(serving=pinned, keys_file=keyed.path, allowed_hosts="api.example.com, *.example.org")
    for host, status in (("api.example.com", 200), ("a.example.org", 200), ("example.org", 400), ("localhost", 400)):
        answer = named.get("/model", headers=as_key(keyed.keys["all"]) | {"Host": host})
        assert answer.status_code == status


def test_requests_beyond_the_limit_get_429_with_the_time_to_wait(
    start: Callable[..., TestClient], keyed: Keyed, pinned: Predictor
) -> None:
    limited = start(serving=pinned, keys_file=keyed.path, requests_per_second=0.01)
    assert limited.get("/model", headers=as_key(keyed.keys["all"])).status_code == 200
    answer = limited.get("/model", headers=as_key(keyed.keys["all"]))
    assert "more than 0.01 requests per second" in assert_one_shape(answer, 429)["detail"]
    assert int(answer.headers["Retry-After"]) >= 1
    assert limited.get("/model", headers=as_key(keyed.keys["read"])).status_code == 200  # another key
    assert limited.get("/health/ready").status_code == 200
    assert [limited.get("/model", headers=as_key("wrong")).status_code for _ in range(3)] == [401, 429, 429]


def test_a_key_without_the_scope_is_counted_and_limited(
    start: Callable[..., TestClient], keyed: Keyed, pinned: Predictor
) -> None:
    limited = start(serving=pinned, keys_file=keyed.path, requests_per_second=2)
    statuses = [limited.get("/model", headers=as_key(keyed.keys["predict"])).status_code for _ in range(4)]
    assert statuses[:2] == [403, 403]
    assert 429 in statuses
    counted = limited.get("/metrics", headers=as_key(keyed.keys["read"])).text
    assert 'churn_client_requests_total{client="predict",status="403"} 2.0' in counted


def test_keys_cannot_be_guessed_at_the_probes_without_a_limit(
    start: Callable[..., TestClient], keyed: Keyed, pinned: Predictor
) -> None:
    limited = start(serving=pinned, keys_file=keyed.path, requests_per_second=0.01)
    assert [limited.get("/health", headers=as_key("wrong")).status_code for _ in range(3)] == [200, 429, 429]
    assert [limited.get("/health").status_code for _ in range(3)] == [200] * 3


def test_customers_are_limited_in_singles_and_batches(start: Callable[..., TestClient], pinned: Predictor) -> None:
    limited = start(serving=pinned, rows_per_second=0.01)
    assert limited.post("/predict/batch", json=BATCH).status_code == 200
    for path, body in (("/predict", CONTRACT.example), ("/predict/batch", BATCH), ("/predict?explain=true", BATCH)):
        assert "customers per second" in assert_one_shape(limited.post(path, json=body), 429)["detail"]
    assert limited.get("/model").status_code == 200


def test_a_page_of_an_allowed_origin_may_call_and_read(start: Callable[..., TestClient], pinned: Predictor) -> None:
    origin = {"Origin": "https://app.example.com"}
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key,content-type"}
    allowed = start(serving=pinned, cors_origins="https://app.example.com")
    preflight = allowed.options("/predict", headers=origin | asks)
    assert (preflight.status_code, preflight.headers["Access-Control-Allow-Origin"]) == (200, origin["Origin"])
    answer = allowed.post("/predict", json=CONTRACT.example, headers=origin)
    assert answer.headers["Access-Control-Allow-Origin"] == origin["Origin"]
    other = allowed.options("/predict", headers={"Origin": "https://evil.com"} | asks)
    assert "SERVICE_CORS_ORIGINS" in assert_one_shape(other, 400)["detail"]
    assert "Access-Control-Allow-Origin" not in other.headers


def test_no_origin_is_allowed_by_default(client: TestClient) -> None:
    answer = client.post("/predict", json=CONTRACT.example, headers={"Origin": "https://app.example.com"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/", "/docs", "/model/card"])
def test_pages_cannot_be_framed_and_load_nothing_from_elsewhere(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline' 'sha" not in policy
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")


def test_the_document_has_the_schemes_only_where_keys_are_needed(client: TestClient, keyed: Keyed) -> None:
    assert "securitySchemes" not in client.get("/openapi.json").json()["components"]
    document = keyed.client.get("/openapi.json").json()
    assert set(document["components"]["securitySchemes"]) == {"bearer", "key"}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            is_guarded = path not in OPEN
            assert ("security" in operation, "401" in operation["responses"]) == (is_guarded, is_guarded)
    assert "scope `outcomes`" in document["paths"]["/outcomes"]["post"]["description"]
