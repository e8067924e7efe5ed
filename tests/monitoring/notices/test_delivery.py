"""One delivery: what is sent, what is checked, and what an error says."""

import base64
import hmac
import json
import logging
import re
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from monitoring import webhook
from monitoring.notices import delivery
from monitoring.notices.delivery import Webhook
from monitoring.notices.errors import NoAnswer, NotDelivered, Rejected
from tests import webhook_receiver
from tests.webhook_receiver import HOST, PATH, SECRET, Receiver, is_signed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BODY = json.dumps({"text": "drift"}).encode()
OTHER_SECRET = "whsec_" + base64.b64encode(b"fedcba9876543210fedcba9876543210").decode()


def to(url: str, secret: str = SECRET, **options: Any) -> Webhook:
    keys = webhook.parse_keys(secret) if secret else ()
    return Webhook(webhook.parse_endpoint(url), keys, **{"allow_private": True, **options})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return webhook_receiver.make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def secure(certificate: Path) -> Iterator[Receiver]:
    with webhook_receiver.receiving(certificate) as receiver:
        yield receiver


def test_a_notice_is_signed_as_standard_webhooks_has_it(receiver: Receiver) -> None:
    answer = to(receiver.url + "?a=b").deliver("msg_1", BODY, now=NOW)
    [request] = receiver.received
    assert (answer.status, answer.said) == (200, "ok")
    assert (request.path, request.raw) == (PATH + "?a=b", BODY)
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Host"] == f"127.0.0.1:{receiver.port}"
    assert (request.headers["webhook-id"], request.headers["webhook-timestamp"]) == ("msg_1", "1772366400")
    assert is_signed(request, SECRET)
    assert not is_signed(request, OTHER_SECRET)
    assert not is_signed(replace(request, raw=BODY + b" "), SECRET)


def test_the_receiver_that_the_page_shows_knows_a_genuine_notice(receiver: Receiver, root: Path) -> None:
    [shown] = re.findall(r"```python\n(def is_genuine.+?)```", (root / "docs" / "watch.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {"Mapping": Mapping, "base64": base64, "hmac": hmac, "time": time}
    exec(shown, names)  # noqa: S102  # our own page
    hook = to(receiver.url)
    hook.deliver("msg_1", BODY, now=datetime.now(UTC))
    hook.deliver("msg_2", BODY, now=NOW)
    new, old = receiver.received
    assert names["is_genuine"](new.headers, new.raw, SECRET)
    assert not names["is_genuine"](new.headers, new.raw + b" ", SECRET)
    assert not names["is_genuine"](new.headers, new.raw, OTHER_SECRET)
    assert not names["is_genuine"](old.headers, old.raw, SECRET)


def test_the_example_of_the_standard_has_the_signature_of_its_libraries() -> None:
    # Secret, id, timestamp, payload and signature are those of the tests of the reference libraries.
    keys = webhook.parse_keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = delivery.sign(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_two_keys_make_two_signatures_so_that_receivers_can_change_over(receiver: Receiver) -> None:
    to(receiver.url, f"{SECRET} {OTHER_SECRET}").deliver("msg_1", BODY, now=NOW)
    [request] = receiver.received
    assert is_signed(request, SECRET)
    assert is_signed(request, OTHER_SECRET)


def test_without_a_secret_a_notice_is_not_signed(receiver: Receiver) -> None:
    to(receiver.url, "").deliver("msg_1", BODY, now=NOW)
    assert "webhook-signature" not in receiver.received[0].headers


def test_a_trusted_certificate_is_needed(secure: Receiver, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoAnswer, match="its certificate is not trusted: self"):
        to(secure.url).deliver("msg_1", BODY, now=NOW)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert to(secure.url).deliver("msg_1", BODY, now=NOW).status == 200
    assert len(secure.received) == 1


def test_the_certificate_must_be_that_of_the_host_that_was_named(
    secure: Receiver, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    here = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", secure.port))]
    to(f"https://{HOST}:{secure.port}/x", lookup=lambda *_, **__: here).deliver("msg_1", BODY, now=NOW)
    assert secure.received[0].headers["Host"] == f"{HOST}:{secure.port}"
    with pytest.raises(NoAnswer, match="its certificate is not trusted: Hostname mismatch"):
        to(f"https://other.test:{secure.port}/x", lookup=lambda *_, **__: here).deliver("msg_1", BODY, now=NOW)
    assert len(secure.received) == 1


def test_the_next_address_is_tried_where_nobody_listens(receiver: Receiver) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, receiver.port)) for ip in ("127.0.0.9", "127.0.0.1")]
    to(receiver.url, lookup=lambda *_, **__: found).deliver("msg_1", BODY, now=NOW)
    assert len(receiver.received) == 1


@pytest.mark.parametrize("status", [200, 201, 204])
def test_any_2xx_is_a_delivery(receiver: Receiver, status: int) -> None:
    receiver.answer_with(status)
    assert to(receiver.url).deliver("msg_1", BODY, now=NOW).status == status


@pytest.mark.parametrize(
    ("status", "final", "remedy"),
    [
        (301, "", "Redirects are not followed; give the final address in MONITORING_WEBHOOK_URL."),
        (400, "final", "The notice is not sent again."),
        (404, "", "Check MONITORING_WEBHOOK_URL"),
        (410, "final", "The notice is not sent again."),
        (429, "", "Check MONITORING_WEBHOOK_URL"),
        (500, "", "see the log of the receiver."),
    ],
)
def test_any_other_answer_is_an_error_with_a_remedy(receiver: Receiver, status: int, final: str, remedy: str) -> None:
    receiver.answer_with(status, b"no such hook")
    with pytest.raises(Rejected) as rejected:
        to(receiver.url).deliver("msg_1", BODY, now=NOW)
    assert str(rejected.value).startswith(f"127.0.0.1:{receiver.port}: it answered {status} (no such hook). ")
    assert remedy in str(rejected.value)
    assert rejected.value.is_final == bool(final)


@pytest.mark.parametrize("after", ["90", "Sun, 01 Mar 2099 12:00:00 GMT", "Sun, 01 Mar 2099 12:00:00"])
def test_retry_after_may_be_seconds_or_a_date(receiver: Receiver, after: str) -> None:
    receiver.answer_with(503, Retry_After=after)
    with pytest.raises(Rejected) as rejected:
        to(receiver.url).deliver("msg_1", BODY, now=NOW)
    assert (rejected.value.retry_after_seconds or 0) >= 90


def test_nobody_there_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and not listened on
        with pytest.raises(NoAnswer, match=r"nobody listens there\. Check that it can be reached"):
            to(f"http://127.0.0.1:{taken.getsockname()[1]}/x").deliver("msg_1", BODY, now=NOW)


@pytest.mark.parametrize("answer", [f"Cannot POST {PATH}".encode(), b"T0SECRET?", b"x" * 200, b"\x1b[31mred", b"\xff"])
def test_neither_address_nor_secret_are_shown(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, answer: bytes
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.answer_with(404, answer)
    hook = to(receiver.url)
    with pytest.raises(NotDelivered) as error:
        hook.deliver("msg_1", BODY, now=NOW)
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    for text in (str(error.value), repr(error.value), repr(hook), caplog.text):
        assert not [secret for secret in ("SECRET", SECRET, str(key), "\x1b", "xxx") if secret in text]
