"""Errors of the columns file.

ColumnsError
├── MappingInvalid        the columns file is invalid
├── ColumnMissing         a column that the mapping or an option names is not in the source
├── TargetAmongFeatures   a feature reads the target or a column of `never_features`
└── TargetUnclear         the target does not hold exactly two values, one of them the positive one
"""

from collections.abc import Sequence
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
        known = {name.casefold(): name for name in present}
        near = {name: get_close_matches(name.casefold(), known, n=1) for name in missing}
        meant = [f'"{known[found[0]]}" for "{name}"' for name, found in near.items() if found]
        hint = f" The nearest is {', '.join(meant)}." if meant else ""
        more = f" and {len(present) - _LISTED:,} more" if len(present) > _LISTED else ""
        super().__init__(
            f"the source has no column {_quoted(missing)}; it has {_quoted(present[:_LISTED])}{more}.{hint} {remedy}"
        )


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


class TargetUnclear(ColumnsError):
    """The target does not hold exactly two values, one of them the positive one."""

    def __init__(self, *, column: str, values: Sequence[str], positive: str | None) -> None:
        self.column, self.values, self.positive = column, tuple(values), positive
        listed = ", ".join(repr(value) for value in values[:5])
        near = [value for value in values if positive is not None and value.casefold() == positive.casefold()]
        if len(values) == 2 and near:
            problem = f"`positive` is {positive!r}, and only the case differs from {near[0]!r}"
            remedy = f'Write positive = "{near[0]}" under [target] in the columns file.'
        else:
            problem = f"exactly two values are needed, of which {positive!r} means churn"
            remedy = "Set `column` and `positive` under [target] in the columns file."
        super().__init__(f"target {column} holds {listed}; {problem}. {remedy}")
