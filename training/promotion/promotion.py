"""Runs a promotion: find the challenger, verify both models, compare, report, and pin if every check passed.

On any error the champion stays: the pin is written last, and MLflow's alias is set after it.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from models.bundles import bundle, pin_changes, pins
from models.bundles.bundle import Bundle
from models.bundles.format.bundle_files import MANIFEST
from models.bundles.manifest import Manifest
from models.bundles.pins import Pin
from models.customer.contract import Contract, Matrix, Vector
from models.errors import BundleError, BundleMissing, FingerprintMismatch, NothingPinned
from models.features import CONTRACT
from training.data import holdout
from training.learning import evaluation
from training.promotion import gate, gate_report, mlflow_registry, model_lookup
from training.promotion.checks import unseen_rows
from training.promotion.errors import ChampionChanged
from training.promotion.gate import Side
from training.promotion.gate_result import GateResult, refuse
from training.publishing import trees
from training.settings import PromoteSettings


def promote(settings: PromoteSettings, *, contract: Contract = CONTRACT) -> GateResult:
    """Compare a challenger with the champion, report and log the result, and pin the challenger if it passed.

    Raises:
        NoSuchModel, BundleMissing, VersionUnclear: there is no challenger, or it is not clear which one.
        BundleError: no comparison is possible: the champion failed verification.
        TooFewUnseenRows, RowsUnlikeTestSet: no comparison is possible on the rows that neither was trained on.
        ChampionChanged: another model was pinned during the comparison.
        TrackingFailed: MLflow did not accept the result.
    """
    serving = _serving(settings)
    champion, note = _champion(settings, contract)
    version = model_lookup.choose(settings)
    try:
        challenger = model_lookup.fetch(version, settings, contract)
    except BundleMissing:
        raise
    except BundleError as error:
        return _tell(refuse(version, serving or "none", str(error)), settings)
    if (problem := _misfit(challenger, serving, settings)) is not None:
        return _tell(refuse(challenger.manifest.version, serving or "none", problem), settings)
    verdict = _tell(_judge(challenger, champion, note, settings, contract), settings)
    if verdict.promoted:
        _pin(challenger, serving, verdict, settings)
        mlflow_registry.mark_champion(challenger.manifest.version, settings)
    return verdict


def _pin(challenger: Bundle, judged: str | None, verdict: GateResult, settings: PromoteSettings) -> None:
    """Pin the challenger if the champion is still the one that it was compared with."""
    with pin_changes.alone(settings.models_dir) as locked:
        if (now := _serving(settings)) != judged:
            raise ChampionChanged(judged=verdict.champion, serving=now or "no model")
        champion = Pin(**dict(bundle.name(challenger)))
        locked.write(champion, about=champion, change="promote", why=gate_report.summary(verdict))


def _champion(settings: PromoteSettings, contract: Contract) -> tuple[Bundle | None, str]:
    """Return the champion, and why there is none to compare with, if its contract is another one."""
    try:
        return bundle.load(settings.models_dir, contract=contract), ""
    except NothingPinned:
        return None, ""
    except FingerprintMismatch as error:
        if not error.changes:
            raise
        return None, f"it was trained on another contract: {' '.join(error.changes)}"


def _misfit(challenger: Bundle, serving: str | None, settings: PromoteSettings) -> str | None:
    """Return why a challenger must not follow the champion; None if it may."""
    if serving is None:
        return None
    if challenger.manifest.version == serving:
        return "it is already the champion"
    champion = bundle.read_manifest(settings.models_dir / "store" / serving / MANIFEST)
    if _is_invented(challenger.manifest) and not _is_invented(champion):
        return "it was trained on synthetic customers only, and the champion on others"
    return None


def _is_invented(found: Manifest) -> bool:
    return found.data.source.startswith("synthetic(") and found.data.live is None


def _serving(settings: PromoteSettings) -> str | None:
    try:
        return pins.read(settings.models_dir).version
    except NothingPinned:
        return None


def _judge(
    challenger: Bundle, champion: Bundle | None, note: str, settings: PromoteSettings, contract: Contract
) -> GateResult:
    if champion and (problem := holdout.why_incomparable(challenger, champion)):
        champion, note = None, problem
    rows = unseen_rows.find(challenger, champion, contract, min_rows=settings.min_rows)
    verdict = gate.check(
        Side.of(challenger),
        _booster(challenger),
        Side.of(champion) if champion else None,
        rows,
        live=challenger.manifest.data.live,
        contract=challenger.today,
        settings=settings,
    )
    return replace(verdict, note=note)


def _booster(found: Bundle) -> Callable[[Matrix], Vector]:
    """Return a function that computes the calibrated probabilities of the trees with XGBoost."""
    predict = partial(evaluation.predict, trees.read(found))
    return lambda matrix: found.manifest.calibration.apply(predict(matrix))


def _tell(verdict: GateResult, settings: PromoteSettings) -> GateResult:
    report = gate_report.markdown(verdict)
    if settings.report:
        settings.report.parent.mkdir(parents=True, exist_ok=True)
        settings.report.write_text(report, encoding="utf-8")
    mlflow_registry.record(verdict, report, settings)
    return verdict
