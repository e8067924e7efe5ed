"""The contract through which a model of the store encodes the customers of today.

A model that was trained before a compatible change of `models/features.py` still serves: its fields have the names of
today, removed ones are unknown, and levels that it has never seen are encoded as unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from models.customer.contract import Contract, fingerprint_of
from models.customer.feature import Feature
from models.customer.history import changes
from models.customer.history.changes import Change, Described
from models.errors import FingerprintMismatch


def trained(fingerprint: str, described: Sequence[Described], contract: Contract) -> Contract:
    """Return the contract of a model, given the fingerprint and the fields of its manifest.

    It is `contract` itself if nothing has changed.

    Raises:
        FingerprintMismatch: the model cannot serve customers of `contract`; the error names the changes.
    """
    if fingerprint == contract.fingerprint:
        return contract
    breaking = [change for change in changes_since(fingerprint, described, contract) if not change.is_compatible]
    if breaking:
        told = [f"{change.sentence}. {change.remedy}" for change in breaking]
        raise FingerprintMismatch(bundle=fingerprint, code=contract.fingerprint, changes=told)
    return _of_model(described, contract)


def own(fingerprint: str, described: Sequence[Described], contract: Contract) -> Contract:
    """Return the contract that a model was trained on, from its manifest alone; only words are those of `contract`.

    It encodes a customer as the model knew customers, also after changes that are not compatible.

    Raises:
        FingerprintMismatch: the fingerprint is not that of the described fields.
    """
    if fingerprint == contract.fingerprint:
        return contract
    names, today = changes.pair(described, contract), {feature.name: feature for feature in contract.features}
    try:
        found = Contract(tuple(_as_trained(one, today.get(names.get(one["name"], ""))) for one in described))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise FingerprintMismatch(bundle=fingerprint, code=contract.fingerprint) from error
    if found.fingerprint != fingerprint:
        raise FingerprintMismatch(bundle=fingerprint, code=contract.fingerprint)
    return found


def changes_since(fingerprint: str, described: Sequence[Described], contract: Contract) -> list[Change]:
    """Return what has changed since a model's training; of an equal fingerprint, how values are given.

    Raises:
        FingerprintMismatch: the fingerprint is not that of the described fields, so the changes are not known.
    """
    if fingerprint == contract.fingerprint:
        return changes.how_given(described, contract)
    try:
        schemas = [{key: one[key] for key in one if key not in changes.NOT_IN_SCHEMA} for one in described]
        if fingerprint_of(schemas) == fingerprint:
            return changes.compare(described, contract)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise FingerprintMismatch(bundle=fingerprint, code=contract.fingerprint) from error
    raise FingerprintMismatch(bundle=fingerprint, code=contract.fingerprint)


def _of_model(described: Sequence[Described], contract: Contract) -> Contract:
    names, today = changes.pair(described, contract), {feature.name: feature for feature in contract.features}
    features = tuple(
        _feature(one, today[names[one["name"]]], names) if one["name"] in names else _removed(one) for one in described
    )
    unseen = {
        feature.name: tuple(level for level in today[feature.name].categories if level not in feature.categories)
        for feature in features
        if feature.name in today
    }
    return Contract(
        features,
        absent=frozenset(feature.name for feature in features if feature.name not in today),
        unseen={name: levels for name, levels in unseen.items() if levels},
    )


def _feature(old: Described, new: Feature, names: Mapping[str, str]) -> Feature:
    """Return a field as the model knows it, with the name and the words of today."""
    words = dict(zip(new.categories, new.labels, strict=True))
    return replace(
        new,
        kind=old["kind"],
        nullable=old["nullable"],
        limits=old["limits"],
        categories=tuple(old["categories"]),
        labels=tuple(words[level] for level in old["categories"]),
        at_least=names.get(old["at_least"]),
        most_levels=old.get("most_levels"),
    )


def _as_trained(old: Described, new: Feature | None) -> Feature:
    """Return a field as the manifest describes it; its phrase is that of today's field, if it means the same."""
    is_same = new is not None and (new.kind, new.unit) == (old["kind"], old["unit"])
    return replace(
        _removed(old),
        nullable=old["nullable"],
        at_least=old["at_least"],
        phrase=new.phrase if new is not None and is_same else "",
    )


def _removed(old: Described) -> Feature:
    categories, limits = tuple(old["categories"]), old["limits"]
    lowest = categories[0] if categories else limits.get("ge", limits.get("gt", 0))
    return Feature(
        name=old["name"],
        kind=old["kind"],
        nullable=True,
        limits=limits,
        categories=categories,
        labels=tuple(old.get("labels", map(str, categories))),
        at_least=None,
        unit=old["unit"],
        description="",
        phrase="",
        example={"boolean": False, "open_category": ""}.get(old["kind"], lowest),
        most_levels=old.get("most_levels"),
        unseen=old.get("unseen"),
    )
