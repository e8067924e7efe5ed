"""The keys file: what is written can be read, changes wait for one another, and nothing is half done."""

import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.keys import SCOPES, KeyRing
from service.access import keys_file
from service.errors import KeyRejected, KeysUnreadable, KeyUnknown

VALID = '[[keys]]\nname = "crm"\nsha256 = "' + "0" * 64 + '"\nscopes = ["predict"]\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "keys.toml"


def test_an_added_key_is_found_by_its_text_and_the_text_is_nowhere(path: Path) -> None:
    expires = datetime(2027, 1, 1, tzinfo=UTC)
    text = keys_file.add(path, "crm", ["predict", "outcomes"], expires)
    [key] = keys_file.read(path)
    assert (key.name, key.scopes, key.expires) == ("crm", ("predict", "outcomes"), expires)
    assert KeyRing([key]).find(text.encode()) is not None
    assert [file.name for file in path.parent.iterdir() if text in file.read_text()] == []


def test_only_its_owner_may_read_the_file(path: Path) -> None:
    keys_file.create(path)
    assert {oct(file.stat().st_mode & 0o077) for file in path.parent.iterdir() if file.suffix != ".lock"} == {"0o0"}


def test_a_third_key_of_a_name_is_refused_and_changes_nothing(path: Path) -> None:
    for _ in range(2):
        keys_file.add(path, "crm", ["predict"], None)
    before = path.read_bytes()
    with pytest.raises(KeyRejected, match=r"crm has 3 keys; revoke one.*Nothing was added"):
        keys_file.add(path, "crm", ["predict"], None)
    assert path.read_bytes() == before


def test_one_of_two_keys_is_revoked_by_its_digest(path: Path) -> None:
    for _ in range(2):
        keys_file.add(path, "crm", ["predict"], None)
    keys_file.add(path, "shop", ["read"], None)
    old, new, shop = keys_file.read(path)
    assert keys_file.revoke(path, "crm", old.short) == [old]
    assert keys_file.read(path) == (new, shop)
    with pytest.raises(KeyUnknown, match="there is no key crm"):
        keys_file.revoke(path, "crm", old.short)
    assert keys_file.revoke(path, "crm") == [new]
    assert keys_file.revoke(path, "shop") == [shop]
    assert keys_file.read(path) == ()


def test_the_first_key_is_made_once(path: Path) -> None:
    beside = keys_file.create(path)
    assert beside == path.parent / "first.key"
    [key] = keys_file.read(path)
    assert (key.name, key.scopes) == ("first", SCOPES)
    assert KeyRing([key]).find(beside.read_bytes()) is not None
    assert keys_file.create(path) is None
    assert keys_file.read(path) == (key,)


def test_processes_that_change_it_at_once_lose_nothing(root: Path, path: Path) -> None:
    command = [sys.executable, "-m", "service", "keys", "add", "--keys-file", str(path)]
    names = [f"client-{number}" for number in range(8)]
    adding = [subprocess.Popen([*command, name], cwd=root, stdout=subprocess.PIPE, text=True) for name in names]
    texts = {name: process.communicate()[0].strip() for name, process in zip(names, adding, strict=True)}
    ring = KeyRing(keys_file.read(path))
    assert {name: found.name for name, text in texts.items() if (found := ring.find(text.encode()))} == {
        name: name for name in names
    }


@pytest.mark.parametrize(
    "content",
    [
        b"\xff",
        b"[[keys",
        b"keys = 1",
        b'keys = ["x"]',
        b"other = 1",
        VALID.replace("predict", "all").encode(),
        VALID.replace("0" * 64, "0" * 63).encode(),
        (VALID + "expires = 2027-01-01T00:00:00\n").encode(),
        (VALID + "expires = 1\n").encode(),
        (VALID + "secret = 'x'\n").encode(),
        (VALID + VALID).encode(),
        b"a = " + b"[" * 10_000,
    ],
)
def test_an_invalid_file_is_refused_with_its_name(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(KeysUnreadable, match=r"keys\.toml: "):
        keys_file.read(path)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_read_or_refused(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    with suppress(KeysUnreadable):
        assert all(key.scopes for key in keys_file.read(path))
