"""Request models: the features of `models.features` and an optional `customer_id`.

`customer_id` is not a feature, and no model gets it. The log stores a keyed digest of it, never the id itself.
"""

from pydantic import BaseModel, ConfigDict, Field

from models.customer.kinds.levels import MOST, Levels
from models.features import CONTRACT, CustomerFeatures

MAX_BATCH_ROWS, MAX_EXPLAINED_ROWS = 10_000, 2_000
"""Most customers in a batch, and in a batch with explanations, which takes thirty times as long: other batches wait a
second at most."""

LEVELS: dict[int | str, Levels] = {
    feature.name: Levels(feature.categories) for feature in CONTRACT.features if len(feature.categories) > MOST
}
"""The categories that have too many levels to name them all in an error."""


class Customer(CustomerFeatures):
    """One customer on the day of the prediction."""

    customer_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description=(
            "Your id of the customer, optional. While a canary answers a share of the customers, the same id always "
            "gets the same model, and customers without an id get the champion. The prediction log stores a keyed "
            "digest of the id, unless its operators switch that off, so that monitoring and training count a customer "
            "once. The id itself is never logged or stored, and it is no input of the model."
        ),
        examples=["C-1047"],
    )


class Batch(BaseModel):
    """Customers to predict in one request."""

    model_config = ConfigDict(
        frozen=True,
        use_attribute_docstrings=True,
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"customers": [CONTRACT.example]}]},
    )

    customers: list[Customer] = Field(min_length=1, max_length=MAX_BATCH_ROWS)
    """One to 10,000 customers; if one breaks a rule, the whole batch is rejected."""
