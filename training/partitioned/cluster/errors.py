"""Errors of a fit on a cluster. They extend the tree in `training.errors`.

TrainingError
└── ClusterError
    ├── ClusterPackagesMissing   the packages for a cluster are not installed here
    ├── ClusterUnreachable       no scheduler answers at the address
    ├── ClusterUnfit             it has no workers, or other versions than this process
    └── ClusterLost              the scheduler or workers were lost during the work
"""

from collections.abc import Sequence

from training.errors import TrainingError


class ClusterError(TrainingError):
    """Base of all errors about a cluster."""


class ClusterPackagesMissing(ClusterError):
    """The packages for a cluster are not installed here."""

    def __init__(self, *, package: str | None) -> None:
        self.package = package
        super().__init__(
            f"--cluster: the package {package} is not installed. Install requirements/cluster.txt, or omit --cluster."
        )


class ClusterUnreachable(ClusterError):
    """No scheduler answers at the address, or the certificates do not fit."""

    def __init__(self, *, address: str, problem: str) -> None:
        self.address, self.problem = address, problem
        super().__init__(
            f"--cluster {address}: no scheduler of Dask answers there: {problem}. Start one with "
            "`python -m distributed.cli.dask_scheduler`, name another address, or set the certificates that "
            "docs/cluster.md lists under Security."
        )


class ClusterUnfit(ClusterError):
    """The cluster cannot do the work."""

    def __init__(self, *, address: str, problems: Sequence[str]) -> None:
        self.address, self.problems = address, tuple(problems)
        super().__init__(
            f"--cluster {address}: {'; '.join(problems)}. Start workers with this project, its contract and "
            "requirements/cluster.txt of the same commit."
        )


class ClusterLost(ClusterError):
    """The scheduler or workers were lost during the work."""

    def __init__(self, *, address: str, problem: str) -> None:
        self.address, self.problem = address, problem
        super().__init__(
            f"--cluster {address}: {problem}. Nothing was published. See the logs of the workers: one that needs more "
            "memory than it has is killed. Add workers or memory, and run it again."
        )
