"""Advances a canary by one step, keeps it as it is, or withdraws it; a timer calls this.

On any doubt the canary stays as it is. Each step is compared by its own customers, because with a changing share, those
of the two models would come from different times. The level of 5 % is divided among the steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from models import durations
from models.bundles import pin_changes, pins
from models.bundles.pins import BundleRef, Pin
from models.customer.contract import Contract
from models.features import CONTRACT
from training.promotion import mlflow_registry, paired_comparison
from training.promotion.errors import TooFewOutcomes, TrialChanged
from training.promotion.live import guardrails, live_comparison, live_gains
from training.promotion.live.live_comparison import LiveComparison
from training.promotion.live.live_gains import LiveGain
from training.promotion.live.settings import AdvanceSettings
from training.settings import CompareLiveSettings

_NOT_RANDOM = (
    "its logged customers have no digest (SERVICE_LOG_CUSTOMERS=false), so those assigned at random cannot be told "
    "from others, and one who is predicted often counts often"
)

Action = Literal["advance", "promote", "withdraw", "hold"]


@dataclass(frozen=True)
class Decision:
    """What becomes of the canary, and why."""

    version: str
    share: float
    """Of the customers, so far."""
    action: Action
    why: str
    next_share: float = 0
    """After an advance."""

    @property
    def sentence(self) -> str:
        """The decision in words."""
        words = {
            "advance": f"advances from {self.share:.0%} to {self.next_share:.0%} of the customers",
            "promote": "is the champion now",
            "withdraw": f"is withdrawn from {self.share:.0%} of the customers",
            "hold": f"stays at {self.share:.0%} of the customers",
        }
        return f"canary {self.version} {words[self.action]}: {self.why}"


def advance(
    settings: AdvanceSettings, *, contract: Contract = CONTRACT, now: datetime | None = None
) -> Decision | None:
    """Decide about the canary, and change the pin if it does not stay as it is; None if there is no canary.

    Raises:
        GuardrailsUnreadable, BundleError, LogUnsupported, LogMissing, LogUnreadable: it cannot be told how it fares.
        HistoryUnclear: it cannot be told since when.
        TrialChanged: another process changed the pin meanwhile.
    """
    pin, now = pins.read(settings.models_dir), now or datetime.now(UTC)
    if (canary := pin.challenger) is None or canary.mode != "canary":
        return None
    step_age = now - live_comparison.began(settings.models_dir, pin, canary)
    found = guardrails.judge(settings, champion=pin.version, canary=canary.version, step_age=step_age)
    if found and found.action == "withdraw":
        decision = Decision(canary.version, canary.share, "withdraw", found.why)
    else:
        decision = _judge_losses(canary, settings, contract, now)
        if found and decision.action != "withdraw":
            decision = Decision(canary.version, canary.share, "hold", found.why)
    if decision.action != "hold":
        _apply(decision, pin, settings)
    return decision


def _judge_losses(canary: pins.Challenger, settings: AdvanceSettings, contract: Contract, now: datetime) -> Decision:
    try:
        trial = live_comparison.compare(_compared(settings), contract=contract, now=now)
    except TooFewOutcomes as error:
        return Decision(canary.version, canary.share, "hold", error.problem)
    if not trial.read.is_random:
        return Decision(canary.version, canary.share, "hold", _NOT_RANDOM)
    gains = live_gains.judge(
        {metric: gain.difference for metric, gain in trial.gains.items()},
        horizon_rows=settings.horizon_rows,
        level=live_gains.LEVEL / len(settings.steps),
    )
    if worse := _named(gains, [metric for metric, gain in gains.items() if gain.is_surely_worse]):
        return Decision(canary.version, canary.share, "withdraw", f"it is worse in {worse}")
    return Decision(canary.version, canary.share, *_next(trial, gains, settings, now))


def _next(
    trial: LiveComparison, gains: Mapping[str, LiveGain], settings: AdvanceSettings, now: datetime
) -> tuple[Action, str, float]:
    """Return what becomes of a canary that is not worse, why, and its next share."""
    share, waited = trial.challenger.share, now - trial.since
    after = f"after {_outcomes(trial)} outcomes at {share:.0%}"
    further = next((step for step in settings.steps if step > share), None)
    if waited < durations.parse(settings.step_for):
        return "hold", f"{waited.total_seconds() / 3600:.0f} h at this step, of at least {settings.step_for}", share
    if further is None:
        return "hold", "it is at the last step", share
    if further < 1:
        return "advance", f"not worse {after}", further
    if not live_gains.is_better(gains):
        return "hold", f"not significantly better {after}", share
    better = _named(gains, [metric for metric, gain in gains.items() if gain.is_better])
    return "promote", f"better in {better}, {after}", further


def _compared(settings: AdvanceSettings) -> CompareLiveSettings:
    """Return the settings of a comparison since the last step."""
    same = {name: getattr(settings, name) for name in CompareLiveSettings.model_fields if name != "since"}
    return CompareLiveSettings(**same, since=None)


def _named(gains: Mapping[str, LiveGain], metrics: list[str]) -> str:
    told = (f"{paired_comparison.TITLES[one]} by {abs(gains[one].difference.better_by):.4f}" for one in metrics)
    return ", ".join(told)


def _outcomes(trial: LiveComparison) -> str:
    champion, challenger = (len(record.known().churned) for record in trial.read.records)
    return f"{challenger:,} and the champion's {champion:,}"


def _apply(decision: Decision, judged: Pin, settings: AdvanceSettings) -> None:
    """Change the pin, if it is still the one that was judged."""
    with pin_changes.alone(settings.models_dir) as locked:
        if (pin := pins.read(settings.models_dir)) != judged or (canary := pin.challenger) is None:
            raise TrialChanged(version=decision.version)
        why = f"by itself: {decision.why}"
        if decision.action == "advance":
            further = canary.model_copy(update={"share": decision.next_share})
            locked.write(pin.model_copy(update={"challenger": further}), about=canary, change="challenge", why=why)
        elif decision.action == "promote":
            named = BundleRef(version=canary.version, digest=canary.digest)
            locked.write(Pin(**dict(named)), about=named, change="promote", why=why)
        else:
            locked.write(pin.model_copy(update={"challenger": None}), about=canary, change="withdraw", why=why)
    if decision.action == "promote":
        mlflow_registry.mark_champion(decision.version, settings)
