"""The study of canaries that advance by themselves, with few repetitions."""

from benchmarks.statistics.studies import canary_steps
from benchmarks.statistics.studies.canary_steps import Trial


def test_an_equal_canary_goes_the_steps_until_the_last_one() -> None:
    [trial] = canary_steps.repeat(1, days=130)
    assert (trial.ended, trial.day, trial.share) == ("", 130, 0.5)


def test_the_table_counts_trials() -> None:
    trials = [Trial("withdrawn", 100, 0.05, 1), Trial("champion", 150, 0.5, 30), *[Trial("", 200, 0.5, 80)] * 2]
    found = canary_steps.summarize(trials)
    assert [cell.split()[0] for cell in found.rows[0]] == ["equal", "25.0%", "25.0%", "48"]
    assert found.conclusion.endswith("1 are withdrawn and 1 are made the champion.")
