"""Reads the git commit and the library versions that a model is trained with."""

import subprocess
from importlib import metadata

_LIBRARIES = ("numpy", "onnx", "onnxmltools", "onnxruntime", "pandas", "scikit-learn", "xgboost-cpu", "xgboost")


def commit() -> str | None:
    """Return the git commit of the working directory, 40 hex digits; `None` if there is none."""
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)  # noqa: S607
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()


def libraries() -> dict[str, str]:
    """Return the installed versions of the libraries that affect the bytes of a model."""
    installed = {}
    for name in _LIBRARIES:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # only one of xgboost-cpu and xgboost is installed
    return installed
