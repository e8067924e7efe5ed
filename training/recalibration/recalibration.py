"""Runs a recalibration: read outcomes, split them, learn the map from one half, judge it on the other, and publish."""

import logging
from dataclasses import dataclass, replace

import numpy as np

from models.bundles import bundle
from models.bundles.bundle import Bundle
from models.bundles.calibration import Recalibrated
from models.customer.contract import Contract
from models.features import CONTRACT
from training.data import dataset_split, datasets, live
from training.data.dataset_split import DatasetSplit
from training.data.datasets import Dataset
from training.data.splitting import Split
from training.learning import model
from training.publishing import tracking
from training.recalibration import learning, outcome_split, publishing
from training.recalibration.errors import OtherContract
from training.recalibration.settings import RecalibrateSettings
from training.settings import FitSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Published:
    """The result of a recalibration."""

    bundle: Bundle
    how: Recalibrated
    link: str
    """How to open the run's page in MLflow."""


def recalibrate(settings: RecalibrateSettings, *, contract: Contract = CONTRACT) -> Published:
    """Learn the champion's map anew, and publish the result as a challenger; the champion stays.

    Raises:
        BundleError: there is no champion, or it failed verification.
        OtherContract, TooFewOutcomes, DataError, LogError: the outcomes are too few, or cannot be used.
        TrackingFailed: MLflow did not accept the run.
    """
    champion, reading = bundle.load(settings.models_dir, contract=contract), settings.of_fit
    version = champion.manifest.version
    if champion.contract.fingerprint != contract.fingerprint:
        raise OtherContract(version=version)
    dataset = datasets.load(reading, champion.today)
    parts = outcome_split.split(dataset, champion)
    if parts.left_out:
        logger.warning("left out %d rows that equal a row that %s was trained on", parts.left_out, version)
    with tracking.run(reading, title=f"recalibration of {version[:17]}") as run:
        run.log_data(dataset, reading)
        taken = _take(dataset, parts.split, champion, reading)
        taken = replace(taken, traces=parts.seen)
        learned = learning.learn(champion, taken, seed=reading.seed)
        how = learning.describe(champion, dataset, taken, learned.line)
        published = publishing.publish_bundle(champion, learned, taken, how, reading)
        fitted = learned.fitted
        run.register(
            model.pipeline(champion.contract, fitted.classifier, fitted.calibration), published, taken.reference
        )
    return Published(published, how, run.link)


def _take(dataset: Dataset, split: Split, champion: Bundle, settings: FitSettings) -> DatasetSplit:
    taken = dataset_split.take(dataset, split, champion.contract, others=(), seed=settings.seed)
    if dataset.happened is None:
        return taken
    others = len(dataset.churned) - len(dataset.happened.churned)
    judged = np.isin(np.arange(others, len(dataset.churned)), split.test)
    described = live.describe(dataset.happened, settings, judged=judged)
    return replace(taken, provenance=taken.provenance.model_copy(update={"live": described}))
