"""A machine that GitHub lends for a job: what is on its PATH, and the actions that it plays.

Docker, git, make, bash and Python are real. These three stand in: `gh` speaks to `github.py`, `ssh` leads back here if
it is shown the right key for the right host, and `docker push` uploads no layer, as host and machine share an engine.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests import checkout
from tests.e2e.stranger.github import GitHub
from tests.e2e.stranger.runner import Job

HOST, USER = "churn.example.org", "deploy"
KEY, KNOWN_HOSTS = (
    "-----BEGIN OPENSSH PRIVATE KEY-----\nof a test\n-----END OPENSSH PRIVATE KEY-----",
    f"{HOST} ssh-ed25519 AAAA",
)
ASK = """#!{python}
import base64, json, os, sys, urllib.error, urllib.request
def ask(path, body, token):
    headers = {{"Authorization": "Bearer " + token}}
    request = urllib.request.Request({url!r} + path, json.dumps(body).encode(), headers)
    try:
        return json.load(urllib.request.urlopen(request))
    except urllib.error.HTTPError as error:
        sys.exit(str(error.code) + " " + error.read().decode())
"""
GH = """
words = sys.argv[1:]
body = open(words[words.index("--body-file") + 1]).read() if "--body-file" in words else ""
print(ask("/gh", {{"words": words, "body": body}}, os.environ.get("GH_TOKEN", "")))
"""
DOCKER = """
import subprocess
words = sys.argv[1:]
if words[:2] != ["push", "--quiet"]:
    os.execv({docker!r}, [{docker!r}, *words])
inspect = [{docker!r}, "image", "inspect", "--format", "{{{{.Id}}}}", words[2]]
image = subprocess.run(inspect, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
logins = json.load(open(os.environ["DOCKER_CONFIG"] + "/config.json"))["auths"]
_, _, token = base64.b64decode(logins[words[2].partition("/")[0]]["auth"]).decode().partition(":")
digest = ask("/push", {{"name": words[2], "image": image}}, token)["digest"]
os.execv({docker!r}, [{docker!r}, "pull", "--quiet", words[2].rpartition(":")[0] + "@" + digest])
"""
SSH = """
words = sys.argv[1:]
config = dict(line.split(None, 1) for line in open(words[words.index("-F") + 1]).read().split("\\n") if line)
shown = open(config["IdentityFile"].strip()).read().strip(), open(config["UserKnownHostsFile"].strip()).read().strip()
if shown != ({key!r}, {known!r}) or {host!r} not in words or {user!r} not in words:
    sys.exit("Permission denied (publickey).")
os.environ.pop("DOCKER_HOST", None)
os.execv({docker!r}, [{docker!r}, *words[words.index("docker") + 1 :]])
"""
PYTEST = """
import pathlib
options = ("--override-ini", "--durations", "--numprocesses", "--dist", "--maxfail", "--ignore")
words = iter(sys.argv[1:])
paths = []
for word in words:
    if word.startswith("--"):
        paths += [word.partition("=")[2]] if word.startswith("--ignore=") else []
        if "=" not in word and word in options:
            next(words)
    else:
        paths.append(word)
missing = [path for path in paths if not pathlib.Path(path).exists()]
sys.exit("no such tests: " + " ".join(missing) if missing else 0)
"""
"""In place of the whole suite: it only sees whether each folder of tests is there."""


def programs(github: GitHub, folder: Path) -> Path:
    """Write what stands in, and return the folder for the PATH."""
    folder.mkdir()
    docker = shutil.which("docker") or "docker"
    facts = {"python": sys.executable, "url": github.url, "docker": docker}
    facts |= {"key": KEY, "known": KNOWN_HOSTS, "host": HOST, "user": USER}
    for name, text in {"gh": GH, "docker": DOCKER, "ssh": SSH}.items():
        (folder / name).write_text((ASK + text).format(**facts))
    (folder / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    for path in folder.iterdir():
        path.chmod(0o755)
    return folder


def environment(github: GitHub, folder: Path) -> dict[str, str]:
    """Return the variables of every machine."""
    inherited = {name: os.environ[name] for name in ("LANG", "TZ", "DOCKER_HOST") if name in os.environ}
    return inherited | {
        "PATH": f"{programs(github, folder / 'programs')}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "DOCKER_CONFIG": str(folder / "docker"),  # of the laptop; each job has its own
        "GITHUB_API_URL": github.url,
        "GITHUB_SERVER_URL": "https://github.com",
        "REGISTRY": github.registry,
        "AUDIT_SERVICE_URL": f"{github.url}/osv",
        "DO_NOT_TRACK": "true",
        "GIT_AUTHOR_DATE": "2026-11-30T12:00:00Z",
    }


@dataclass(frozen=True)
class Actions:
    """Plays the actions of others, as far as later steps depend on them."""

    github: GitHub
    origin: Path

    def play(self, name: str, given: Mapping[str, str], job: Job) -> str:
        """Play one.

        Raises:
            OSError: it fails, or is not known here.
        """
        if name == "actions/checkout":
            return self._check_out(job)
        if name == "actions/setup-python":
            return f"Python {sys.version.split()[0]} instead of {given['python-version']}"
        if name == "actions/attest":
            return self._attest(given, job)
        if name == "actions/upload-pages-artifact":
            (job.workspace / given["path"] / "index.html").read_bytes()
            return "uploaded"
        raise OSError(f"{name} is not known here")

    def _check_out(self, job: Job) -> str:
        clone = ["git", "clone", "--quiet", str(self.origin), str(job.workspace)]
        subprocess.run(clone, check=True, capture_output=True)
        subprocess.run(["git", "checkout", "--quiet", "--detach", job.sha], cwd=job.workspace, check=True)
        lend_environment(job.workspace)
        return job.sha

    def _attest(self, given: Mapping[str, str], job: Job) -> str:
        needed = ("id-token", "attestations", *(["packages"] if given.get("push-to-registry") == "true" else []))
        for what in needed:
            if refused := self.github.refusal(job.token, what, "write"):
                raise PermissionError(refused[1]["message"])
        kind = "https://slsa.dev/provenance/v1"
        if path := given.get("sbom-path"):
            json.loads((job.workspace / path).read_text())
            kind = "https://cyclonedx.org/bom"
        self.github.signed.add((f"{given['subject-name']}@{given['subject-digest']}", kind))
        return kind


def lend_environment(home: Path) -> None:
    """Give a checkout the packages of this one, and in place of pytest a program that runs no test."""
    checkout.lend_environment(home)
    (home / ".venv" / "bin").unlink()
    (home / ".venv" / "bin").mkdir()
    for program in (Path(sys.prefix) / "bin").iterdir():
        (home / ".venv" / "bin" / program.name).symlink_to(program)
    (home / ".venv" / "bin" / "pytest").unlink()
    (home / ".venv" / "bin" / "pytest").write_text(f"#!{sys.executable}\nimport sys\n{PYTEST}")
    (home / ".venv" / "bin" / "pytest").chmod(0o755)
