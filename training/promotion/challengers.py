"""Starts or stops the trial of a challenger beside the champion. The model is verified, but not compared."""

from models.bundles import bundle, pins
from models.bundles.pins import Challenger, Pin
from models.customer.contract import Contract
from models.features import CONTRACT
from training.promotion import model_lookup
from training.promotion.errors import NoSuchModel
from training.settings import ChallengeSettings


def start(settings: ChallengeSettings, *, contract: Contract = CONTRACT) -> Challenger:
    """Start the trial of a challenger, and return its version, mode and share.

    Raises:
        NoSuchModel: there is no such model, or it is the champion.
        BundleError: the challenger or the champion failed verification; nothing was changed.
    """
    version = settings.version or model_lookup.newest(settings.models_dir, but=pins.read(settings.models_dir).version)
    found = bundle.name(model_lookup.fetch(version, settings, contract))
    champion = bundle.name(
        bundle.load(settings.models_dir, fingerprint=contract.fingerprint)
    )  # read again: it may have changed during the fetch
    if version == champion.version:
        raise NoSuchModel(problem=f"{version} is the champion")
    challenger = Challenger(**dict(found), mode=settings.mode, share=settings.share)
    pin = Pin(**dict(champion), challenger=challenger)
    pins.write(pin, about=found, change="challenge", why=settings.why, models_dir=settings.models_dir)
    return challenger


def remove(settings: ChallengeSettings) -> str:
    """Stop the trial of the challenger, and return its version.

    Raises:
        NoSuchModel: there is no challenger.
    """
    pin = pins.read(settings.models_dir)
    if (challenger := pin.challenger) is None:
        raise NoSuchModel(problem="there is no challenger")
    alone = pin.model_copy(update={"challenger": None})
    pins.write(alone, about=challenger, change="withdraw", why=settings.why, models_dir=settings.models_dir)
    return challenger.version
