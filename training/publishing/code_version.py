"""Which code trained: the git commit and the versions of the libraries that a model depends on."""

import subprocess
from importlib import metadata

_LIBRARIES = ("numpy", "onnx", "onnxmltools", "onnxruntime", "pandas", "scikit-learn", "xgboost-cpu", "xgboost")


def commit() -> str | None:
    """Return the commit of the checkout in the working directory, 40 hex digits; `None` where there is none."""
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)  # noqa: S607
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()


def libraries() -> dict[str, str]:
    """Return the installed versions of the libraries that shape a model's bytes."""
    installed = {}
    for name in _LIBRARIES:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # xgboost-cpu and xgboost exclude one another
    return installed
