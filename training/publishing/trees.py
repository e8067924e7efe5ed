"""Reads the trees of a published bundle as a classifier."""

from xgboost import XGBClassifier

from models import plain_text
from models.bundles.bundle import Bundle
from models.bundles.format import booster_structure
from models.bundles.format.bundle_files import BOOSTER
from models.errors import BoosterUnreadable


def read(found: Bundle) -> XGBClassifier:
    """Check the booster of a verified bundle, and open it with one thread.

    Raises:
        BoosterUnreadable: it holds no trees of the bundle's contract.
    """
    classifier = XGBClassifier(n_jobs=1)
    content = found.read(BOOSTER)
    try:
        booster_structure.check(content, width=len(found.contract.matrix_columns))
        classifier.load_model(bytearray(content))
    except Exception as error:  # XGBoost's Python code raises errors of many kinds
        raise BoosterUnreadable(path=found.path(BOOSTER), problem=plain_text.first_line(error)) from error
    return classifier
