#!/usr/bin/env python3
"""`sbom.py IMAGE [FILE]`: write the SBOM of an image, with its Python and Debian packages, in CycloneDX format.

The packages are read from the image itself, not from a lock file.
"""

import io
import json
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path
from typing import Any

METADATA = """
import pathlib, sys, sysconfig, tarfile
packages = pathlib.Path(sysconfig.get_path("purelib"))
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as tar:
    for found in sorted(packages.glob("*.dist-info")):
        tar.add(found, found.name)
"""
DEBIAN = ("dpkg-query", "--show", "--showformat=${Package} ${Version} ${Architecture}\\n")
ROOT = Path(__file__).parents[2]


def inside(image: str, *command: str) -> bytes:
    """Run a command in a container of the image without network; return its output."""
    run = ["docker", "run", "--rm", "--network=none", "--entrypoint", command[0], image, *command[1:]]
    return subprocess.run(run, stdout=subprocess.PIPE, check=True).stdout


def python_packages(image: str, scratch: Path) -> dict[str, Any]:
    """Describe the Python packages of the image, from a copy of their metadata in a temporary environment."""
    venv.create(scratch / "venv", with_pip=False, symlinks=True)
    [packages] = (scratch / "venv" / "lib").glob("python*/site-packages")
    with tarfile.open(fileobj=io.BytesIO(inside(image, "python", "-c", METADATA))) as tar:
        tar.extractall(packages, filter="data")
    program, project = Path(sys.executable).with_name("cyclonedx-py"), ROOT / "pyproject.toml"
    command = [str(program), "environment", "--pyproject", str(project), str(scratch / "venv")]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    described: dict[str, Any] = json.loads(done.stdout)
    return described


def debian_packages(image: str) -> list[dict[str, str]]:
    """Describe the Debian packages of the image."""
    lines = [line.split() for line in inside(image, *DEBIAN).decode().strip().split("\n")]
    return [
        {
            "type": "library",
            "bom-ref": f"debian:{name}:{architecture}",
            "name": name,
            "version": version,
            "purl": f"pkg:deb/debian/{name}@{version.replace('+', '%2B')}?arch={architecture}",
        }
        for name, version, architecture in lines
    ]


def interpreter(image: str) -> dict[str, str]:
    """Describe Python itself, which is not a Debian package in the image."""
    version = inside(image, "python", "-c", "import platform; print(platform.python_version())").decode().strip()
    return {
        "type": "platform",
        "bom-ref": "cpython",
        "name": "cpython",
        "version": version,
        "purl": f"pkg:generic/cpython@{version}",
    }


def main(image: str, file: str = "var/sbom.json") -> int:
    """Write the SBOM, and print the number of packages."""
    with tempfile.TemporaryDirectory() as scratch:
        described = python_packages(image, Path(scratch))
    debian, python = debian_packages(image), described["components"]
    described["components"] = [*python, interpreter(image), *debian]
    described["metadata"]["properties"] = [{"name": "image", "value": image}]
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text(json.dumps(described, indent=1) + "\n")
    sys.stdout.write(f"{file}: {len(python)} Python packages, {len(debian)} Debian packages\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
