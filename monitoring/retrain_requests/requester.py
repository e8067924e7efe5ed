"""Asks for the retrainings that are due: one for each drift, each fall of quality, and each decision of a reviewer.

A request is written down before it is sent. A process that is killed while it sends therefore never asks again.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple, get_args

from monitoring.retrain_requests import advice, findings, requests_file
from monitoring.retrain_requests.errors import NotRequested, RequestUnanswered
from monitoring.retrain_requests.findings import Finding
from monitoring.retrain_requests.github import Repository
from monitoring.retrain_requests.requests_file import Request, Requests
from monitoring.retrain_requests.settings import RetrainSettings
from monitoring.runs import recorded_runs, run_store
from monitoring.runs.recorded_runs import RecordedRun
from monitoring.runs.run_store import Job

logger = logging.getLogger(__name__)

RETRAIN = "retrain"
LONGEST_REASON = 1_000
TOLD = ("verdict", "summary", "model_version", "run_id")


class Due(NamedTuple):
    """A finding for which a retraining is due."""

    finding: Finding
    run: RecordedRun
    """The run that is the reason."""
    because: Literal["finding", "decision"]
    reason: str


@dataclass(frozen=True)
class Requester:
    """Looks at the runs and asks a repository."""

    repository: Repository
    settings: RetrainSettings
    pause: timedelta

    def look(self, now: datetime | None = None) -> list[str]:
        """Send the requests that are due; return one line about each.

        Raises:
            RequestsUnusable, TokenUnusable: nothing can be requested now.
            NotRequested: a request failed.
        """
        now = now or datetime.now(UTC)
        folder = self.settings.output_dir
        with requests_file.locked(folder):
            before = requests_file.read(folder, now=now)
            runs = recorded_runs.read_all(folder).runs
            requests = _followed(_settled(before), runs)
            if requests != before or not requests_file.path(folder).exists():
                requests_file.write(requests, folder)  # before the token is read: decisions count from the first look
            token = self.repository.token()
            return [self._send(due, requests, now, token) for due in self._due(requests, runs, now)]

    def _due(self, requests: Requests, runs: Sequence[RecordedRun], now: datetime) -> Iterator[Due]:
        for due in _decided(requests, runs):
            if made := _made(requests, due.finding):
                _note(due.run, f"not requested again: {made}", self.repository.name, now)
            else:
                yield due
        if self.settings.retrain_on == "decision":
            return
        for job in get_args(Job):
            finding = findings.current(runs, job)
            if finding is None or _made(requests, finding) or _is_withdrawn(finding):
                continue
            if not advice.is_advised(finding.last.facts):
                continue
            if (last := requests.last_at()) is None or now >= last + self.pause:
                yield Due(finding, finding.last, "finding", finding.last.summary)

    def _send(self, due: Due, requests: Requests, now: datetime, token: str) -> str:
        folder, name = self.settings.output_dir, self.repository.name
        names = {"first": due.finding.first.name, "last": due.finding.last.name}
        request = Request(job=due.finding.job, at=now, because=due.because, **names)
        requests.made.append(request)
        requests_file.write(requests, folder)
        try:
            self.repository.request_retraining(_payload(due), token=token)
        except RequestUnanswered as error:
            request.outcome = "unknown"
            requests_file.write(requests, folder)
            _note(due.run, str(error), name, now)
            raise
        except NotRequested:
            requests.made.remove(request)
            requests_file.write(requests, folder)
            raise
        request.outcome = "sent"
        requests_file.write(requests, folder)
        _note(due.run, "requested", name, now)
        told = f"requested a retraining of {name}: {due.reason}"
        logger.info("%s", told)
        return told


def _settled(requests: Requests) -> Requests:
    """Take what a killed process left unfinished for sent."""
    made = []
    for request in requests.made:
        if request.outcome == "begun":
            logger.warning(
                "nobody knows whether the request of %s for run %s arrived. It is not repeated. If Actions shows no "
                "run of retrain, start it there by hand.",
                request.at.isoformat(timespec="seconds"),
                request.last,
            )
        made.append(request.model_copy(update={"outcome": "unknown"}) if request.outcome == "begun" else request)
    return requests.model_copy(update={"made": made})


def _followed(requests: Requests, runs: Sequence[RecordedRun]) -> Requests:
    """Let each request cover the newest runs of its finding, because the oldest records are removed one day."""
    found = [finding for job in get_args(Job) for finding in findings.find(runs, job)]
    made = [
        request.model_copy(
            update={"last": max([request.last, *(one.last.name for one in found if request.covers(one))])}
        )
        for request in requests.made
    ]
    return requests.model_copy(update={"made": made})


def _decided(requests: Requests, runs: Sequence[RecordedRun]) -> Iterator[Due]:
    """Yield the runs whose newest decision is to retrain, and that nothing came of yet."""
    for run in reversed(runs):
        newest = run.reviews[-1] if run.reviews else None
        if newest is None or newest["decision"] != RETRAIN:
            continue
        at = datetime.fromisoformat(newest["at"])
        answered = any(datetime.fromisoformat(one["at"]) >= at for one in _successes(run))
        if at >= requests.began_at.replace(microsecond=0) and not answered:
            reason = f"{newest['by']}: {newest['why']} ({run.summary})"
            yield Due(findings.of(run, runs), run, "decision", reason)


def _made(requests: Requests, finding: Finding) -> str | None:
    """Say when a retraining was requested for a finding, by the monitor or by MONITORING_RETRAIN_COMMAND."""
    if request := requests.covering(finding):
        return f"a retraining was requested at {request.at:%Y-%m-%d %H:%M} UTC"
    by_command = (one for run in finding.runs for one in _successes(run))
    return next((f"a retraining was requested at {one['at']}" for one in by_command), None)


def _successes(run: RecordedRun) -> Iterator[Mapping[str, Any]]:
    return (one for one in run.facts.get("retrain_requests", ()) if one["exit_code"] == 0)


def _is_withdrawn(finding: Finding) -> bool:
    reviews = [review for run in finding.runs for review in run.reviews]
    newest = max(reviews, key=lambda review: datetime.fromisoformat(review["at"]), default=None)
    return newest is not None and newest["decision"] != RETRAIN


def _payload(due: Due) -> Mapping[str, Any]:
    facts = {name: due.run.facts.get(name) for name in TOLD}
    return {"reason": due.reason[:LONGEST_REASON], "run": due.run.name, **facts}


def _note(run: RecordedRun, said: str, repository: str, now: datetime) -> None:
    """Add to the record of a run what came of it; a record that is gone or damaged stops nothing."""
    entry = {"command": f"retraining of {repository}", "at": now.isoformat(timespec="seconds"), "exit_code": 0}
    with suppress(OSError, ValueError):
        run_store.append(run.path, "retrain_requests", entry | {"said": said})
