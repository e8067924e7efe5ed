"""Errors of the columns file.

ColumnsError
├── MappingInvalid        the columns file is invalid
├── ColumnMissing         a column that the mapping or an option names is not in the source
├── TargetAmongFeatures   a feature reads the target or a column of `never_features`
├── ColumnUnsupported     a column holds lists, objects or bytes
└── TargetUnclear         the values of the target do not fit `positive`
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from models.errors import ModelsError

_LISTED = 20


class ColumnsError(ModelsError):
    """Base of all errors about a columns file and the table it describes."""


class MappingInvalid(ColumnsError):
    """The columns file is invalid."""

    def __init__(self, *, path: str, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. See training/columns/telco.toml for an example of a columns file.")


class ColumnMissing(ColumnsError):
    """The source lacks columns that the mapping or an option names."""

    def __init__(self, *, missing: Sequence[str], present: Sequence[str], remedy: str) -> None:
        self.missing, self.present = tuple(missing), tuple(present)
        near = {name: nearest(name, present) for name in missing}
        meant = [f'"{found}" for "{name}"' for name, found in near.items() if found]
        hint = f" The nearest is {', '.join(meant)}." if meant else ""
        more = f" and {len(present) - _LISTED:,} more" if len(present) > _LISTED else ""
        super().__init__(
            f"the source has no column {_quoted(missing)}; it has {_quoted(present[:_LISTED])}{more}.{hint} {remedy}"
        )


def nearest(name: str, present: Iterable[str]) -> str | None:
    """Return the name that is written most like another one, if there is one."""
    known = {one.casefold(): one for one in present}
    found = get_close_matches(name.casefold(), known, n=1)
    return known[found[0]] if found else None


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


class TargetAmongFeatures(ColumnsError):
    """A feature reads a column that no feature may read."""

    def __init__(self, *, feature: str, column: str) -> None:
        self.feature, self.column = feature, column
        super().__init__(
            f"feature {feature} reads column {column}, which is the target or listed under `never_features`. "
            "Name another column in the columns file."
        )


class ColumnUnsupported(ColumnsError):
    """A column holds lists, objects or bytes."""

    def __init__(self, *, feature: str, column: str, kind: str) -> None:
        self.feature, self.column, self.kind = feature, column, kind
        super().__init__(
            f'column "{column}" of feature {feature} holds {kind}, but a feature has one value for each customer. '
            "Write a number or a word in a column of its own, such as how many entries there are."
        )


class TargetUnclear(ColumnsError):
    """The values of the target do not fit `positive`."""

    def __init__(self, *, column: str, values: Sequence[str], positives: Sequence[str], is_list: bool = False) -> None:
        self.column, self.values, self.positives = column, tuple(values), tuple(positives)
        listed, meaning = ", ".join(map(repr, values[:5])), " and ".join(map(repr, positives))
        cased = {value.casefold(): value for value in positives}
        near = [value for value in values if value not in positives and value.casefold() in cased]
        remedy = "Set `column` and `positive` under [target] in the columns file."
        if near and (is_list or len(values) == 2):
            problem = f"`positive` is {cased[near[0].casefold()]!r}, and only the case differs from {near[0]!r}"
            right = f'[..., "{near[0]}"]' if is_list else f'"{near[0]}"'
            remedy = f"Write positive = {right} under [target] in the columns file."
        elif is_list:
            problem = f"at least one of {meaning} and at least one other value are needed, and at most 20 in all"
        else:
            problem = f"exactly two values are needed, of which {meaning} means churn"
            if len(values) > 2 and set(positives) & set(values):
                remedy = f'If all others mean that nobody left, write positive = ["{positives[0]}"] under [target].'
        super().__init__(f"target {column} holds {listed}; {problem}. {remedy}")
