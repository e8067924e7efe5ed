#!/usr/bin/env python3
"""Say which features of GitHub a deployment uses; in private repositories, attestations and environments cost money.

Reads PRIVATE (whether the repository is private) and the repository's variables ATTESTATIONS and ENVIRONMENTS (true or
false, by default what a public repository has). Sets the output `attest`, and prints a notice for each that is skipped.
"""

import os
import sys

import actions

SKIPPED = {
    "ATTESTATIONS": "The images are not signed: in a private repository, attestations need GitHub Enterprise.",
    "ENVIRONMENTS": "The environment `production` is not used: in a private repository, it needs a paid plan.",
}


def main() -> int:
    """Set the output, and print the notices."""
    usual = "false" if os.environ.get("PRIVATE") == "true" else "true"
    uses = {name: os.environ.get(name) or usual for name in SKIPPED}
    if wrong := [name for name, value in uses.items() if value not in {"true", "false"}]:
        sys.stdout.write(f"::error::The variable {wrong[0]} is true or false.\n")
        return 2
    for name, sentence in SKIPPED.items():
        if uses[name] == "false":
            sys.stdout.write(f"::notice::{sentence} {name}=true uses it. See docs/deploy.md.\n")
    actions.output(attest=uses["ATTESTATIONS"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
