"""What stands at the top of a run's report: title, sentence, period, model and decision, as Markdown."""

import html
import re
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from monitoring.runs import run_store
from monitoring.runs.run_store import Job
from monitoring.settings import ReviewSettings


@dataclass(frozen=True)
class Heading:
    """The run of a report, and its result in words."""

    job: Job
    started_at: datetime
    verdict: str
    summary: str
    """The verdict and its main figures, in one sentence."""
    source: str
    """The period of the log, or the file, that was checked."""
    model_version: str | None
    """The pinned model; None if no pin can be read."""
    output_dir: Path
    """Folder of reports/."""

    @property
    def run(self) -> str:
        """The name of the run's record, for the command `review`."""
        return run_store.path(Path(), self.job, self.started_at).stem

    @property
    def title(self) -> str:
        """The title of the page."""
        return title(self.job, self.verdict, self.started_at)

    @property
    def text(self) -> str:
        """Title, sentence, period and model."""
        model = self.model_version or "no pinned model can be read"
        facts = {"Period": self.source, "Model": model, "Run": self.run}
        lines = [f"**{name}:** {escape(fact)}" for name, fact in facts.items()]
        return "\n\n".join((f"# {escape(self.title)}", escape(self.summary), *lines))

    @property
    def undecided(self) -> str:
        """What stands in place of the decision before a review."""
        command = f"python -m monitoring review {self.run} --decision retrain --by NAME --why REASON"
        if self.output_dir != ReviewSettings.model_fields["output_dir"].default:
            command += f" --output-dir {html.escape(shlex.quote(str(self.output_dir)), quote=False)}"
        return f"**Decision:** none yet. Record one, as accept, retrain or ignore: `{command}`"


def title(job: str, verdict: str, started_at: datetime) -> str:
    """Return the job, its verdict and its time."""
    return f"{job.capitalize()} report: {verdict}, {started_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def decided(decision: str, *, by: str, why: str) -> str:
    """Return the decision of a review."""
    return f"**Decision:** {escape(f'{decision}, by {by}: {why}')}"


def escape(text: str) -> str:
    """Return text that shows in Markdown as it is, and cannot end the script of a page that holds it."""
    one_line = re.sub(r"[\r\n]+", " ", text)  # a line could begin a heading or a list
    return re.sub(r"([\\`*\[\]])", r"\\\1", html.escape(one_line, quote=False))
