"""Chooses the parameters of a fit: the best preset, and from there the best trial of a search if one is asked for."""

from collections.abc import Callable
from dataclasses import asdict, replace

from xgboost import XGBClassifier

from models.bundles.manifest import Tuning
from models.customer.contract import Labels, Matrix
from models.progress import Progress
from training.data import splitting
from training.data.splitting import Folds, Rows
from training.learning import evaluation, presets, tuning
from training.learning.trial import Judge, Parameters, Trial
from training.settings import FitSettings


def run(
    make: Callable[[Parameters], XGBClassifier],
    rows: tuple[Matrix, Labels, Folds, Rows | None],
    *,
    settings: FitSettings,
    progress: Progress,
    on_trial: Callable[[Trial], None],
    in_parts: bool = False,
    judge_elsewhere: Judge | None = None,
) -> tuple[Parameters, Tuning | None]:
    """Return the parameters, and what the search found; None without one.

    `make` builds a classifier. `rows` are matrix, outcomes, folds and the customer of each row, if that is known; of a
    table `in_parts` a sample, without linear trees, which its parts cannot grow. `judge_elsewhere`: `tuning.tune`.
    """
    chosen = _choose_preset(make, rows, settings=settings, in_parts=in_parts, progress=progress)
    if not settings.trials:
        return chosen, None

    kept = {name: value for name, value in chosen.items() if name not in (*tuning.SPACE, "n_estimators")}

    def told(trial: Trial) -> None:
        on_trial(replace(trial, parameters=kept | trial.parameters))
        progress.step(splitting.FOLDS)

    matrix, churned, folds, customers = rows
    progress.stage("searching for parameters")
    found = tuning.tune(
        make(chosen),
        matrix,
        churned,
        folds,
        customers=customers,
        trials=settings.trials,
        storage=settings.output_dir / "tuning.db",
        on_trial=told,
        judge_elsewhere=judge_elsewhere,
    )
    summary = {name: value for name, value in asdict(found).items() if name != "parameters"}
    return kept | found.parameters, Tuning.model_validate(summary)


def _choose_preset(
    make: Callable[[Parameters], XGBClassifier],
    rows: tuple[Matrix, Labels, Folds, Rows | None],
    *,
    settings: FitSettings,
    in_parts: bool,
    progress: Progress,
) -> Parameters:
    matrix, churned, folds, customers = rows
    progress.stage("choosing among presets of parameters")
    return presets.choose(
        make,
        matrix,
        churned,
        folds,
        customers=customers,
        without=[presets.LINEAR] if in_parts else [],
        seed=settings.seed,
        threads=settings.threads,
        on_fit=lambda: progress.step(splitting.FOLDS),
        most_rows=len(churned) if in_parts else evaluation.COMPARED_ROWS,
    )


def steps(trials: int) -> int:
    """Return the number of fits that the progress counts."""
    return (len(presets.names()) + trials) * splitting.FOLDS
