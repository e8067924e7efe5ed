"""How the clients connect, and what they say about arguments that cannot be sent."""

import time

import httpx2
import pytest
import uvicorn

from churn_client import Client
from churn_client.operations import CustomerLike
from tests.clients.conftest import PATIENT, Connect, Served
from tests.clients.scripted_server import ScriptedServer

SERVICE_KEEPS_SECONDS = uvicorn.Config("service").timeout_keep_alive
CUSTOMER: CustomerLike = {}


@pytest.mark.parametrize("url", ["", "localhost:8000", "127.0.0.1:8000", "ftp://localhost", "http://", "http://a:port"])
def test_a_url_without_scheme_or_host_is_refused_with_a_remedy(url: str, connect: Connect) -> None:
    with pytest.raises(ValueError, match="Write it as http://localhost:8000"):
        connect(url)


@pytest.mark.parametrize("key", ["schlüssel", "two\nlines", "\x7f"])
def test_a_key_that_no_header_can_have_is_refused_and_not_shown(key: str, connect: Connect) -> None:
    with pytest.raises(ValueError, match=r"^key has characters that a header cannot have") as refused:
        connect("http://localhost", key)
    assert key not in str(refused.value)


def test_a_key_may_have_the_end_of_its_line(connect: Connect, service: Served) -> None:
    assert connect(service.url, f" {service.reading_key}\r\n").model().version


@pytest.mark.parametrize("request_id", ["bestellung-ä", "two\r\nlines", "ends with a space "])
def test_a_request_id_that_no_header_can_have_is_refused(
    request_id: str, connect: Connect, script: ScriptedServer
) -> None:
    client = connect(script.url)
    with pytest.raises(ValueError, match=r"^request_id has characters that a header cannot have"):
        client.predict(CUSTOMER, request_id=request_id)
    with pytest.raises(ValueError, match=r"^request_id has characters that a header cannot have"):
        list(client.predict_batch([CUSTOMER], request_id=request_id))
    assert script.received == []


def test_an_idle_connection_is_dropped_well_before_the_service_closes_it(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = []

    def note_port(response: httpx2.Response) -> None:
        ports.append(response.extensions["network_stream"].get_extra_info("client_addr")[1])

    real = time.monotonic
    with Client(service.url, service.key, **PATIENT) as client:
        client._http.event_hooks["response"].append(note_port)
        client.health()
        monkeypatch.setattr(time, "monotonic", lambda: real() + SERVICE_KEEPS_SECONDS - 1)
        client.health()
    assert ports[0] != ports[1]
