"""The environments of the peers."""

from pathlib import Path

import pytest

from benchmarks.errors import InstallFailed
from benchmarks.measuring import environments
from benchmarks.peers.catalogue import PEERS


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_has_its_versions_pinned(name: str, root: Path) -> None:
    lines = (root / "benchmarks" / "peers" / f"{name}.txt").read_text().splitlines()
    assert lines
    assert [line for line in lines if line.count("==") != 1] == []


def test_what_cannot_be_installed_is_named_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "FOLDER", tmp_path)
    requirements = tmp_path / "absent.txt"
    requirements.write_text(f"{tmp_path}/absent-1.0-py3-none-any.whl\n")
    for _ in range(2):
        with pytest.raises(InstallFailed, match=r"absent-1\.0"):
            environments.prepare(requirements)


def test_what_is_installed_is_not_installed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "FOLDER", tmp_path)
    requirements = tmp_path / "nothing.txt"
    requirements.write_text("# nothing\n")
    python = environments.prepare(requirements) / "python"
    made_at = python.lstat().st_mtime_ns
    assert (environments.prepare(requirements) / "python").lstat().st_mtime_ns == made_at
    requirements.write_text("# still nothing\n")
    environments.prepare(requirements)
    assert python.lstat().st_mtime_ns > made_at
