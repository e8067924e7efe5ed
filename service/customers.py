"""Customers as clients send them: the features of `models.features`, and a name for those who are to keep one model.

The name is no feature: it is neither logged nor stored, and no model sees it.
"""

from pydantic import BaseModel, ConfigDict, Field

from models.features import CONTRACT, CustomerFeatures

MAX_BATCH_ROWS, MAX_EXPLAINED_ROWS = 10_000, 2_000
"""In a batch, and in one that is explained, which takes thirty times as long: other batches wait a second at most."""


class Customer(CustomerFeatures):
    """One customer on the day of the prediction."""

    customer_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description=(
            "Your name for the customer, if you like. While a second model answers a share of the customers, those "
            "with a name keep one model from request to request, and those without are left to the first. It serves "
            "nothing else: it is not predicted from, logged or stored."
        ),
        examples=["C-1047"],
    )


class Batch(BaseModel):
    """Customers to be predicted together."""

    model_config = ConfigDict(
        frozen=True,
        use_attribute_docstrings=True,
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"customers": [CONTRACT.example]}]},
    )

    customers: list[Customer] = Field(min_length=1, max_length=MAX_BATCH_ROWS)
    """One to 10,000 customers; one that breaks a rule refuses them all."""
