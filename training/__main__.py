"""`python -m training COMMAND`: runs a job and prints its result. Exit code 0 is done, 2 is not done.

`promote` and `compare-live` end with 1 if the challenger is not better, and `promote` with 2 if it cannot tell; then
nothing was changed. `advance` ends with 1 if it withdraws the canary, and `replay` if the prediction is not the same
when it is computed again.
"""

import logging
import signal
import sys
from collections.abc import Callable
from typing import Any

from pydantic_settings import BaseSettings

from models import command_line, native_libraries, plain_text
from models.errors import ModelsError
from training.contracts import command as contract
from training.errors import LibraryUnusable, TrainingError
from training.promotion.live.settings import AdvanceSettings
from training.recalibration.settings import RecalibrateSettings
from training.replay.settings import ReplaySettings, RetireSettings
from training.settings import (
    ChallengeSettings,
    CompareLiveSettings,
    FitSettings,
    HistorySettings,
    PromoteSettings,
    RollbackSettings,
    ScoreSettings,
)

Outcome = tuple[str, int]
"""What is printed, and the exit code."""
PURPOSE = "Train models of customer churn, and decide which one is served. `contract draft` writes a first contract."
_KEPT = "the champion stays"

logger = logging.getLogger("training")


def main(arguments: list[str]) -> int:
    """Run the command that the first argument names."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the run in MLflow is closed as failed
    plain_text.log_to_terminal()
    for noisy in ("alembic", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    program, purpose, commands, words = "python -m training", PURPOSE, COMMANDS, arguments
    if arguments[:1] == ["contract"]:
        program, purpose, commands, words = f"{program} contract", contract.PURPOSE, contract.COMMANDS, arguments[1:]
    kinds = {name: kind for name, (_, kind, _) in commands.items()}
    name, settings = command_line.read_command(program, purpose, kinds, words)
    job, _, unfinished = commands[name]
    return _run(job, settings, unfinished=unfinished)


# Each command imports its modules itself: scoring a file needs none of the libraries that train.
def fit(settings: FitSettings) -> Outcome:
    """Train a model, and print its figures."""
    _load_xgboost()
    from training import pipeline, report  # noqa: PLC0415  # as above

    return report.describe(pipeline.fit(settings)), 0


def score(settings: ScoreSettings) -> Outcome:
    """Score a file or a folder, and print the counts."""
    from training.scoring import folder_plan, score_file, score_folder, scored_files  # noqa: PLC0415  # as above

    if folder_plan.is_for_folder(settings):
        found = score_folder.score(settings)
        return found.describe(settings.output, settings.output / folder_plan.REJECTED), 0
    if settings.cluster or settings.processes > 1:
        logger.warning("one table is scored by this process: --processes and --cluster are for all files of a folder")
    return score_file.score(settings).describe(settings.output, scored_files.rejected_path(settings.output)), 0


def promote(settings: PromoteSettings) -> Outcome:
    """Run the promotion gate, and print its result."""
    _load_xgboost()
    from training.promotion import gate_report, promotion  # noqa: PLC0415  # as above

    verdict = promotion.promote(settings)
    return gate_report.text(verdict), {"promoted": 0, "refused": 1, "cannot tell": 2}[verdict.decision]


def recalibrate(settings: RecalibrateSettings) -> Outcome:
    """Learn the champion's map anew from outcomes, and print the figures."""
    _load_xgboost()
    from training.recalibration import recalibration, report  # noqa: PLC0415  # as above

    return report.describe(recalibration.recalibrate(settings)), 0


def roll_back(settings: RollbackSettings) -> Outcome:
    """Pin an earlier model."""
    from training.promotion import rollback  # noqa: PLC0415  # as above

    return f"{rollback.roll_back(settings)} is pinned again: served within a second", 0


def challenge(settings: ChallengeSettings) -> Outcome:
    """Start or end the trial of a challenger."""
    from training.promotion import challengers  # noqa: PLC0415  # as above

    if settings.stop:
        return f"{challengers.remove(settings)} is no longer the challenger", 0
    challenger = challengers.start(settings)
    share = f", answering {challenger.share:.0%} of the customers with an id" if challenger.mode == "canary" else ""
    return f"{challenger.version} is the challenger, as {challenger.mode}{share}", 0


def history(settings: HistorySettings) -> Outcome:
    """List which model was served when, and why."""
    from training.promotion import history  # noqa: PLC0415  # as above

    return history.describe(settings), 0


def compare_live(settings: CompareLiveSettings) -> Outcome:
    """Compare champion and challenger on logged outcomes."""
    from training.promotion.live import live_comparison, live_report  # noqa: PLC0415  # as above

    found = live_comparison.compare(settings)
    return live_report.describe(found), 0 if found.better else 1


def advance(settings: AdvanceSettings) -> Outcome:
    """Advance a canary by a step, keep it as it is, or withdraw it."""
    from training.promotion.live import canary_steps  # noqa: PLC0415  # as above

    if (decision := canary_steps.advance(settings)) is None:
        return "there is no canary, so that nothing is to be done", 0
    return decision.sentence, 1 if decision.action == "withdraw" else 0


def replay(settings: ReplaySettings) -> Outcome:
    """Compute a logged prediction again, and say whether it is the same."""
    from training.replay import replay_report, replaying  # noqa: PLC0415  # as above

    found = replaying.replay(settings)
    if settings.report:
        replay_report.write(found, settings.report)
    return replay_report.text(found), 0 if found.is_equal else 1


def retire(settings: RetireSettings) -> Outcome:
    """Remove retired bundles from the store."""
    from training.replay import retirement  # noqa: PLC0415  # as above

    return retirement.retire(settings).sentences, 0


COMMANDS: dict[str, tuple[Callable[[Any], Outcome], type[BaseSettings], str]] = {
    "fit": (fit, FitSettings, "nothing new is served"),
    "score": (score, ScoreSettings, "files that were not finished are not written"),
    "promote": (promote, PromoteSettings, _KEPT),
    "recalibrate": (recalibrate, RecalibrateSettings, "nothing new was published"),
    "rollback": (roll_back, RollbackSettings, _KEPT),
    "challenge": (challenge, ChallengeSettings, "nothing was changed"),
    "compare-live": (compare_live, CompareLiveSettings, "nothing was changed"),
    "advance": (advance, AdvanceSettings, "the canary stays as it is"),
    "history": (history, HistorySettings, "nothing was changed"),
    "replay": (replay, ReplaySettings, "it cannot be told whether the prediction is the same"),
    "retire": (retire, RetireSettings, "nothing was removed"),
}


def _load_xgboost() -> None:
    """Import XGBoost before others do, so that a missing system library is told with its remedy.

    Raises:
        LibraryUnusable: it cannot be loaded.
    """
    try:
        import xgboost  # noqa: F401, PLC0415  # as above
    except ImportError:
        raise
    except Exception as error:  # an XGBoostError, whose class cannot be imported
        problem, remedy = native_libraries.explain(error)
        raise LibraryUnusable(library="XGBoost", problem=problem, remedy=remedy) from error


def _run(job: Callable[[Any], Outcome], settings: BaseSettings, *, unfinished: str) -> int:
    try:
        text, exit_code = job(settings)
    except (TrainingError, ModelsError) as error:
        logger.error("%s", error)  # noqa: TRY400  # the sentence names the remedy; a traceback would bury it
        return 2
    except KeyboardInterrupt:
        logger.error("interrupted; %s", unfinished)  # noqa: TRY400  # a traceback tells nothing more
        return 130
    except Exception:
        logger.exception("the job failed; %s", unfinished)
        return 2
    sys.stdout.write(f"{plain_text.printable(text)}\n")
    return exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
