"""The story of a fit: read, split, compare, fit, judge once, publish, log, pin. Each part is told by its own module."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from models import bundle
from models.bundle import Bundle
from models.contract import Contract
from models.features import CONTRACT
from models.risk import RiskPolicy
from training import data, evaluation, model, publishing, tracking
from training.data import Dataset
from training.progress import Progress
from training.publishing import Fitted
from training.settings import FitSettings

TEST_FRACTION = 0.2
_RESAMPLES_IN_A_FIT = 30  # for the progress bar: a fit lasts about as long as so many resamples


@dataclass(frozen=True)
class Published:
    """What a fit left behind."""

    bundle: Bundle
    run_id: str
    pinned: bool


def fit(settings: FitSettings, *, contract: Contract = CONTRACT) -> Published:
    """Train, judge, publish and log a model; pin it if asked to, or if it is the first.

    Raises:
        ShelfUnwritable, DataError: before any work is done.
        ParityError: the exported graph disagrees with the booster; nothing was published.
        TrackingFailed: MLflow did not take the run; nothing was pinned.
    """
    bundle.require_shelf(settings.models_dir)
    dataset = data.load(settings, contract)
    candidates = model.candidates(contract, seed=settings.seed, threads=settings.threads)
    fits = len(candidates) * evaluation.FOLDS + 1
    with tracking.run(settings) as run, Progress(fits * _RESAMPLES_IN_A_FIT + evaluation.RESAMPLES) as progress:
        run.log_data(dataset)
        fitted = _train(dataset, candidates, seed=settings.seed, progress=progress)
        run.log_folds(fitted.folds)
        progress.stage("publishing")
        published = publishing.publish(fitted, dataset, contract, models_dir=settings.models_dir, seed=settings.seed)
        number = run.register(fitted.pipeline, published, dataset)
        pinned = settings.pin or not (settings.models_dir / "pinned.json").exists()
        if pinned:
            run.mark_champion(number)
            bundle.pin(published, models_dir=settings.models_dir)
    return Published(published, run.run_id, pinned)


def _train(dataset: Dataset, candidates: Mapping[str, Pipeline], *, seed: int, progress: Progress) -> Fitted:
    features, churned, policy = dataset.features, dataset.churned, RiskPolicy()
    training_rows, test_rows = train_test_split(
        np.arange(len(churned)), test_size=TEST_FRACTION, stratify=churned, random_state=seed
    )

    def fitted_one() -> None:
        progress.step(_RESAMPLES_IN_A_FIT)

    progress.stage("comparing on five folds")
    folds = evaluation.cross_validate(
        candidates,
        features.iloc[training_rows],
        churned[training_rows],
        threshold=policy.threshold,
        seed=seed,
        on_step=fitted_one,
    )
    progress.stage("fitting")
    pipeline = clone(candidates[model.SERVED]).fit(features.iloc[training_rows], churned[training_rows])
    fitted_one()
    progress.stage("judging on the test set")
    probability = pipeline.predict_proba(features.iloc[test_rows])[:, 1].astype(np.float64)
    intervals = evaluation.bootstrap(
        churned[test_rows], probability, threshold=policy.threshold, seed=seed, on_step=progress.step
    )
    return Fitted(pipeline, policy, folds, training_rows, test_rows, probability, intervals)
