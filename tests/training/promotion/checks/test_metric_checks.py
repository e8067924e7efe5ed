"""A difference is refused, passed, or told to be open with the rows that would tell."""

import pytest

from models.bundles.quality import Figure
from training.promotion import gate_report
from training.promotion.checks import metric_checks
from training.promotion.gate_result import Check, GateResult
from training.promotion.paired_comparison import Gain
from training.settings import PromoteSettings

SETTINGS = PromoteSettings(roc_auc_margin=0.005, brier_margin=0.002, cost_margin_fraction=0.01)


def gain(value: float, low: float, high: float, *, champion: float = 0.8) -> Gain:
    return Gain(champion, champion + value, Figure(value, low, high), low * 1.2, champion + high)


def judged(roc_auc: Gain, *, brier: Gain | None = None, rows: int = 1_000) -> GateResult:
    gains = {
        "roc_auc": roc_auc,
        "brier": brier or gain(0.0, -0.001, 0.001),
        "cost": gain(0.0, -0.5, 0.5, champion=120),
    }
    return GateResult("ours", "theirs", rows, gains, tuple(metric_checks.check(gains, rows, SETTINGS)))


def of(found: GateResult, name: str) -> Check:
    (check,) = (one for one in found.checks if one.name == name)
    return check


@pytest.mark.parametrize(
    ("found", "decision"),
    [
        (judged(gain(0.01, 0.002, 0.02)), "promoted"),
        (judged(gain(0.001, -0.004, 0.02)), "refused"),
        (judged(gain(0.001, -0.02, 0.022)), "cannot tell"),
        (judged(gain(-0.02, -0.03, -0.001)), "refused"),
        (judged(gain(0.01, 0.002, 0.02), brier=gain(0.0, -0.01, 0.01)), "cannot tell"),
        (judged(gain(0.001, -0.02, 0.022), brier=gain(-0.01, -0.02, -0.001)), "refused"),
    ],
    ids=["better", "no better", "open", "worse", "better, the Brier score open", "open, the Brier score worse"],
)
def test_a_sample_that_is_too_small_is_told_apart_from_a_worse_model(found: GateResult, decision: str) -> None:
    assert found.decision == decision
    assert found.promoted == (decision == "promoted")


def test_the_rows_that_would_tell_are_those_that_make_the_interval_narrow_enough() -> None:
    found = gain(0.001, -0.011, 0.013)  # 0.012 to each side, and 0.006 are left to the margin: half the width
    assert metric_checks.rows_to_tell(found, 0.005, 1_000) == pytest.approx(4_000)
    worse = gain(-0.004, -0.012, 0.004)  # 0.008 to each side, and half of it to the gain; an eighth to the margin
    assert metric_checks.rows_to_tell(worse, 0.005, 1_000) == pytest.approx(4_000)


def test_report_and_reason_say_that_the_rows_cannot_tell() -> None:
    found = judged(gain(0.001, -0.011, 0.013))
    check = of(found, "ROC-AUC not worse")
    assert check.reason == (
        "ROC-AUC may be worse by 0.011, more than 0.005, or better by 0.013: about 4,000 rows that neither was trained "
        "on would tell"
    )
    text, page = gate_report.text(found), gate_report.markdown(found)
    assert text.startswith("ours may be better or worse, the gate cannot tell, and the champion stays")
    assert "cannot tell" in next(line for line in text.splitlines() if line.startswith("ROC-AUC not worse"))
    assert "FAILED" not in text
    assert "| cannot tell |" in page


def test_an_absurd_number_of_rows_is_not_told() -> None:
    assert "no number of rows" in of(judged(gain(-1e-9, -0.9, 0.9), rows=10**9), "ROC-AUC not worse").reason
