"""Compares the contract that a model was trained with and the contract of today, field by field.

A change is compatible if a model that was trained before it can still serve: its numbers mean the same, and it meets at
most values that it has never seen. Each change says what it breaks elsewhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from models.customer.contract import Contract
from models.customer.feature import Feature
from models.customer.kinds import levels

Described = Mapping[str, Any]
"""A field as a manifest describes it: `Feature.described()`; older manifests do not say how its values are given."""

NOT_IN_SCHEMA = {"labels", "required", "default", "is_clipped"}
"""What a manifest says of a field beside its schema; the fingerprint does not cover it."""
_COMPARED = NOT_IN_SCHEMA | {
    "name",
    "kind",
    "nullable",
    "limits",
    "categories",
    "at_least",
    "unit",
    "most_levels",
    "unseen",
}
_REFUSED = "clients that send such a value get 422"
_CLIPPED = "such values are clipped from now on"
_LEFT_OUT = "logged rows with such a value are left out"
_KEEP = "Allow the values again until they no longer occur, or train again."
_NEW_NAME = "Declare a new field under a new name, and remove this one."
_UNIT = "clients, files and logged rows from before have the other unit"
_TYPE = "clients, files and logged rows from before have the other type"


@dataclass(frozen=True)
class Change:
    """One difference between two contracts."""

    field: str
    """The name of today; of a removed field, the last one."""
    what: str
    """What happened to it, as the rest of a sentence."""
    breaks: tuple[str, ...] = ()
    """What no longer works as before, besides the pinned model."""
    remedy: str | None = None
    """What to do instead; None if the change is compatible."""

    @property
    def is_compatible(self) -> bool:
        """Whether a model that was trained before the change can still serve."""
        return self.remedy is None

    @property
    def sentence(self) -> str:
        """The change in words."""
        return f"{self.field} {self.what}"


def compare(trained: Sequence[Described], contract: Contract) -> list[Change]:
    """Return all changes from a model's contract to the one of today, in the order of the model's fields."""
    names, today = pair(trained, contract), {feature.name: feature for feature in contract.features}
    if not names:
        return [Change("the contract", "has no field of the model", remedy="Train a model for it.")]
    found: list[Change] = []
    for one in trained:
        old = one["name"]
        found += _differences(one, today[names[old]], names) if old in names else [_removed(old)]
    known = {one["name"] for one in trained}
    for feature in contract.features:
        if feature.name not in names.values():
            found.append(_added(feature, [one for one in trained if one["name"] not in names]))
        elif feature.name in known and (both := [old for old in feature.formerly if old in known]):
            what = f"was declared as formerly {both[0]}, but the model has both fields"
            found.append(Change(feature.name, what, remedy="Remove its Formerly."))
    order = [name for name in contract.names if name in names.values()]
    if not found and order != list(names.values()):
        found.append(Change(order[0], "and other fields have another order"))
    return found


def pair(trained: Sequence[Described], contract: Contract) -> dict[str, str]:
    """Map each field of a model to its name of today, in the model's order; removed fields are left out."""
    known = [one["name"] for one in trained]
    now: dict[str, str] = {}
    for feature in contract.features:
        name = next((name for name in (feature.name, *feature.formerly) if name in known), None)
        if name is not None:
            now[name] = feature.name
    return {name: now[name] for name in known if name in now}


def how_given(trained: Sequence[Described], contract: Contract) -> list[Change]:
    """Return what has changed in how values are given, for a contract with the fingerprint of the model."""
    described = {one.get("name"): one for one in trained}
    return [
        change
        for feature in contract.features
        if feature.name in described
        for change in _how_given(described[feature.name], feature)
    ]


def _how_given(old: Described, new: Feature) -> Iterator[Change]:
    if old.get("is_clipped") and not new.is_clipped:
        yield Change(new.name, "is no longer clipped to its bounds", (_REFUSED, _LEFT_OUT))
    if old.get("required", True):
        return
    before = old.get("default")
    if new.required:
        logged = () if new.nullable else ("logged rows from before it cannot be used",)
        what = "was optional" if before is None else f"had the default {before!r}"
        yield Change(new.name, f"is required, and {what}", (f"clients that do not send {new.name} get 422", *logged))
    elif before != new.default:
        yield Change(new.name, f"has the default {new.default!r}, before {before!r}")


def _removed(name: str) -> Change:
    clients, gate = f"clients that still send {name} get 422", "a model without it is judged against the baselines"
    return Change(name, "was removed", (clients, gate))


def _added(feature: Feature, removed: Sequence[Described]) -> Change:
    breaks = (f"clients that do not send {feature.name} get 422",) if feature.required else ()
    alike = [one["name"] for one in removed if (one["kind"], one["unit"]) == (feature.kind, feature.unit)]
    if alike:
        nearest = max(alike, key=lambda name: SequenceMatcher(None, feature.name, name).ratio())
        renamed = f'if it was {nearest}, declare Formerly("{nearest}"), or the model predicts without it'
        breaks = (renamed, *breaks)
    if feature.nullable or feature.default is not None:
        what = "is new, and may be unknown" if feature.default is None else f"is new, by default {feature.default!r}"
        return Change(feature.name, what, breaks)
    return Change(feature.name, "is new, and required", (*breaks, "logged rows from before cannot be used"))


def _differences(old: Described, new: Feature, names: Mapping[str, str]) -> Iterator[Change]:
    now = new.schema()
    if old["name"] != new.name:
        yield Change(new.name, f"was renamed from {old['name']}")
    if old["unit"] != new.unit:
        what = f"is in {new.unit or 'no unit'}, and was in {old['unit'] or 'no unit'}"
        yield Change(new.name, what, (_UNIT,), _NEW_NAME)
    if (old["kind"], new.kind) == ("integer", "number"):
        yield Change(new.name, "may have decimals")
    elif old["kind"] != new.kind:
        yield _other_kind(old, new)
        return
    if new.nullable and not old["nullable"]:
        yield Change(new.name, "may be unknown")
    if old["nullable"] and not new.nullable:
        yield Change(new.name, "may no longer be unknown", (_REFUSED, _LEFT_OUT), _KEEP)
    yield from _levels(old["categories"], new)
    yield from _open_levels(old, new)
    yield from _bounds(old["limits"], new)
    yield from _order(names.get(old["at_least"], old["at_least"]), new)
    for key in sorted(key for key in (old.keys() | now.keys()) - _COMPARED if old.get(key) != now.get(key)):
        yield Change(new.name, f"has another {key}", remedy="Undo the change, or train again.")
    yield from _how_given(old, new)


def _other_kind(old: Described, new: Feature) -> Change:
    what = f"is of kind {new.kind}, and was of kind {old['kind']}"
    held_texts = old["kind"] == "open_category" or any(isinstance(level, str) for level in old["categories"])
    if not (held_texts and new.holds_texts):
        return Change(new.name, what, (_TYPE,), _NEW_NAME)
    breaks = () if new.kind == "open_category" else (_REFUSED, _LEFT_OUT)
    return Change(new.name, what, breaks, "Undo the change, or train again.")


def _levels(before: Sequence[Any], new: Feature) -> Iterator[Change]:
    known, today = set(before), set(new.categories)
    if added := [level for level in new.categories if level not in known]:
        yield Change(new.name, f"has the new level{'s' if len(added) > 1 else ''} {_listed(added)}")
    if removed := [level for level in before if level not in today]:
        what = f"no longer has the level{'s' if len(removed) > 1 else ''} {_listed(removed)}"
        yield Change(new.name, what, (_REFUSED, _LEFT_OUT), _KEEP)
    if not added and not removed and list(before) != list(new.categories):
        yield Change(new.name, "has its levels in another order")


def _open_levels(old: Described, new: Feature) -> Iterator[Change]:
    if old.get("most_levels") != new.most_levels:
        yield Change(
            new.name, f"keeps {new.most_levels} levels, before {old.get('most_levels')}, from the next training on"
        )
    if old.get("unseen") != new.unseen:
        refused = new.unseen == "refused"
        what = "refuses" if refused else "no longer refuses"
        yield Change(new.name, f"{what} levels that were never seen in training", (_REFUSED,) if refused else ())


def _bounds(before: Mapping[str, float], new: Feature) -> Iterator[Change]:
    for keys, sign, word in ((("ge", "gt"), 1, "down to"), (("le", "lt"), -1, "up to")):
        old, now = (_inner(limits, keys, sign, is_whole=new.kind == "integer") for limits in (before, new.limits))
        if old == now or old is None or now is None:
            continue
        what = f"{word} {sign * now[0] + 0.0:g}, before {sign * old[0] + 0.0:g}"
        if now < old:
            yield Change(new.name, f"has values {what}")
        elif new.is_clipped:
            yield Change(new.name, f"has values only {what}", (_CLIPPED,))
        else:
            yield Change(new.name, f"has values only {what}", (_REFUSED, _LEFT_OUT), _KEEP)


def _inner(
    limits: Mapping[Any, float], keys: tuple[str, str], sign: int, *, is_whole: bool
) -> tuple[float, bool] | None:
    """Return a bound, so that a larger one is narrower: its value with a sign, and whether it is excluded itself."""
    included, excluded = (limits.get(key) for key in keys)
    if included is not None:
        return sign * included, False
    if excluded is None:
        return None
    return (sign * excluded + 1, False) if is_whole else (sign * excluded, True)


def _order(before: str | None, new: Feature) -> Iterator[Change]:
    if before == new.at_least:
        return
    if new.at_least is None:
        yield Change(new.name, f"may be below {before}")
    else:
        yield Change(new.name, f"may no longer be below {new.at_least}", (_REFUSED, _LEFT_OUT), _KEEP)


def _listed(values: Sequence[Any]) -> str:
    more = f" and {len(values) - levels.MOST} more" if len(values) > levels.MOST else ""
    return ", ".join(map(repr, values[: levels.MOST])) + more
