"""Rollback: pins an earlier model again. The model is verified and makes a test prediction, but is not compared."""

from models.bundles import bundle, pins
from models.customer.contract import Contract
from models.features import CONTRACT
from training.promotion import mlflow_registry, model_lookup
from training.promotion.errors import NoSuchModel
from training.settings import RollbackSettings


def roll_back(settings: RollbackSettings, *, contract: Contract = CONTRACT) -> str:
    """Pin an earlier model again, and return its version.

    Raises:
        NoSuchModel: there is no earlier champion.
        BundleError: the model failed verification; nothing was changed.
    """
    version = settings.version or _earlier(settings)
    found = model_lookup.fetch(version, settings, contract)
    bundle.pin(found, models_dir=settings.models_dir, change="rollback", why=settings.why)
    mlflow_registry.mark_champion(version, settings)
    return version


def _earlier(settings: RollbackSettings) -> str:
    """Find the previous champion; a champion that was rolled back does not count."""
    champions: list[str] = []
    for event in pins.history(settings.models_dir):
        if event.change == "rollback" and event.version in champions:
            del champions[champions.index(event.version) :]
        if event.is_of_champion:
            champions.append(event.version)
    serving = pins.read(settings.models_dir).version
    if not (others := [version for version in champions if version != serving]):
        raise NoSuchModel(problem="the history has no earlier champion")
    return others[-1]
