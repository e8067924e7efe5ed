"""The shipped contract after a year of changes: what the functions that take a contract are given."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from models.customer.contract import Contract
from models.customer.feature import Feature
from models.features import CONTRACT

REGION = Feature(
    name="region",
    kind="category",
    nullable=True,
    limits={},
    categories=("north", "south"),
    labels=("north", "south"),
    at_least=None,
    unit=None,
    description="Of the customer.",
    phrase="",
    example="north",
    required=False,
)
COUNTRY = replace(
    REGION,
    name="country",
    kind="open_category",
    categories=(),
    labels=(),
    example="DE",
    most_levels=2,
    unseen="unknown",
)


def after(
    *, added: Collection[Feature] = (REGION,), renamed: Mapping[str, str] | None = None, without: Collection[str] = ()
) -> Contract:
    """Return the contract with more fields, with fields that were renamed (old name to new one), and without some."""
    names = renamed or {}
    kept = [
        replace(feature, name=names[feature.name], formerly=(feature.name,)) if feature.name in names else feature
        for feature in CONTRACT.features
        if feature.name not in without
    ]
    return Contract((*kept, *added))


def priced_in(unit: str) -> Contract:
    """Return the contract with another unit of a field."""
    return Contract(
        tuple(
            replace(feature, unit=unit) if feature.name == "monthly_charges" else feature
            for feature in CONTRACT.features
        )
    )
