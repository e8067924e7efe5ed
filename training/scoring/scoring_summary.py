"""Counts of scored and rejected rows, and the summary that is printed."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import get_args

from models.bundles.risk import RiskTier
from models.customer.contract import Columns, Contract, Mask
from models.customer.files.stores import Table
from models.customer.kinds.learned_levels import NEW
from models.customer.offending import OffendingValues


@dataclass
class ScoringSummary:
    """Counts of the rows of a file, by result."""

    model_version: str
    rows: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Rejected rows by reason; a row may have several reasons."""
    tiers: Counter[RiskTier] = field(default_factory=Counter)
    """Scored rows by tier."""
    unseen: Counter[str] = field(default_factory=Counter)
    """Scored rows by open category whose level was never seen in training."""
    unseen_levels: OffendingValues = field(default_factory=OffendingValues)
    """These levels."""

    @property
    def scored(self) -> int:
        """Rows with a prediction."""
        return self.rows - self.rejected

    def count(self, tiers: Iterable[RiskTier], broken: Mapping[str, Mask], *, rejected: Mask) -> None:
        """Add n rows: tiers of scored rows, masks (n,) of the rows that break each rule and of the rejected rows."""
        self.rows += len(rejected)
        self.rejected += int(rejected.sum())
        self.reasons.update({reason: int(mask.sum()) for reason, mask in broken.items()})
        self.tiers.update(tiers)

    def count_unseen(self, contract: Contract, columns: Columns, unseen: Mapping[str, Mask]) -> None:
        """Add scored rows whose level was never seen in training; `unseen` is what `checks.find_unseen` returns."""
        self.unseen.update({name: int(mask.sum()) for name, mask in unseen.items() if mask.any()})
        self.unseen_levels.count(contract, columns, {f"{name} {NEW}": mask for name, mask in unseen.items()})

    def describe(self, output: Table, rejected: Table) -> str:
        """Describe the counts, one fact per line; the paths are those of the two output files."""
        lines = [f"scored {self.scored:,} of {self.rows:,} customers with model {self.model_version}: {output}"]
        shares = {tier: self.tiers[tier] / self.scored for tier in get_args(RiskTier)}
        lines.extend(f"  {tier:<8}{share:6.1%}  {self.tiers[tier]:,}" for tier, share in shares.items())
        for name, rows in self.unseen.most_common():
            levels = self.unseen_levels.listed(f"{name} {NEW}")
            lines.append(f"{name} had a level {NEW} in {rows:,} rows, and was unknown there{levels}")
        if self.rejected:
            lines.append(f"rejected {self.rejected:,}, with their reasons: {rejected}")
        lines.extend(f"  {reason}: {count:,}" for reason, count in self.reasons.most_common())
        return "\n".join(lines)


@dataclass
class FolderSummary:
    """Counts of the files of a folder, and of their rows."""

    rows: ScoringSummary
    files: int = 0
    files_done_before: int = 0
    problems: dict[str, str] = field(default_factory=dict)
    """Why a file was not scored, by file."""

    def add(self, file: str, summary: ScoringSummary, *, was_done: bool, problem: str | None) -> None:
        """Add a file."""
        self.files += 1
        self.files_done_before += was_done
        if problem:
            self.problems[file] = problem
        self.rows.rows += summary.rows
        self.rows.rejected += summary.rejected
        self.rows.reasons.update(summary.reasons)
        self.rows.tiers.update(summary.tiers)
        self.rows.unseen.update(summary.unseen)
        self.rows.unseen_levels.add(summary.unseen_levels)

    @property
    def done(self) -> int:
        """Files whose results are there."""
        return self.files - len(self.problems)

    def describe(self, output: Table, rejected: Table) -> str:
        """Describe the counts, one fact per line; the paths are those of the two output folders."""
        before = f", {self.files_done_before:,} of them in an earlier run" if self.files_done_before else ""
        return f"scored {self.files:,} files{before}\n{self.rows.describe(output, rejected)}"
