"""Runs workflows as GitHub does: jobs by their needs, conditions, contexts, and a checkout for each job.

It refuses a secret or variable that the checklist does not name, an action that it does not know, and an expression
that it cannot read. The actions of others are played by `machine.py`; the command of a step is really run.
"""

import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.stranger import expressions
from tests.e2e.stranger.repository import Event, Repository, Workflow

SECONDS = 600


class Refused(AssertionError):
    """A workflow needs what no page names."""


@dataclass(frozen=True)
class Step:
    """A step that ran."""

    job: str
    did: str
    """Its command, or its action."""
    exit_code: int
    output: str


@dataclass
class Run:
    """A run of a workflow."""

    workflow: str
    sha: str
    results: dict[str, str] = field(default_factory=dict)
    """Job to success, failure or skipped."""
    steps: list[Step] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    """Commands and actions whose condition did not hold."""

    @property
    def conclusion(self) -> str:
        return "failure" if "failure" in self.results.values() else "success"

    @property
    def commands(self) -> list[str]:
        return [step.did for step in self.steps]

    def told(self) -> str:
        """Everything that the steps printed."""
        return "\n".join(f"{step.job}: {step.did} ended with {step.exit_code}\n{step.output}" for step in self.steps)


@dataclass(frozen=True)
class Job:
    """What a step sees of its job."""

    workspace: Path
    temporary: Path
    sha: str
    token: str
    """With the permissions that the job declares."""
    environment: dict[str, str]
    """Of all steps; a step may add to it for the next ones."""


Action = Callable[[str, Mapping[str, str], Job], str]
"""Plays an action: its name, its `with`, and the job; returns what it would print, or raises OSError."""


@dataclass(frozen=True)
class Runner:
    """Machines that GitHub lends, each job a new one."""

    repository: Repository
    documented: frozenset[tuple[str, str]]
    folder: Path
    machine: Mapping[str, str]
    """Environment variables of every machine."""
    action: Action
    token: Callable[[Mapping[str, str]], str]
    """Makes a token with permissions."""
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    """Commands that are too long for a test, and what runs instead."""
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def run(self, workflow: Workflow, event: Event, sha: str, *, ref: str = "refs/heads/main") -> Run:
        """Run a workflow to its end.

        Raises:
            Refused: it reads a secret or variable that is not documented.
        """
        if unknown := workflow.reads() - self.documented:
            raise Refused(f"{workflow.file} reads what the checklist does not name: {sorted(unknown)}")
        run, needs = Run(workflow.file, sha), dict[str, Any]()
        contexts: dict[str, Any] = {
            "github": self._github(event, sha, ref),
            "inputs": workflow.inputs(event),
            "vars": self.repository.variables,
        }
        jobs = dict(workflow.content["jobs"])
        while jobs:
            name = next(name for name, job in jobs.items() if not set(_list(job.get("needs"))) & jobs.keys())
            job = jobs.pop(name)
            known = contexts | {"needs": {one: needs[one] for one in _list(job.get("needs"))}}
            run.results[name], outputs = self._job(name, job, workflow, known, run)
            needs[name] = {"result": run.results[name], "outputs": outputs}
        return run

    def _github(self, event: Event, sha: str, ref: str) -> dict[str, Any]:
        facts = {
            "repository": {"private": self.repository.private},
            "client_payload": event.payload.get("client_payload"),
        }
        return {"event": facts, "event_name": event.kind, "sha": sha, "ref": ref, "actor": "ann"}

    def _job(
        self, name: str, job: Mapping[str, Any], workflow: Workflow, contexts: dict[str, Any], run: Run
    ) -> tuple[str, dict[str, str]]:
        results = [one["result"] for one in contexts["needs"].values()]
        states = {
            "success": lambda: all(result == "success" for result in results),
            "failure": lambda: "failure" in results,
            "cancelled": lambda: False,
            "always": lambda: True,
        }
        if not expressions.holds(job.get("if", "success()"), contexts, states):
            return "skipped", {}
        strategy = job.get("strategy", {}).get("matrix", {})
        matrix = {key: values[0] for key, values in strategy.items()}  # the scripts are the same for all
        permissions = job.get("permissions", workflow.content["permissions"])
        folder = self.folder / f"{next(self.numbers)}-{workflow.file.removesuffix('.yml')}-{name}"
        github = contexts["github"] | {"token": self.token(permissions), "workspace": str(folder / "work")}
        contexts |= {"github": github, "matrix": matrix, "runner": {"temp": str(folder / "temp")}, "steps": {}}
        environment = job.get("environment", "")
        title = environment["name"] if isinstance(environment, Mapping) else environment
        contexts["secrets"] = self.repository.secrets_of(expressions.fill(title, contexts))
        succeeded = self._steps(name, job, contexts, run, folder)
        shutil.rmtree(folder)  # a machine is gone with its job
        outputs = {key: expressions.fill(value, contexts) for key, value in job.get("outputs", {}).items()}
        return ("success" if succeeded else "failure"), outputs

    def _steps(self, name: str, job: Mapping[str, Any], contexts: dict[str, Any], run: Run, folder: Path) -> bool:
        for part in ("work", "temp"):
            (folder / part).mkdir(parents=True)
        own = {key: expressions.fill(str(value), contexts) for key, value in job.get("env", {}).items()}
        token, variables = contexts["github"]["token"], self._environment(contexts, folder) | own
        here = Job(folder / "work", folder / "temp", run.sha, token, variables)
        succeeded = True
        for step in job["steps"]:
            state = {"success": succeeded, "failure": not succeeded, "cancelled": False, "always": True}
            functions = {key: (lambda value=value: value) for key, value in state.items()}
            did = step.get("uses") or step["run"]
            if not expressions.holds(str(step.get("if", "success()")), contexts, functions):
                run.skipped.append(did)
                continue
            done, outputs = self._step(name, step, contexts, here)
            run.steps.append(done)
            contexts["steps"][step.get("id", did)] = {"outputs": outputs}
            succeeded &= done.exit_code == 0
        return succeeded

    def _environment(self, contexts: Mapping[str, Any], folder: Path) -> dict[str, str]:
        github = contexts["github"]
        return dict(self.machine) | {
            "CI": "true",
            "DOCKER_CONFIG": str(folder / "docker"),
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": github["actor"],
            "GITHUB_REPOSITORY": self.repository.name,
            "GITHUB_SHA": github["sha"],
            "GITHUB_WORKSPACE": github["workspace"],
            "RUNNER_TEMP": str(folder / "temp"),
        }

    def _step(
        self, name: str, step: Mapping[str, Any], contexts: Mapping[str, Any], job: Job
    ) -> tuple[Step, dict[str, str]]:
        if uses := step.get("uses"):
            given = {key: expressions.fill(str(value), contexts) for key, value in step.get("with", {}).items()}
            try:
                return Step(name, uses, 0, self.action(uses.partition("@")[0], given, job)), {}
            except OSError as error:
                return Step(name, uses, 1, str(error)), {}
        files = {f"GITHUB_{kind}": job.temporary / kind for kind in ("OUTPUT", "ENV", "PATH", "STEP_SUMMARY")}
        for path in files.values():
            path.write_text("")
        own = {key: expressions.fill(str(value), contexts) for key, value in step.get("env", {}).items()}
        command = step["run"].partition(" #")[0]
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", self.stand_ins.get(command, command)],
            cwd=job.workspace,
            env=job.environment | own | {key: str(path) for key, path in files.items()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        job.environment.update(_pairs(files["GITHUB_ENV"]))
        for folder in files["GITHUB_PATH"].read_text().split("\n"):
            if folder:
                job.environment["PATH"] = f"{folder}{os.pathsep}{job.environment['PATH']}"
        return Step(name, step["run"], done.returncode, done.stdout), _pairs(files["GITHUB_OUTPUT"])


def _pairs(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().split("\n") if line)


def _list(given: Any) -> list[str]:
    return [given] if isinstance(given, str) else list(given or ())
