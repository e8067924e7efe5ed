"""Lists which model was served when, and why, as a table for a terminal."""

from models.bundles import pins
from models.bundles.pins import Pin, PinChange
from models.errors import NothingPinned
from training.settings import HistorySettings

_WORDS = {
    "fit": "pinned by fit",
    "promote": "promoted by the gate",
    "rollback": "rolled back to",
    "challenge": "challenger",
    "withdraw": "challenger withdrawn",
}


def describe(settings: HistorySettings) -> str:
    """Format every change, the newest last, and mark the model that serves now.

    Raises:
        BundleError: the pin or its history cannot be read.
    """
    events = pins.history(settings.models_dir)
    try:
        pin = pins.read(settings.models_dir)
    except NothingPinned:
        pin = None
    lines = [_line(event, is_last=event is _last_of(events, pin)) for event in events]
    return "\n".join([*lines, *_present(events, pin)])


def _line(event: PinChange, *, is_last: bool) -> str:
    mark = "*" if is_last else " "
    return f"{mark} {event.at:%Y-%m-%d %H:%M:%S}Z  {event.version}  {_WORDS[event.change]:<20}  {event.why}"


def _last_of(events: list[PinChange], pin: Pin | None) -> PinChange | None:
    """Return the event since which the pinned model has served."""
    champions = [event for event in events if event.is_of_champion]
    if not champions or pin is None or champions[-1].version != pin.version:
        return None
    return champions[-1]


def _present(events: list[PinChange], pin: Pin | None) -> list[str]:
    if pin is None:
        return ["no model is pinned"]
    lines = [] if _last_of(events, pin) else [f"* {pin.version} is served; pinned.json was changed by hand"]
    if (challenger := pin.challenger) is not None:
        share = f" for {challenger.share:.0%} of the customers" if challenger.mode == "canary" else ""
        lines.append(f"  challenger {challenger.version} as {challenger.mode}{share}")
    return lines
