"""The part of manifest.json that says where the training rows came from."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class Reported(BaseModel):
    """Who reported the outcomes of live rows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trusted: list[str] | None
    """The reporters whose outcomes counted, as named for the fit; None for all."""
    rows: dict[str, int]
    """Rows by reporter: training rows, test rows and rows left out."""
    test_rows: dict[str, int]
    """Test rows by reporter."""
    contradicted_predictions: int
    """Predictions that were left out, because these reporters disagreed on their outcome."""


class LiveRows(BaseModel):
    """Rows from the prediction log: customers that the service predicted, with their outcomes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    rows: int = Field(ge=1)
    """All rows: training rows, test rows and rows left out."""
    first_made_at: AwareDatetime
    last_made_at: AwareDatetime
    left_out_rows: int = Field(ge=0)
    """Predictions older than the first test row that could not be used for training by then; in neither set."""
    predictions: int
    """Predictions in the same period, with or without outcome."""
    outcomes: int
    """Outcomes of these predictions."""
    newest_outcome_share: float
    """Share of the newest fifth of the predictions that has an outcome."""
    older_outcome_share: float
    """The same share of all older predictions."""
    without_inputs: int
    """Outcomes that cannot be used for training, because the customer's values were not logged."""
    other_contract: int
    """Outcomes that cannot be used for training, because logged values of this contract are missing."""
    models: dict[str, int]
    """Rows by version of the model that made the prediction."""
    canary_rows: int
    """Rows predicted by a canary, according to history.jsonl."""
    outcome_known_when: Literal["recorded", "observed"]
    mature_after_days: float
    """Predictions younger than this were not used for training; 0 means no limit."""
    days_until_known: dict[Literal["churned", "stayed"], float]
    """Median time from prediction to outcome."""
    reported: Reported | None = Field(default=None, exclude_if=lambda reported: reported is None)
    """None in manifests from before reporters were stored; it is then not written, so these stay unchanged."""


class Provenance(BaseModel):
    """Where the training rows came from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    query: str | None
    rows: int = Field(ge=1)
    rejected_rows: int = Field(ge=0)
    sha256: str
    live: LiveRows | None = Field(default=None, exclude_if=lambda live: live is None)
    """None without rows from the prediction log; it is then not written, so older manifests stay unchanged."""
    customers: int | None = Field(default=None, exclude_if=lambda customers: customers is None)
    """Number of customers that the rows are of; None, and not written, if rows were not grouped by customer."""
