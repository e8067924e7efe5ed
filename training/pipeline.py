"""Runs a fit from data to a published bundle.

The steps: read, split, check for leakage, search parameters, compare algorithms, fit, calibrate, choose the decision
thresholds, evaluate once, publish, pin.
"""

import logging
from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.base import clone
from threadpoolctl import threadpool_limits
from xgboost import XGBClassifier

from models.bundles import bundle
from models.bundles.bundle import Bundle
from models.bundles.manifest import Tuning
from models.bundles.risk import Costs, RiskPolicy
from models.customer.contract import Contract, Labels, Matrix, Vector
from models.features import CONTRACT
from models.progress import Progress
from training import memory
from training.data import dataset_split, datasets, grouping, leakage, learned_levels, slices, splitting, time_column
from training.data.datasets import Dataset
from training.data.hashing import hash_split, repeats, row_hash
from training.data.splitting import Folds, Rows, Split
from training.learning import (
    calibrators,
    cost_policy,
    evaluation,
    final_evaluation,
    fold_comparison,
    model,
    parameter_search,
)
from training.learning.final_evaluation import FittedModel
from training.partitioned import choice, executors, preparation, sampled_search
from training.partitioned.executor import Executor
from training.partitioned.preparation import Prepared, SnappedRows
from training.publishing import publish, tracking
from training.publishing.tracking import Run
from training.settings import FitSettings

_JUDGING = 5  # for the progress bar: evaluation takes about as long as five fits

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Published:
    """The result of a fit."""

    bundle: Bundle
    run_id: str
    link: str
    """How to open the run's page in MLflow."""
    pinned: bool


def fit(settings: FitSettings, *, contract: Contract = CONTRACT) -> Published:
    """Train, evaluate, publish and log a model; pin it if requested, or if it is the first one.

    Raises:
        StoreUnwritable, SettingsError, DataError, LogError: raised before training starts.
        ClusterError: the cluster is away, unfit, or was lost; nothing was pinned.
        SliceBelowFloor: the model is not good enough for a group of customers; nothing was published.
        ParityError: the graph and the trees give different probabilities; nothing was published.
        TrackingFailed: MLflow did not accept the run; nothing was pinned.
    """
    memory.return_freed_memory()
    bundle.require_store(settings.models_dir)
    costs = cost_policy.read(settings.costs) if settings.costs else None
    constraints = model.constrain(settings.monotone, contract)
    edges = choice.edges(settings)
    with executors.opened(settings.cluster) as executor:
        return _fit(settings, contract, costs, constraints, edges=edges, executor=executor)


def _fit(
    settings: FitSettings,
    contract: Contract,
    costs: Costs | None,
    constraints: model.Constraints,
    *,
    edges: int | None,
    executor: Executor,
) -> Published:
    dataset, taken, contract, warnings, rows = (
        _whole(settings, contract) if edges is None else preparation.prepare(settings, contract, edges, executor)
    )
    # scikit-learn's boosting uses every core, and waits for the slowest if another program runs there.
    threads = threadpool_limits(settings.threads)
    with tracking.run(settings) as run, Progress(_steps(settings)) as progress, threads:
        run.log_data(dataset, settings)
        del dataset  # the table of a large data set takes most of a fit's memory
        fitted = Training(settings, costs, constraints, run, progress, rows).fit(
            taken.matrix, taken.churned, taken.folds, taken.customers
        )
        progress.stage("evaluating on the test set")
        judged = final_evaluation.evaluate(fitted, taken.test, contract=contract, seed=settings.seed)
        slices.require_floor(judged.slices, settings.min_slice_roc_auc)
        progress.step(_JUDGING)
        progress.stage("publishing")
        published = publish.publish(fitted, judged, taken, contract=contract, warnings=warnings, settings=settings)
        pipeline = model.pipeline(contract, fitted.classifier, fitted.calibration)
        number = run.register(pipeline, published, taken.reference)
        pinned = settings.pin or not (settings.models_dir / "pinned.json").exists()
        if pinned:
            run.mark_champion(number)
            why = "asked for with --pin" if settings.pin else "the first model"
            bundle.pin(published, models_dir=settings.models_dir, change="fit", why=why)
    return Published(published, run.run_id, run.link, pinned)


@dataclass(frozen=True)
class Training:
    """All steps on the training rows, logged to MLflow and shown as progress."""

    settings: FitSettings
    costs: Costs | None
    constraints: model.Constraints
    run: Run
    progress: Progress
    rows: SnappedRows | None = None
    """All training rows of a table in parts, of which the matrix has a sample; None otherwise."""

    def fit(self, matrix: Matrix, churned: Labels, folds: Folds, customers: Rows | None = None) -> FittedModel:
        """Search parameters, compare algorithms, fit, calibrate and choose the decision thresholds.

        `customers` has the customer of each row; None if each row is a customer of its own.
        """
        parameters, tuned = self._search(matrix, churned, folds, customers)
        served = self._served(parameters, self.settings.seed)
        candidates = model.candidates(served, seed=self.settings.seed, threads=self.settings.threads)
        self.progress.stage("comparing algorithms on the folds")
        compared = evaluation.cross_validate(
            candidates,
            matrix,
            churned,
            folds,
            served=model.SERVED,
            seed=self.settings.seed,
            on_fit=self.progress.step,
            fit_served=self.rows.fit if self.rows else None,
        )
        measured = {name: one.measure(churned) for name, one in compared.items()}
        self.run.log_folds(measured)
        seeds = self._repeat(parameters, matrix, churned, customers)
        self.progress.stage("fitting")
        classifier = self.rows.fit(served, None) if self.rows else clone(served).fit(matrix, churned)
        few = evaluation.subsample(len(churned), seed=self.settings.seed, most=evaluation.COMPARED_ROWS)
        linear = clone(candidates[model.LINEAR]).fit(matrix[few], churned[few])
        self.progress.step()
        ours, simple = compared[model.SERVED], compared[model.LINEAR]
        outcomes, chosen_for = churned[ours.rows], None if customers is None else customers[ours.rows]
        calibration, log_loss = calibrators.choose(ours.whole, outcomes, ours.fold)
        probability = calibration.apply(ours.whole)
        return FittedModel(
            classifier=model.plain(classifier),
            calibration=calibration,
            policy=self._decide(probability, outcomes, chosen_for),
            linear=linear,
            linear_policy=self._decide(simple.whole, outcomes, chosen_for),
            chosen_on=(probability, outcomes),
            chosen_for=chosen_for,
            folds=measured,
            surely_ahead=fold_comparison.surely_ahead(compared, model.SERVED, churned, customers),
            seeds=seeds,
            log_loss=log_loss,
            parameters=parameters,
            tuning=tuned,
        )

    def _repeat(
        self, parameters: dict[str, int | float], matrix: Matrix, churned: Labels, customers: Rows | None
    ) -> list[dict[str, float]]:
        self.progress.stage("fitting with ten other seeds")
        found = evaluation.repeat(
            lambda seed: self._served(parameters, seed),
            matrix,
            churned,
            customers,
            seed=self.settings.seed,
            on_fit=self.progress.step,
        )
        return list(found)

    def _search(
        self, matrix: Matrix, churned: Labels, folds: Folds, customers: Rows | None
    ) -> tuple[dict[str, int | float], Tuning | None]:
        search = partial(sampled_search.run, table=self.rows) if self.rows else parameter_search.run
        return search(
            lambda parameters: self._served(parameters, self.settings.seed),
            (matrix, churned, folds, customers),
            settings=self.settings,
            progress=self.progress,
            on_trial=self.run.log_trial,
        )

    def _served(self, parameters: dict[str, int | float], seed: int) -> XGBClassifier:
        return model.served(
            parameters=parameters, constraints=self.constraints, seed=seed, threads=self.settings.threads
        )

    def _decide(self, probability: Vector, churned: Labels, customers: Rows | None) -> RiskPolicy:
        return cost_policy.choose(self.costs, probability, churned, customers) if self.costs else RiskPolicy()


def _whole(settings: FitSettings, contract: Contract) -> Prepared:
    """Read the table as a whole, and split it."""
    dataset = datasets.load(settings, contract)
    split = _split(dataset, settings, contract)
    contract = learned_levels.learn(dataset, split, contract)
    warnings = leakage.check(dataset, split, contract, stop=settings.on_leak == "stop")
    taken = dataset_split.take(dataset, split, contract, others=settings.slices, seed=settings.seed)
    counts = np.stack([np.bincount(churned, minlength=2) for churned in (taken.churned, taken.test.churned)])
    return Prepared(dataset, taken, contract, [*warnings, *repeats.doubts(taken.test.customers, counts, taken.told)])


def _split(dataset: Dataset, settings: FitSettings, contract: Contract) -> Split:
    churned, groups, seed = dataset.churned, dataset.groups, settings.seed
    if dataset.moments is not None:
        split = splitting.as_known(churned, dataset.moments)
    elif dataset.times is not None:
        column = time_column.read(dataset.times, form=settings.time_format, usual_form=dataset.time_format)
        if column.taken_for:
            logger.warning("--time-column %s: its numbers were taken for %s", column.name, column.taken_for)
        split = splitting.by_time(churned, column)
    elif groups is not None:
        return grouping.at_random(churned, groups, seed=seed)
    else:
        return hash_split.at_random(churned, row_hash.of(dataset.features, contract), seed=seed)
    return split if groups is None else grouping.apart(split, churned, groups, seed=seed)


def _steps(settings: FitSettings) -> int:
    on_folds = len(model.ALGORITHMS) * splitting.FOLDS
    return parameter_search.steps(settings.trials) + on_folds + evaluation.SEEDS + 1 + _JUDGING
