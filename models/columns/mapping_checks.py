"""Checks that the entries of a columns file fit the fields of the contract."""

from collections.abc import Iterator
from dataclasses import replace

from models.columns.origins import Source
from models.customer import checks, parsing
from models.customer.contract import Contract
from models.customer.feature import Feature


def problems(contract: Contract, sources: dict[str, Source]) -> Iterator[str]:
    """Yield a sentence for each entry that does not fit its field."""
    for feature in contract.features:
        if source := sources.get(feature.name):
            yield from _problems(feature, source)


def _problems(feature: Feature, source: Source) -> Iterator[str]:
    name = feature.name
    if source.age_at is not None and not feature.is_age:
        declared = f'{name}: Annotated[float, declaration.Age("days")]'
        yield f"[features] gives {name} an age_at, but it is no age; declare {declared} in models/features.py"
    if source.operands and feature.kind not in ("integer", "number"):
        yield f"[features] makes {name} of numbers, but it is a {feature.kind}; give it one column"
    if source.default is not None:
        value = parsing.read(feature, [source.default])
        broken = checks.find_violations(Contract((replace(feature, at_least=None),)), {name: value})
        if broken:
            yield f"[features] gives {name} the default {source.default!r}, but: {', '.join(broken)}"
