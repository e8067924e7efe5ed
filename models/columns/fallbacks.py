"""Makes features of what a table has instead of their columns: the column of an earlier name, or a default."""

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from models.columns import errors
from models.columns.origins import Source
from models.customer.contract import Contract
from models.customer.history import old_names

_NO_COLUMNS: dict[str, Any] = {"column": None, "age_at": None, "sum": [], "difference": [], "ratio": []}

logger = logging.getLogger(__name__)


def named_twice(contract: Contract, names: Collection[str]) -> list[str]:
    """Return the names of a field that are among these names more than once; empty if there is none."""
    fields = ([name for name in (one.name, *one.formerly) if name in names] for one in contract.features)
    return next((found for found in fields if len(found) > 1), [])


def of_today(contract: Contract, sources: Mapping[str, Source]) -> dict[str, Source]:
    """Return the sources under the names of today; the column of an earlier name becomes that of the name of today."""
    names = {old: feature.name for feature in contract.features for old in feature.formerly if old in sources}
    return {
        names.get(name, name): source.model_copy(update={"column": names[name]})
        if name in names and source.column == name
        else source
        for name, source in sources.items()
    }


def renamed(contract: Contract, sources: Mapping[str, Source], present: Sequence[str]) -> dict[str, Source]:
    """Return the sources of the features whose own column is present only under an earlier name."""
    old = old_names.present(contract, present)
    own = {name: sources.get(name) or Source(column=name) for name in old}
    return {
        name: source.model_copy(update={"column": old[name]}) for name, source in own.items() if source.column == name
    }


def defaults(contract: Contract, sources: Mapping[str, Source], present: Sequence[str]) -> dict[str, Source]:
    """Return the sources of the features that have a default in place of missing columns, and log each."""
    found = {}
    for name, source in sources.items():
        if name in contract.names and source.default is not None and (missing := source.missing(present)):
            listed = ", ".join(f'"{column}"' for column in missing)
            logger.warning(
                "%s is %r in all rows, the default, because the table has no column %s", name, source.default, listed
            )
            found[name] = source.model_copy(update=_NO_COLUMNS)
    return found


def left_out(
    contract: Contract, sources: Mapping[str, Source], present: Sequence[str], *, target: str
) -> dict[str, Source]:
    """Return the sources of the features that clients may leave out and the table does, and log each.

    Such a feature has the default of its field in all rows; None is unknown. A feature with an entry in the columns
    file is not among them. If the table has no feature at all, none is returned.
    """
    used = {target, *(column for source in sources.values() for column in source.columns), *contract.names}
    if not used.difference({target}).intersection(present):
        return {}
    found = {}
    for feature in contract.features:
        name = feature.name
        if feature.required or name in sources or name in present:
            continue
        near = errors.nearest(name, [column for column in present if column not in used])
        hint = f'; the nearest column is "{near}"' if near else ""
        value = "unknown" if feature.default is None else f"{feature.default!r}"
        logger.warning(
            '%s is %s in all rows, the default, because the table has no column "%s"%s', name, value, name, hint
        )
        found[name] = Source(column=name).model_copy(update=_NO_COLUMNS | {"default": feature.default})
    return found
