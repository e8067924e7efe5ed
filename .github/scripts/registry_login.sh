#!/usr/bin/env bash
# Logs docker in to the repository's registry (REGISTRY, by default ghcr.io), as REGISTRY_USER with REGISTRY_TOKEN.
set -euo pipefail
printf %s "$REGISTRY_TOKEN" | docker login "${REGISTRY:-ghcr.io}" --username "$REGISTRY_USER" --password-stdin
