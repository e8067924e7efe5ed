#!/usr/bin/env bash
# `verify_image.sh NAME@sha256:...`: ends with 0 only if the deploy workflow of GITHUB_REPOSITORY signed the provenance and the
# SBOM of the image.
set -euo pipefail
by="$GITHUB_REPOSITORY/.github/workflows/deploy.yml"
for claim in https://slsa.dev/provenance/v1 https://cyclonedx.org/bom; do
  gh attestation verify "oci://$1" --repo "$GITHUB_REPOSITORY" --signer-workflow "$by" --predicate-type "$claim" --deny-self-hosted-runners
done
