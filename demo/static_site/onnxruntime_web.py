"""Fetches ONNX Runtime Web with npm: one script and one WebAssembly file, of one version with one digest."""

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from models.errors import ModelsError

VERSION = "1.30.0"
INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""What `npm view onnxruntime-web@VERSION dist.integrity` prints; change it with the version."""
FILES: Mapping[str, str] = {
    "onnxruntime.js": "package/dist/ort.wasm.bundle.min.mjs",
    "onnxruntime.wasm": "package/dist/ort-wasm-simd-threaded.wasm",
}
"""Names in the site, and in the package. Its other files are for graphics cards, and for Node."""
LIMIT_SECONDS = 300


class RuntimeUnavailable(ModelsError):
    """The package cannot be fetched."""

    def __init__(self, *, problem: str, remedy: str) -> None:
        self.problem = problem
        super().__init__(f"onnxruntime-web {VERSION}: {problem}. {remedy}")


class RuntimeChanged(RuntimeUnavailable):
    """The package has another digest."""


def fetch(cache: Path) -> Path:
    """Return a folder with `FILES`, below `cache`; the package of 33 MB is downloaded if they are not there yet.

    Raises:
        RuntimeUnavailable: npm is missing or fails.
        RuntimeChanged: the package has another digest.
    """
    folder = cache.resolve() / f"onnxruntime-web-{VERSION}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetching-") as scratch:
            package = _download(Path(scratch))
            complete = Path(scratch) / folder.name
            complete.mkdir()
            _verify(package)
            _extract(package, complete)
            complete.rename(folder)
    return folder


def _download(folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeUnavailable(problem="npm is not installed", remedy="Install Node.js, which brings it.")
    command = [npm, "pack", f"onnxruntime-web@{VERSION}", "--pack-destination", str(folder), "--ignore-scripts"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise RuntimeUnavailable(
            problem=f"npm did not download it in {LIMIT_SECONDS} s", remedy="Check the network."
        ) from error
    if done.returncode != 0:
        told = [line for line in done.stderr.split("\n") if line.startswith("npm error")][:2]  # code, and what failed
        raise RuntimeUnavailable(
            problem="; ".join(told) or "npm failed", remedy="Check the network, and that npm has a registry."
        )
    [package] = folder.glob("*.tgz")
    return package


def _verify(package: Path) -> None:
    with package.open("rb") as file:
        found = base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode()
    if f"sha512-{found}" != INTEGRITY:
        raise RuntimeChanged(
            problem=f"the package has the digest sha512-{found}, not {INTEGRITY}",
            remedy="Do not publish it. Check npm's registry.",
        )


def _extract(package: Path, folder: Path) -> None:
    with tarfile.open(package) as archive:
        for name, member in FILES.items():
            archive.extract(member, package.parent, filter="data")
            (package.parent / member).rename(folder / name)
