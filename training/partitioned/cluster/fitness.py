"""Compares a scheduler and its workers with this process: they must have the same versions and the same code."""

from collections.abc import Callable, Mapping
from typing import Any

from training.errors import cause
from training.partitioned.cluster import code_digest

_SCHEDULER = "the scheduler"
_SAME = ("distributed", "cloudpickle", "numpy", "pandas", "pyarrow", "scipy", "xgboost")
Versions = Mapping[str, str | None]
Ask = Callable[..., Any]
"""Calls a method of a client, and raises TimeoutError if there is no answer."""


def problems(client: Any, ask: Ask) -> list[str]:
    """Name each difference of the cluster that a client of Dask is connected to; empty if it can do the work.

    Raises:
        TimeoutError: its scheduler or a worker does not answer.
    """
    found = ask(client, client.get_versions, packages=list(_SAME))
    ours = _versions(found["client"])
    there = {_SCHEDULER: found["scheduler"], **{f"worker {name}": one for name, one in found["workers"].items()}}
    different = [text for name, one in there.items() for text in differences(name, _versions(one), ours)]
    return different or _other_code(client, ask)  # code of another Python cannot be sent there


def differences(name: str, theirs: Versions, ours: Versions) -> list[str]:
    """Name the different versions.

    >>> differences("worker a", {"Python": "3.12", "xgboost": None}, {"Python": "3.11", "xgboost": "3.2.0"})
    ['worker a has Python 3.12, not 3.11', 'worker a has no xgboost, not 3.2.0']
    """
    return [
        f"{name} has {f'{one} {theirs[one]}' if theirs[one] else f'no {one}'}, not {ours[one]}"
        for one in ours
        if theirs[one] != ours[one]
    ]


def _versions(found: Mapping[str, Any]) -> Versions:
    python = ".".join(found["host"]["python"].split(".")[:2])
    return {"Python": python, **{name: found["packages"].get(name) for name in _SAME}}


def _other_code(client: Any, ask: Ask) -> list[str]:
    try:
        found = {_SCHEDULER: ask(client, client.run_on_scheduler, code_digest.of_code)}
        codes = ask(client, client.run, code_digest.of_code)
    except TimeoutError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever it is, the code is not there or cannot be imported
        return [f"its scheduler or workers cannot import this project ({cause(error)})"]
    found |= {f"worker {name}": code for name, code in codes.items()}
    ours = code_digest.of_code()
    return [f"{name} has other code of this project" for name, code in found.items() if code != ours]
