"""The pages, rendered from the templates beside this module. All texts are escaped, and no page has a script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from monitoring.review_page import findings, offers
from monitoring.review_page.lines import HEIGHT, WIDTH, figure
from monitoring.runs import retraining
from monitoring.runs.recorded_runs import RecordedRun
from monitoring.runs.run_store import Job

TEMPLATES = Path(__file__).with_name("templates")
STYLES = TEMPLATES / "page.css"
SHOWN_RUNS, SHOWN_UNDECIDED = 50, 10
"""Most runs of each list, until all are asked for."""
SHOWN_COLUMNS = 24
"""Most columns of a run that are shown; the rest is folded."""
LINE_RUNS = 40
"""Most runs in a line chart, which has the runs of one job."""
TONES = {0: "calm", 1: "found"}
"""How an exit code looks; all others mean that the job could not tell."""


@dataclass(frozen=True)
class Choice:
    """Which runs the list shows; an empty text is all of them."""

    job: str = ""
    verdict: str = ""
    model: str = ""
    everything: bool = False

    def admits(self, run: RecordedRun) -> bool:
        """Return whether the list shows a run."""
        found = {"job": run.job, "verdict": run.verdict, "model": _model(run)}
        return all(not getattr(self, name) or getattr(self, name) == value for name, value in found.items())

    @property
    def is_narrow(self) -> bool:
        """Whether some runs are left out."""
        return bool(self.job or self.verdict or self.model)


class Pages:
    """Renders the pages of one dashboard."""

    def __init__(self, *, project: str, evidently_page: str, retrains: bool) -> None:
        """`evidently_page` is the path of Evidently's own page; `retrains` is whether a decision starts a command."""
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {"figure": figure, "when": findings.when, "percent": "{:.0%}".format}
        self._environment.globals |= {
            "project": project,
            "evidently_page": evidently_page,
            "retrains": retrains,
            "retrain_command": lambda run: retraining.command(run.facts),
            "describe": retraining.describe,
            "findings": findings,
            "tone": lambda run: TONES.get(run.exit_code, "blind"),
            "line_size": (WIDTH, HEIGHT),
            "interval_size": (offers.WIDTH, offers.HEIGHT),
            "measures": [measure.title for measure in offers.MEASURES],
            "shown_columns": SHOWN_COLUMNS,
        }

    def runs(
        self, runs: Sequence[RecordedRun], damaged: Sequence[str], chosen: Choice, reviewer: str | None
    ) -> HTMLResponse:
        """Return the list of runs; they come newest first."""
        shown = [run for run in runs if chosen.admits(run)]
        undecided = [run for run in shown if run.needs_decision]
        others = [run for run in shown if not run.needs_decision]
        return self._render(
            "runs.html",
            reviewer=reviewer,
            total=len(runs),
            damaged=damaged,
            chosen=chosen,
            choices={
                "job": sorted({run.job for run in runs}),
                "verdict": sorted({run.verdict for run in runs}),
                "model": sorted({_model(run) for run in runs}),
            },
            undecided=undecided if chosen.everything else undecided[:SHOWN_UNDECIDED],
            others=others if chosen.everything else others[:SHOWN_RUNS],
            undecided_total=len(undecided),
            others_total=len(others),
            lines=findings.lines([run for job in get_args(Job) for run in _newest_of(job, shown)][::-1]),
        )

    def run(
        self,
        run: RecordedRun,
        history: Sequence[RecordedRun],
        reviewer: str | None,
        *,
        notice: str = "",
        typed: Mapping[str, str] | None = None,
        problems: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> HTMLResponse:
        """Return the page of a run; `history` has the runs of its job up to it, newest first."""
        before = list(history[:LINE_RUNS][::-1])
        return self._render(
            "run.html",
            status,
            reviewer=reviewer,
            run=run,
            columns=findings.columns(run, before),
            figures=findings.figures(run),
            offers=offers.rows(run),
            lines=findings.lines(before),
            has_report=run.path.with_suffix(".html").is_file(),
            notice=notice,
            typed=dict.fromkeys(("decision", "by", "why"), "") | dict(typed or {}),
            problems=problems or {},
        )

    def sign_in(self, *, next_page: str, problem: str = "") -> HTMLResponse:
        """Return the form that asks for a key."""
        page = {"reviewer": None, "next_page": next_page, "problem": problem}
        return self._render("sign_in.html", 401 if problem else 200, **page)

    def problem(self, text: str, status: int, reviewer: str | None) -> HTMLResponse:
        """Return a page that says what went wrong."""
        return self._render("problem.html", status, reviewer=reviewer, text=text)

    def _render(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        return HTMLResponse(self._environment.get_template(template).render(values), status)


def _newest_of(job: Job, runs: Sequence[RecordedRun]) -> list[RecordedRun]:
    return [run for run in runs if run.job == job][:LINE_RUNS]


def _model(run: RecordedRun) -> str:
    return str(run.facts.get("model_version") or "")
