"""The schema of manifest.json: everything that is recorded about a trained model."""

from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from models.bundles import recalibration
from models.bundles.calibration import Calibration, Method, Recalibrated
from models.bundles.format import bundle_files
from models.bundles.format.provenance import Provenance
from models.bundles.pins import VERSION
from models.bundles.quality import Figure
from models.bundles.risk import RiskPolicy
from models.bundles.segments import Segment

FORMAT_VERSION = 2
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256."""


class Interval(BaseModel):
    """A 95 % confidence interval."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    low: float
    high: float


class Ahead(Interval):
    """By how much the mean ROC-AUC of another algorithm is higher on the folds, with its 95 % interval."""

    value: float


class MetricSpread(BaseModel):
    """A metric over several fits: its mean, its standard deviation, and the 95 % interval of the mean (Student's t)."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    mean: float
    deviation: float
    low: float
    high: float


class Confusion(BaseModel):
    """Confusion matrix of the test set at the policy's decision threshold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    true_negatives: int
    false_positives: int
    false_negatives: int
    true_positives: int


class CalibrationComparison(BaseModel):
    """Comparison of the calibration methods."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    log_loss: dict[Method, float]
    """Log loss of each method on the folds; each row is scored with a map that was fitted without it."""
    before: dict[str, float]
    """Metrics on the test set without calibration."""


class CostSummary(BaseModel):
    """Uncertainty of the policy's bounds, and the cost of its decisions on the test set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bounds_from: Literal["prices", "folds"] = Field(default="folds", exclude_if=lambda chosen: chosen == "folds")
    """`prices`: the bounds are the break-even of the costs, because the model is calibrated. `folds`: they cost least
    on out-of-fold rows, as in all manifests from before this was decided, which stay unchanged."""
    bounds: dict[Literal["medium_from", "high_from"], Interval]
    """Intervals of the bounds that cost least, by bootstrap over the out-of-fold rows."""
    cost: dict[str, Figure]
    """Cost per customer of the test set, by what decides: this model, a simpler one, or no model."""
    saved: dict[str, Figure]
    """Cost per customer that this model saves compared with each alternative, on the same customers."""


class Importance(BaseModel):
    """Importance of a feature for the model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gain: float = Field(ge=0)
    """Share of the total gain of all splits in training."""
    permutation: float
    """Loss of ROC-AUC on the test set when the feature's values are permuted."""


class Tuning(BaseModel):
    """Result of the search for parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trials: int
    pruned: int
    log_loss: float
    """Log loss of the best trial on the folds."""


class Description(BaseModel):
    """All that training records about a model: the manifest without version, time and files.

    The same training gives the same description.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    format_version: int = FORMAT_VERSION
    fingerprint: str
    features: list[dict[str, Any]]
    levels: dict[str, dict[str, Annotated[int, Field(ge=1)]]] = Field(
        default_factory=dict, exclude_if=lambda levels: not levels
    )
    """Levels of each open category in the training rows, with their counts. Without open categories, it is not written,
    so older manifests stay unchanged."""
    data: Provenance
    split: str
    """How the test set was held out, in words."""
    policy: RiskPolicy
    calibration: Calibration
    recalibrated: Recalibrated | None = Field(default=None, exclude_if=lambda recalibrated: recalibrated is None)
    """None, and not written, if the map was fitted with the trees. Else `data` has the rows of map and test set."""
    metrics: dict[str, float]
    """Metrics on the test set, by name."""
    intervals: dict[str, Interval]
    """Confidence intervals of the metrics, by bootstrap over the test set."""
    confusion: Confusion
    calibrated: CalibrationComparison
    priced: CostSummary | None
    """None if no costs were given."""
    cross_validation: dict[str, dict[str, MetricSpread]]
    """Metrics of each algorithm on the training rows: by algorithm, then by metric."""
    surely_ahead: dict[str, Ahead] = Field(default_factory=dict, exclude_if=lambda others: not others)
    """Algorithms whose ROC-AUC on the folds is surely higher. Without one, it is not written, so that programs of
    earlier versions can read the manifest."""
    seeds: dict[str, MetricSpread]
    """Metrics of the served algorithm on the training rows, split and fitted again with other seeds."""
    slices: list[Segment]
    """Figures on the test set by group of customers."""
    differences: dict[str, dict[str, float]]
    """Largest difference between the groups of a column in selection rate, false positive rate and false negative
    rate."""
    importance: dict[str, Importance]
    warnings: list[str]
    """Findings of the checks for leaks, one sentence each."""
    parameters: dict[str, int | float]
    """Parameters of the fit, as XGBoost names them."""
    constraints: dict[str, int]
    """Monotone constraints of features: 1 for a rising effect, -1 for a falling one."""
    tuning: Tuning | None
    """None if the default parameters were used."""
    parity_difference: float
    """Largest difference in probability between graph and booster on the test set."""
    libraries: dict[str, str]

    @property
    def has_recalibration(self) -> bool:
        """Whether calibration was measured by a recalibration; older models have the error of ten bins instead."""
        return self.metrics.keys() >= set(recalibration.FIGURES)


class Manifest(Description):
    """The description of a published model, its version, its time of training and the SHA-256 of each file."""

    version: str = Field(pattern=VERSION)
    trained_at: AwareDatetime
    files: dict[str, Digest]

    @property
    def description(self) -> Description:
        """All but version, time and files."""
        return Description(**{field: getattr(self, field) for field in Description.model_fields})

    @model_validator(mode="after")
    def _files_are_known(self) -> Self:
        if problem := bundle_files.find_problem(self.files):
            raise ValueError(f"files: {problem}")
        return self

    @model_validator(mode="after")
    def _levels_are_complete(self) -> Self:
        names = [feature.get("name") for feature in self.features if feature.get("kind") == "open_category"]
        if missing := [name for name in names if name not in self.levels]:
            raise ValueError(f"levels: those of {missing[0]} are missing")
        return self
