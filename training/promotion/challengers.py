"""Puts a challenger beside the champion, or takes it away. No comparison is made, but the model is verified."""

from models.bundles import bundle, pins
from models.bundles.pins import Challenger, Pin
from models.customer.contract import Contract
from models.features import CONTRACT
from training.promotion import stored_models
from training.promotion.errors import NoSuchModel
from training.settings import ChallengeSettings


def challenge(settings: ChallengeSettings, *, contract: Contract = CONTRACT) -> Challenger:
    """Put a model beside the champion, and return how it is tried.

    Raises:
        NoSuchModel: there is none, or it is the champion.
        BundleError: it or the champion cannot be trusted; nothing was changed.
    """
    version = settings.version or stored_models.newest(settings.models_dir, but=pins.read(settings.models_dir).version)
    found = bundle.name(stored_models.fetch(version, settings, contract))
    champion = bundle.name(
        bundle.load(settings.models_dir, fingerprint=contract.fingerprint)
    )  # of now: to fetch took time
    if version == champion.version:
        raise NoSuchModel(problem=f"{version} is the champion")
    challenger = Challenger(**dict(found), mode=settings.mode, share=settings.share)
    pin = Pin(**dict(champion), challenger=challenger)
    pins.write(pin, about=found, change="challenge", why=settings.why, models_dir=settings.models_dir)
    return challenger


def withdraw(settings: ChallengeSettings) -> str:
    """Take the challenger away, and return its version.

    Raises:
        NoSuchModel: there is none.
    """
    pin = pins.read(settings.models_dir)
    if (challenger := pin.challenger) is None:
        raise NoSuchModel(problem="no challenger stands beside the champion")
    alone = pin.model_copy(update={"challenger": None})
    pins.write(alone, about=challenger, change="withdraw", why=settings.why, models_dir=settings.models_dir)
    return challenger.version
