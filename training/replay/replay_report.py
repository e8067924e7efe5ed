"""Describes a replay, as text for a terminal and as JSON for a file."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from training.replay.checked import Check
from training.replay.replaying import Replay


def text(found: Replay) -> str:
    """Describe the result, one fact per line."""
    return "\n".join(_lines(found))


def write(found: Replay, path: Path) -> None:
    """Write the result as JSON."""
    logged = found.logged
    result = {
        "prediction_id": logged.prediction_id,
        "is_equal": found.is_equal,
        "made_at": logged.made_at.isoformat(),
        "place": logged.place,
        "model_version": logged.model_version,
        "manifest_sha256": found.digest,
        "verified_by": found.named_by,
        "features": dict(logged.features),
        "checks": [asdict(check) for check in found.checks],
        "contributions": dict(found.contributions),
        "reasons": list(found.reasons),
        "notes": list(found.notes),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _lines(found: Replay) -> Iterator[str]:
    logged = found.logged
    differing = [check.part for check in found.checks if not check.is_equal]
    result = f"differs: {', '.join(differing)}" if differing else "is the same when it is computed again"
    yield f"prediction {logged.prediction_id} {result}"
    yield f"  made at {logged.made_at:%Y-%m-%d %H:%M:%S} UTC; found in {logged.place}"
    yield f"  model {logged.model_version}; SHA-256 of its manifest {found.digest}, verified by {found.named_by}"
    yield from (f"  {_line(check)}" for check in found.checks)
    yield f"  reasons: {'; '.join(found.reasons) or 'none is strong enough to be named'}"
    yield from (f"  {note}" for note in found.notes)


def _line(check: Check) -> str:
    mark = "equal" if check.is_equal else "DIFFERENT"
    note = f" ({check.note})" if check.note else ""
    if check.recorded == check.computed:
        return f"{check.part}: {mark}, {check.recorded}{note}"
    return f"{check.part}: {mark}, recorded {check.recorded}, computed {check.computed}{note}"
