"""Lists which model was served when, and why, as a table for a terminal."""

from models import plain_text
from models.bundles import pin_history, pins
from models.bundles.pin_history import PinChange, PinHistory
from models.bundles.pins import Pin
from models.errors import NothingPinned
from training.settings import HistorySettings

_WORDS = {
    "fit": "pinned by fit",
    "promote": "promoted by the gate",
    "rollback": "rolled back to",
    "challenge": "challenger",
    "withdraw": "challenger withdrawn",
    "void": "had no effect",
}


def describe(settings: HistorySettings) -> str:
    """Format every change, the newest last, and mark the model that serves now.

    Raises:
        BundleError: the pin cannot be read.
    """
    history = pin_history.read(settings.models_dir)
    try:
        pin = pins.read(settings.models_dir)
    except NothingPinned:
        pin = None
    since = _since(history, pin)
    lines = [_line(event, is_last=event is since) for event in history.lines]
    left_out = [f"  left out: {problem}" for problem in history.problems]
    return "\n".join([*lines, *left_out, *_present(history, pin)])


def _line(event: PinChange, *, is_last: bool) -> str:
    mark, why = "*" if is_last else " ", plain_text.one_line(event.why)
    return f"{mark} {event.at:%Y-%m-%d %H:%M:%S}Z  {event.version}  {_WORDS[event.change]:<20}  {why}"


def _since(history: PinHistory, pin: Pin | None) -> PinChange | None:
    """Return the event since which the pinned model has served."""
    differing = history.differing(pin)
    champions = [event for event in history.changes if event.is_of_champion and event is not differing]
    if not champions or pin is None or champions[-1].version != pin.version:
        return None
    return champions[-1]


def _present(history: PinHistory, pin: Pin | None) -> list[str]:
    lines = []
    if (differing := history.differing(pin)) is not None:
        lines.append(
            f"  pinned.json is not as the last change, {differing.change} of {differing.version}, left it: the change "
            "was interrupted, or the file was changed by hand"
        )
    if pin is None:
        return [*lines, "no model is pinned"]
    if _since(history, pin) is None:
        lines.append(f"* {pin.version} is served; pinned.json was changed by hand")
    if (challenger := pin.challenger) is not None:
        share = f" for {challenger.share:.0%} of the customers" if challenger.mode == "canary" else ""
        lines.append(f"  challenger {challenger.version} as {challenger.mode}{share}")
    return lines
