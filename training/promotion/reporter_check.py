"""Checks that no single reporter gave nearly all outcomes of a challenger's live rows, unless a person trusts it.

Whoever gives the outcomes of training and test rows decides what the model learns, and that the gate finds it better.
"""

from collections.abc import Iterator, Mapping

from models.bundles.format.provenance import LiveRows
from training.promotion.gate_result import Check

_NAME = "reporters of live rows"
_UNKNOWN = (
    "its manifest does not say who reported the outcomes of its live rows: fit it again, and name the reporters that "
    "you trust with `fit --trusted-reporters`"
)


def check(live: LiveRows | None, *, max_share: float) -> Iterator[Check]:
    """Check training and test rows on their own; a reporter that the fit was told to trust may give all of them."""
    if live is None:
        return
    allowed = f"below {max_share:.0%} from one, or trusted"
    if live.reported is None:
        yield Check(_NAME, allowed, passed=False, reason=_UNKNOWN)
        return
    found = {"live rows": _largest(live.reported.rows), "test rows": _largest(live.reported.test_rows)}
    trusted = live.reported.trusted or ()
    excessive = [
        (part, name, share) for part, (name, share) in found.items() if share >= max_share and name not in trusted
    ]
    reasons = [
        f"{name} reported {share:.1%} of the {part}: if these outcomes are right, repeat the `fit` or "
        f"`recalibrate` with --trusted-reporters and {name} among the names"
        for part, name, share in excessive
    ]
    told = ", ".join(f"{name} {share:.0%} of {part}" for part, (name, share) in found.items())
    yield Check(_NAME, allowed, passed=not reasons, reason="; ".join(reasons), challenger=told)


def _largest(rows: Mapping[str, int]) -> tuple[str, float]:
    name = max(rows, key=rows.__getitem__)
    return name, rows[name] / sum(rows.values())
