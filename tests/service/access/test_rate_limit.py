"""Token buckets: the rate holds over time, each client has its own, and the table stays small."""

from collections.abc import Callable

import pytest

from service.access.rate_limit import MAX_CLIENTS, Client, RateLimit
from service.errors import TooManyRequests

CRM = Client("crm", has_key=True)


@pytest.fixture
def tick(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let time pass only when told."""
    now = [1000.0]
    monkeypatch.setattr("service.access.rate_limit.time.monotonic", lambda: now[0])

    def tick(seconds: float) -> None:
        now[0] += seconds

    return tick


def admitted(limit: RateLimit, client: str, attempts: int, amount: float = 1) -> int:
    number = 0
    for _ in range(attempts):
        try:
            limit.take(Client(client, has_key=True), amount)
        except TooManyRequests:
            continue
        number += 1
    return number


def test_a_client_may_use_the_amount_of_a_second_at_once_and_then_the_rate(tick: Callable[[float], None]) -> None:
    limit = RateLimit(10, "requests")
    assert admitted(limit, "crm", 50) == 10
    tick(0.5)
    assert admitted(limit, "crm", 50) == 5
    tick(3600)
    assert admitted(limit, "crm", 50) == 10


@pytest.mark.usefixtures("tick")
def test_each_client_has_a_bucket_of_its_own() -> None:
    limit = RateLimit(1, "requests")
    assert [admitted(limit, client, 3) for client in ("crm", "shop", "crm")] == [1, 1, 0]


def test_what_is_taken_beyond_the_bucket_is_a_debt_that_the_answer_names(tick: Callable[[float], None]) -> None:
    limit = RateLimit(100, "customers")
    limit.take(CRM, 1_000)
    with pytest.raises(TooManyRequests, match=r"more than 100 customers per second. Retry after 10 s") as refused:
        limit.take(CRM)
    tick(refused.value.retry_after_seconds - 1)
    assert admitted(limit, "crm", 1) == 0
    tick(1)
    assert admitted(limit, "crm", 1) == 1


def test_a_rate_below_one_admits_one_and_then_waits(tick: Callable[[float], None]) -> None:
    limit = RateLimit(0.1, "requests")
    assert admitted(limit, "crm", 3) == 1
    tick(9)
    with pytest.raises(TooManyRequests) as refused:
        limit.take(CRM)
    assert refused.value.retry_after_seconds == 1
    tick(1)
    assert admitted(limit, "crm", 3) == 1


@pytest.mark.usefixtures("tick")
def test_the_table_forgets_whom_it_saw_least_recently() -> None:
    limit = RateLimit(1, "requests")
    limit.take(CRM)
    for number in range(2 * MAX_CLIENTS):
        limit.take(Client(f"key {number}", has_key=True))
        assert admitted(limit, "crm", 1) == 0  # a client that goes on is not forgotten
    assert len(limit._with_keys) == MAX_CLIENTS


@pytest.mark.usefixtures("tick")
def test_strangers_cannot_make_it_forget_a_key_nor_use_up_its_amount() -> None:
    limit = RateLimit(1, "requests")
    limit.take(Client("crm", has_key=False))
    limit.take(CRM)
    for number in range(MAX_CLIENTS + 1):
        limit.take(Client(f"address {number}", has_key=False))
    with pytest.raises(TooManyRequests):
        limit.take(CRM)
    assert len(limit._strangers) == MAX_CLIENTS
