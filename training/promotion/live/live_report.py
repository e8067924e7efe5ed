"""Describes the result of a trial, as text for a terminal."""

from collections.abc import Iterator

from training.promotion import paired_comparison
from training.promotion.live.live_comparison import LiveComparison

_NOTE = "the champion answers all customers without an id, so the two models may answer different customers"


def describe(trial: LiveComparison) -> str:
    """Describe the result, one fact per line."""
    return "\n".join(_lines(trial))


def _lines(trial: LiveComparison) -> Iterator[str]:
    (champion, challenger), mode = trial.read.records, trial.challenger.mode
    result = "is better" if trial.better else "is not significantly better"
    yield f"{challenger.version} {result} than {champion.version}: {mode} since {trial.since:%Y-%m-%d %H:%M} UTC"
    for role, record in (("champion", champion), ("challenger", challenger)):
        more = f"; {record.repeated:,} further ones of the same customers do not count" if record.repeated else ""
        known = len(record.known().churned)
        yield f"  {role:<11}{len(record.churned):,} predictions, {known:,} with an outcome{more}"
    if trial.read.contradicted:
        yield f"  {trial.read.contradicted:,} predictions without a known outcome, because reporters disagree"
    for metric, gain in trial.gains.items():
        found, title = gain.difference, paired_comparison.TITLES[metric]
        doubt = f"; {found.doubt}" if found.doubt else ""
        both = f"{found.champion:.4f} and {found.challenger:.4f}"
        yield f"  {title:<16}{both}, better by {paired_comparison.signed(gain.better_by)}{doubt}"
    yield from (f"  {name} {value:.3f}" for name, value in trial.apart.items())
    if mode == "canary" and not trial.read.is_random:
        yield f"  {_NOTE}"
    if trial.is_nested:
        yield f"  the intervals hold at every look; they are narrowest at {trial.horizon_rows:,} outcomes"
    else:
        yield "  with --since the period moves from look to look, so the intervals are for one look only"
