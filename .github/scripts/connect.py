#!/usr/bin/env python3
"""`connect.py FOLDER`: configure DOCKER_HOST and ssh, so that later steps reach the host that serves.

Reads DEPLOY_HOST (name, or name:port), DEPLOY_USER, DEPLOY_SSH_KEY (the private key) and DEPLOY_KNOWN_HOSTS (the
host's line from `ssh-keyscan`). Without them it prints a notice and ends with 0, since a repository need not deploy. An
unknown host key is never accepted.
"""

import os
import shutil
import sys
from pathlib import Path

import actions

NEEDED = ("DEPLOY_HOST", "DEPLOY_USER", "DEPLOY_SSH_KEY", "DEPLOY_KNOWN_HOSTS")


def main(folder: str) -> int:
    """Write the files of ssh, and set DOCKER_HOST and PATH for later steps."""
    missing = [name for name in NEEDED if not os.environ.get(name)]
    if missing:
        sys.stdout.write(f"::notice::Not deployed: {', '.join(missing)} not set. See docs/deploy.md.\n")
        actions.output(connected="false")
        return 0
    address = f"ssh://{os.environ['DEPLOY_USER']}@{os.environ['DEPLOY_HOST']}"
    programs = write(Path(folder).resolve(), key=os.environ["DEPLOY_SSH_KEY"], hosts=os.environ["DEPLOY_KNOWN_HOSTS"])
    actions.path(programs)
    actions.environment(DOCKER_HOST=address)
    actions.output(connected="true")
    sys.stdout.write(f"DOCKER_HOST={address} PATH={programs}:$PATH\n")
    return 0


def write(folder: Path, *, key: str, hosts: str) -> Path:
    """Write key, hosts and configuration, and an ssh program that uses them; return the folder of that program."""
    programs = folder / "bin"
    programs.mkdir(parents=True, mode=0o700, exist_ok=True)
    own = {"key": key.strip() + "\n", "known_hosts": hosts.strip() + "\n", "config": config(folder)}
    for name, text in own.items():
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(text)
    (programs / "ssh").write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F "{folder}/config" "$@"\n')
    (programs / "ssh").chmod(0o700)
    return programs


def config(folder: Path) -> str:
    """Return ssh's configuration; all commands of a deployment share one connection."""
    lines = {
        "IdentityFile": folder / "key",
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": folder / "known_hosts",
        "StrictHostKeyChecking": "yes",
        "BatchMode": "yes",
        "ConnectTimeout": "20",
        "ControlMaster": "auto",
        "ControlPath": folder / "%C",
        "ControlPersist": "60",
    }
    return "".join(f"{name} {value}\n" for name, value in lines.items())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
