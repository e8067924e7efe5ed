"""The errors of a deployment.

RolloutError
├── MonitorLeft             the image serves, but the monitor does not judge its model
├── Refused                 the image is not fit to serve; the previous one continues to serve
│   └── Interrupted         the deployment was interrupted
└── CannotTell              the image could not be tested
    ├── UsageError          the command line is invalid
    │   └── SettingsInvalid a setting is unknown, or would be lost
    ├── DockerFailed        a docker command failed
    ├── PortTaken           another program has a port of the proxy
    └── DeploymentRunning   another deployment is under way
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import terminal

if TYPE_CHECKING:
    from rollout.deployment_history import Record


class RolloutError(Exception):
    """Base of all errors of this package."""


class MonitorLeft(RolloutError):
    """The image serves, but the monitor does not judge its model."""

    def __init__(self, record: "Record", problem: str) -> None:
        self.record = record
        super().__init__(problem)


class Refused(RolloutError):
    """The image is not fit to serve."""


class Interrupted(Refused):
    """The deployment was interrupted."""

    def __init__(self, by: str | None = None) -> None:
        super().__init__(f"a rollback by {by} interrupted it." if by else "it was interrupted. Deploy again.")


class CannotTell(RolloutError):
    """The image could not be tested."""


class UsageError(CannotTell):
    """The command line is invalid."""


class SettingsInvalid(UsageError):
    """A setting is unknown, or would be lost."""


class DockerFailed(CannotTell):
    """A docker command failed."""

    def __init__(self, *, command: Sequence[str], output: str) -> None:
        self.command, self.output = command, output
        last = terminal.last_line(output)
        super().__init__(f"`{' '.join(command[:6])}` failed: {last}. Look whether `docker info` answers.")


class PortTaken(CannotTell):
    """Another program has a port of the proxy."""

    def __init__(self, *, output: str) -> None:
        super().__init__(
            f"{terminal.last_line(output)}. Nothing was deployed. Choose another port: DEPLOY_PORT is that of clients "
            "(8080), and DEPLOY_OPS_PORT that of operators (8083)."
        )


class DeploymentRunning(CannotTell):
    """Another deployment is under way."""

    def __init__(self, holder: object = None) -> None:
        what = f": {holder}" if holder else ""
        super().__init__(f"another deployment is under way on this host{what}. Wait for its end, and deploy again.")
