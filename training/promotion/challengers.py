"""Starts or stops the trial of a challenger beside the champion. The model is verified, but not compared."""

from models.bundles import bundle, pin_changes, pins
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
    version = model_lookup.choose(settings, but=pins.read(settings.models_dir).version)
    found = bundle.name(model_lookup.fetch(version, settings, contract))
    challenger = Challenger(**dict(found), mode=settings.mode, share=settings.share)
    with pin_changes.alone(settings.models_dir) as locked:
        # Read again: it may have changed during the fetch.
        champion = bundle.name(bundle.load(settings.models_dir, contract=contract))
        if found.version == champion.version:
            raise NoSuchModel(problem=f"{found.version} is the champion")
        pin = Pin(**dict(champion), challenger=challenger)
        locked.write(pin, about=found, change="challenge", why=settings.why)
    return challenger


def remove(settings: ChallengeSettings) -> str:
    """Stop the trial of the challenger, and return its version.

    Raises:
        NoSuchModel: there is no challenger.
    """
    with pin_changes.alone(settings.models_dir) as locked:
        pin = pins.read(settings.models_dir)
        if (challenger := pin.challenger) is None:
            raise NoSuchModel(problem="there is no challenger")
        champion = pin.model_copy(update={"challenger": None})
        locked.write(champion, about=challenger, change="withdraw", why=settings.why)
    return challenger.version
