"""Writes what was found in a table, what each column became, and which commands come next."""

import shlex
from collections.abc import Sequence

from models import plain_text
from models.columns.origins import Target
from training.contracts import draft_kinds, draft_source, draft_target
from training.contracts.draft_check import Tried
from training.contracts.draft_files import COLUMNS, FEATURES, Draft, style_lines
from training.contracts.draft_kinds import Decision, Field
from training.contracts.draft_profile import KEPT, Profile
from training.contracts.settings import DraftSettings

_LONGEST = 40
_MINE = "training/columns/mine.toml"


def text(settings: DraftSettings, made: Draft, outcome: Profile, *, sample: int, tried: Tried, odd: str) -> str:
    """Return the report; `sample` is the number of rows that were looked at for signs of a leak.

    `odd` says why a line may be no customer.
    """
    rows = [("column", "became", "why"), *(_row(name, decision, made) for name, decision in made.decisions.items())]
    lines = [
        f"{made.source}: {outcome.rows:,} rows. {_outcome(made, outcome)}",
        *([f"How it is written: {', '.join(style_lines(made.style))}"] if style_lines(made.style) else []),
        *_sampled(outcome.rows, sample),
        "",
        *_aligned(rows),
        "",
        _tried(made, tried, outcome.rows),
        *_warnings(made, outcome, odd),
        f"Read {settings.output_dir / FEATURES} and {settings.output_dir / COLUMNS}, correct them, and then:",
        *(f"    {command}" for command in _commands(settings)),
    ]
    return "\n".join(lines)


def _outcome(made: Draft, outcome: Profile) -> str:
    share = draft_target.share(outcome, made.target)
    return f'"{outcome.name}" is the outcome, and {_named(made.target)} churn: {share:.1%} of the rows.'


def _named(target: Target) -> str:
    listed = target.positive if isinstance(target.positive, list) else [target.positive]
    return f"{' and '.join(repr(str(value)) for value in listed)} {'mean' if len(listed) > 1 else 'means'}"


def _tried(made: Draft, tried: Tried, rows: int) -> str:
    fields = f"{len(made.fields)} field{'s' if len(made.fields) > 1 else ''}"
    first = "the first " if tried.rows < rows else ""
    return f"{fields}; {tried.fitting:,} of {first}{tried.rows:,} rows fit."


def _sampled(rows: int, sample: int) -> list[str]:
    if rows <= sample:
        return []
    close = f"ids and dates from the first {KEPT:,} different values of a column"
    leaks = f"signs of a leak and ages from the first {sample:,} rows"
    return [f"Bounds, levels and missing cells come from all rows, {close}, and {leaks}."]


def _row(name: str, decision: Decision, made: Draft) -> tuple[str, str, str]:
    shown = name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..."
    if not isinstance(decision, Field):
        return shown, "never a feature" if decision.is_forbidden else "left out", decision.why
    bounds = f" {decision.bounds[0]:g} to {decision.bounds[1]:,g}" if decision.bounds else ""
    nullable = " or unknown" if decision.is_nullable else ""
    kind = decision.kind.replace(draft_kinds.OPEN_CATEGORY, "open category")
    kind = "category" if decision.levels else "age in days" if decision.age_at else kind
    return shown, f"{made.names[name]}: {kind}{bounds}{nullable}", decision.why


def _warnings(made: Draft, outcome: Profile, odd: str) -> list[str]:
    leaks = [name for name, decision in made.decisions.items() if decision.why == draft_kinds.LEAK]
    found = []
    if leaks:
        listed = ", ".join(f'"{name}"' for name in leaks)
        found.append(f"Warning: {listed} tells the outcome, and so became no feature.")
    if outcome.missing:
        rows = f"{outcome.missing:,} row{'s' if outcome.missing > 1 else ''}"
        found.append(f"Warning: the outcome is unknown in {rows}, not learned from.")
    if odd:
        found.append(
            f"Warning: {odd}. If a line is no customer, such as one of totals, remove it: it widens bounds, and may "
            "let fields be unknown."
        )
    return found


def _commands(settings: DraftSettings) -> list[str]:
    copies = [f"cp {settings.output_dir / FEATURES} models/features.py", f"cp {settings.output_dir / COLUMNS} {_MINE}"]
    if draft_source.is_database(settings):
        return [*copies, f".venv/bin/python -m training fit --data URL --query SQL --columns {_MINE}"]
    return [*copies, f"make train DATA={shlex.quote(settings.data)} COLUMNS={_MINE}"]


def _aligned(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    safe = [tuple(map(plain_text.one_line, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*safe, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in safe]
