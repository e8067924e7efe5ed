"""Splits rows that differ from one another, for tests that have no table."""

import numpy as np

from models.customer.contract import Labels
from training.data.hashing import hash_split, row_hash
from training.data.splitting import Split


def of(churned: Labels, *, seed: int) -> Split:
    """Split rows as a fit does that is asked for nothing else."""
    return hash_split.at_random(churned, row_hash.mixed(np.arange(len(churned), dtype=np.uint64)), seed=seed)
