"""Rollback: pins an earlier model again. The model is verified and makes a test prediction, but is not compared."""

from pathlib import Path

from models.bundles import bundle, pin_changes, pin_history, pins
from models.bundles.pins import Pin
from models.customer.contract import Contract
from models.features import CONTRACT
from training.promotion import mlflow_registry, model_lookup
from training.promotion.errors import NoSuchModel
from training.settings import RollbackSettings


def roll_back(settings: RollbackSettings, *, contract: Contract = CONTRACT) -> str:
    """Pin an earlier model again, and return its version.

    With a version in the settings, neither the history nor the present pin needs to be readable.

    Raises:
        NoSuchModel: there is no earlier champion.
        PinLocked, StoreUnwritable: the pin cannot be changed now.
        BundleError: the model failed verification; nothing was changed.
    """
    with pin_changes.alone(settings.models_dir) as locked:
        version = model_lookup.choose(settings) if settings.version else earlier(settings.models_dir)
        champion = Pin(**dict(bundle.name(model_lookup.fetch(version, settings, contract))))
        locked.write(champion, about=champion, change="rollback", why=settings.why)
    mlflow_registry.mark_champion(champion.version, settings)
    return champion.version


def earlier(models_dir: Path) -> str:
    """Find the champion before the one that serves; a champion that was rolled back does not count.

    Raises:
        NoSuchModel: there is no earlier champion, or the history does not say.
    """
    champions: list[str] = []
    history = pin_history.read(models_dir)
    for event in history.changes:
        if event.change == "rollback" and event.version in champions:
            del champions[champions.index(event.version) :]
        if event.is_of_champion:
            champions.append(event.version)
    serving = pins.read(models_dir).version
    if serving in champions:  # those after it do not serve, because the pin was changed by hand
        del champions[len(champions) - 1 - champions[::-1].index(serving) :]
    if not (others := [version for version in champions if version != serving]):
        part = "what can be read of the history" if history.problems else "the history"
        raise NoSuchModel(problem=f"{part} has no earlier champion")
    return others[-1]
