"""The customer features: fields of API requests, columns of the training data and columns of the drift job.

This is THE ONE FILE to edit for another data set: replace the fields below and run `make train`. Numbers need a lower
and an upper bound, categories are a `Literal`, and a value that may be unknown is `| None`. A `phrase` describes a
value in reasons: `{value}` stands for the value, or for its label, and `{s}` for the plural "s".
"""

from typing import Annotated, Literal

from pydantic import Field

from models.customer import declaration


class CustomerFeatures(declaration.Features):
    """One customer on the day of the prediction."""

    tenure_months: int = Field(
        ge=0,
        le=120,
        description="Time since the contract began.",
        examples=[4],
        json_schema_extra={"unit": "months", "phrase": "a tenure of {value} month{s}"},
    )
    monthly_charges: float = Field(
        ge=0,
        le=500,
        description="The current monthly bill.",
        examples=[89.5],
        json_schema_extra={"unit": "USD", "phrase": "a monthly bill of {value} USD"},
    )
    total_charges: Annotated[float | None, declaration.AtLeast("monthly_charges")] = Field(
        ge=0,
        le=1_000_000,
        description="Everything billed so far, at least one monthly bill; null for a customer not billed yet.",
        examples=[358.0],
        json_schema_extra={"unit": "USD", "phrase": "a total of {value} USD billed so far"},
    )
    support_tickets: int = Field(
        ge=0,
        le=100_000,
        description="Support tickets opened so far.",
        examples=[3],
        json_schema_extra={"unit": "tickets", "phrase": "having {value} support ticket{s}"},
    )
    contract_type: Literal[0, 1, 2] = Field(
        description="Kind of contract: 0 month-to-month, 1 one-year, 2 two-year.",
        examples=[0],
        json_schema_extra={
            "labels": ["month-to-month", "one-year", "two-year"],
            "phrase": "a {value} contract",
        },
    )


CONTRACT = declaration.derive(CustomerFeatures)
