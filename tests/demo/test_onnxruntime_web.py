"""The runtime of the static demo page is the expected package of npm, or the site is not built."""

from pathlib import Path

import pytest

from demo.static_site import onnxruntime_web
from demo.static_site.onnxruntime_web import VERSION, RuntimeChanged, RuntimeUnavailable


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which programs are found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def write_npm(programs: Path, script: str) -> None:
    npm = programs / "npm"
    npm.write_text(f"#!/bin/sh\n{script}\n")
    npm.chmod(0o755)


@pytest.mark.usefixtures("programs")
def test_without_npm_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(RuntimeUnavailable, match=f"^onnxruntime-web {VERSION}: npm is not installed. Install Node.js"):
        onnxruntime_web.fetch(tmp_path / "npm")


def test_what_npm_says_is_told(programs: Path, tmp_path: Path) -> None:
    write_npm(programs, 'echo "npm error code ENOTFOUND" >&2; echo "npm error network no such host" >&2; exit 1')
    with pytest.raises(RuntimeUnavailable, match="npm error code ENOTFOUND; npm error network no such host"):
        onnxruntime_web.fetch(tmp_path / "npm")


def test_another_package_is_not_used(programs: Path, tmp_path: Path) -> None:
    write_npm(programs, 'echo changed > "$4/onnxruntime-web.tgz"')
    with pytest.raises(RuntimeChanged, match="the package has the digest sha512-"):
        onnxruntime_web.fetch(tmp_path / "npm")
    assert list((tmp_path / "npm").iterdir()) == []


def test_what_was_fetched_is_not_fetched_again(programs: Path, tmp_path: Path) -> None:
    write_npm(programs, "exit 1")
    fetched = tmp_path / "npm" / f"onnxruntime-web-{VERSION}"
    fetched.mkdir(parents=True)
    assert onnxruntime_web.fetch(tmp_path / "npm") == fetched
