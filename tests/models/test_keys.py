"""Keys: what a file may hold, what a ring finds, and when a key is refused."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from pydantic import ValidationError

from models.keys import Key, KeyList, KeyRing, parse
from models.log.reporters import RESERVED


def key(name: str = "crm", text: str = "secret", **facts: Any) -> Key:
    return Key(name=name, sha256=sha256(text.encode()).hexdigest(), **{"scopes": ("predict",)} | facts)


def test_a_ring_finds_the_key_that_was_presented_and_no_other() -> None:
    ring = KeyRing([key(), key("shop", "other", scopes=("read", "outcomes"))])
    found = ring.find(b"other")
    assert found is not None
    assert (found.name, set(found.scopes), found.is_expired) == ("shop", {"read", "outcomes"}, False)
    assert [ring.find(text) for text in (b"", b"Other", b"other ", b"othe", sha256(b"other").digest())] == [None] * 5


def test_the_key_of_before_opens_nothing_for_another() -> None:
    ring = KeyRing([key(), key("shop", "other")])
    names = [
        (found := ring.find(text)) and found.name for text in (b"secret", b"secret", b"other", b"secre", b"", b"secret")
    ]
    assert names == ["crm", "crm", "shop", None, None, "crm"]


def test_a_ring_compares_the_whole_digest() -> None:
    """A digest that begins like a known one is not enough."""
    digest = sha256(b"secret").hexdigest()
    ring = KeyRing([key().model_copy(update={"sha256": digest[:16] + "0" * 48})])
    assert ring.find(b"secret") is None


def test_a_key_is_refused_from_its_end_on() -> None:
    now = datetime.now(UTC)
    ring = KeyRing([key(text="old", expires=now), key(text="new", expires=now + timedelta(days=1))])
    assert [(found := ring.find(text)) and found.is_expired for text in (b"old", b"new")] == [True, False]


@pytest.mark.parametrize("name", ["", "CRM", "a b", "../x", 'a"b', "a\nb", "-a", "x" * 64, *RESERVED])
def test_a_name_is_a_plain_word_that_nothing_else_has(name: str) -> None:
    with pytest.raises(ValidationError):
        key(name)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ([key(), key(text="b"), key(text="c")], "crm has 3 keys"),
        ([key(), key("shop")], "the same key is listed twice"),
    ],
)
def test_a_list_has_two_keys_a_name_and_each_once(keys: list[Key], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        KeyList(keys=tuple(keys))


def test_a_text_of_keys_is_read_and_another_is_refused() -> None:
    table = f'[[keys]]\nname = "ann"\nsha256 = "{key().sha256}"\nscopes = ["review"]\n'
    assert [one.name for one in parse(table)] == ["ann"]
    for damaged in (table.replace("review", "all"), table + table, "[[keys"):
        with pytest.raises(ValueError, match=r"scopes|twice|Expected|Unclosed"):
            parse(damaged)
