"""The settings of the webhook."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from monitoring import notify
from monitoring.errors import WebhookUnusable
from monitoring.notices.settings import WebhookSettings
from tests.webhook_receiver import SECRET


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hooks.slack.com/services/T0/B1/abc", "hooks.slack.com"),
        ("HTTPS://Hooks.Example.:8443/x?y=z", "hooks.example:8443"),
        ("https://[2606:4700::1111]/x", "2606:4700::1111"),
    ],
)
def test_of_an_address_the_host_is_shown(url: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITORING_WEBHOOK_URL", f" {url}\n")
    sender = notify.find_sender(tmp_path)
    assert sender
    assert str(sender.webhook.endpoint) == shown
    assert "services" not in repr(sender)


@pytest.mark.parametrize("blank", ["", " "])
def test_without_an_address_nothing_is_sent(blank: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITORING_WEBHOOK_URL", blank)
    monkeypatch.setenv("MONITORING_WEBHOOK_SECRET", blank)
    assert notify.find_sender(tmp_path) is None


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("hooks.slack.com/SECRET", "give an address as https://hooks.example/path"),
        ("ftp://hooks.example/SECRET", "give an address as https://hooks.example/path"),
        ("https:///SECRET", "give an address as https://hooks.example/path"),
        ("https://ann:SECRET@hooks.example/", "leave out the user and the password"),
        ("https://hooks.example:99999/SECRET", "its host or its port is not valid"),
        ("https://[::SECRET/", "its host or its port is not valid"),
        ("https://hooks.example/SECRET HTTP/1.1\r\nX: y", "an address has no blanks"),
        ("https://hööks.example/SECRET", "an address has no blanks, and no letters beyond ASCII"),
    ],
)
def test_an_address_that_is_not_valid_is_said_and_not_shown(
    url: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONITORING_WEBHOOK_URL", url)
    with pytest.raises(WebhookUnusable, match="MONITORING_WEBHOOK_URL: ") as unusable:
        notify.find_sender(tmp_path)
    assert problem in str(unusable.value)
    assert "SECRET" not in str(unusable.value)
    with pytest.raises(ValidationError) as raised:
        WebhookSettings()
    assert "SECRET" not in str(raised.value)


@pytest.mark.parametrize("secret", ["short", "whsec_c2hvcnQ=", "whsec_" + "A" * 100, f"{SECRET} x", "not base64!" * 3])
def test_a_key_is_24_to_64_bytes_in_base64(secret: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITORING_WEBHOOK_SECRET", secret)
    with pytest.raises(WebhookUnusable, match="MONITORING_WEBHOOK_SECRET: give 24 to 64 random bytes") as unusable:
        notify.find_sender(tmp_path)
    assert secret not in str(unusable.value)


def test_http_needs_the_allowance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITORING_WEBHOOK_URL", "http://10.0.0.1/SECRET")
    with pytest.raises(WebhookUnusable, match="MONITORING_WEBHOOK_ALLOW_PRIVATE: an address with http:// needs this"):
        notify.find_sender(tmp_path)
    monkeypatch.setenv("MONITORING_WEBHOOK_ALLOW_PRIVATE", "true")
    assert notify.find_sender(tmp_path)


def test_all_problems_are_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "SECRET", "ALLOW_PRIVATE", "REPEAT"):
        monkeypatch.setenv(f"MONITORING_WEBHOOK_{name}", "SECRET?")
    with pytest.raises(WebhookUnusable) as unusable:
        notify.find_sender(tmp_path)
    assert [name in str(unusable.value) for name in ("_URL: ", "_SECRET: ", "_PRIVATE: ", "_REPEAT: ")] == [True] * 4
    assert "SECRET?" not in str(unusable.value)
