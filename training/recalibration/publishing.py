"""Publishes the recalibrated model: the trees' files unchanged, and samples, card and manifest of its own."""

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from models.bundles import bundle
from models.bundles.bundle import Bundle
from models.bundles.calibration import Recalibrated
from models.bundles.format.bundle_files import BOOSTER, GRAPH, REFERENCE
from models.bundles.manifest import Description
from training.data import holdout
from training.data.dataset_split import DatasetSplit
from training.learning.model import LINEAR
from training.publishing import export, publish
from training.recalibration.learning import Learned
from training.settings import FitSettings


def publish_bundle(
    champion: Bundle, learned: Learned, parts: DatasetSplit, how: Recalibrated, settings: FitSettings
) -> Bundle:
    """Write the bundle to the store.

    Raises:
        ParityError: the champion's graph and trees give different probabilities; nothing was published.
    """
    fitted, judged, manifest = learned.fitted, learned.judged, champion.manifest
    with tempfile.TemporaryDirectory() as scratch:
        files = Path(scratch)
        for name in (GRAPH, BOOSTER, REFERENCE):
            shutil.copyfile(champion.path(name), files / name)
        described = Description(
            **publish.quality(judged),
            fingerprint=manifest.fingerprint,
            features=manifest.features,
            levels=manifest.levels,
            data=parts.provenance,
            split=parts.told,
            policy=fitted.policy,
            calibration=fitted.calibration,
            recalibrated=how,
            cross_validation=manifest.cross_validation,
            seeds=manifest.seeds,
            warnings=manifest.warnings,
            parameters=manifest.parameters,
            constraints=manifest.constraints,
            tuning=manifest.tuning,
            parity_difference=export.check_parity(judged.probability, files / GRAPH, judged.matrix, fitted.calibration),
            libraries=manifest.libraries,
        )
        baseline, _ = judged.models[LINEAR]
        holdout.write(files, parts, baseline=baseline)
        publish.write_card(files, described, fitted, judged, champion.contract, seed=settings.seed)
        now = datetime.now(UTC).replace(microsecond=0)
        return bundle.save(files, described, champion.contract, trained_at=now, models_dir=settings.models_dir)
