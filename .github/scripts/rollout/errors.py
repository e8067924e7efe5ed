"""Why a deployment does not take place.

RolloutError
├── Refused             the image is not fit to serve; what served before goes on
│   └── Interrupted     somebody ended the deployment
└── CannotTell          nothing can be said of the image
    ├── Misused         it was not asked properly
    ├── DockerFailed    the engine, or the way to it, does not do what it is told
    └── Occupied        another deployment is under way
"""

from collections.abc import Sequence


class RolloutError(Exception):
    """Base of all errors of this package."""


class Refused(RolloutError):
    """The image is not fit to serve."""


class Interrupted(Refused):
    """Somebody ended the deployment."""

    def __init__(self) -> None:
        super().__init__("it was interrupted. Deploy again.")


class CannotTell(RolloutError):
    """Nothing can be said of the image."""


class Misused(CannotTell):
    """It was not asked properly."""


class DockerFailed(CannotTell):
    """The engine, or the way to it, does not do what it is told."""

    def __init__(self, *, command: Sequence[str], output: str) -> None:
        self.command, self.output = command, output
        told = output.strip().splitlines()[-1:] or ["it said nothing"]
        super().__init__(f"`{' '.join(command[:6])}` failed: {told[0]}. Look whether `docker info` answers.")


class Occupied(CannotTell):
    """Another deployment is under way."""

    def __init__(self) -> None:
        super().__init__("another deployment is under way on this host. Wait for its end, and deploy again.")
