#!/usr/bin/env bash
# Installs the library of OpenMP, which XGBoost needs on macOS and its packages do not bring. On Linux it does nothing.
set -euo pipefail

if [[ $(uname) == Darwin ]]; then
  brew install --quiet libomp
fi
