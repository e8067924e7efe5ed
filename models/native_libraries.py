"""Says what to do when a Python package is installed, and a library of the system that it needs is not."""

from models import plain_text

_OPENMP = ("libomp", "libgomp", "OpenMP")


def explain(error: Exception) -> tuple[str, str]:
    """Return the problem and the remedy of an error that XGBoost raised when it was imported.

    >>> explain(ValueError("libxgboost.dylib could not be loaded: Library not loaded: libomp.dylib"))[0]
    'the library of OpenMP is missing'
    """
    if any(name in str(error) for name in _OPENMP):
        remedy = "On macOS, run `brew install libomp`; on Debian, `apt-get install libgomp1`."
        return "the library of OpenMP is missing", remedy
    return plain_text.first_line(error), "Run `make setup` again."
