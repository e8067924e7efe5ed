"""The settings of a deployment. The running colour has them in a label, so the next deployment keeps them.

A deployment may be given others, in the environment of deploy.py or in DEPLOY_SETTINGS, the text of an env file.
"""

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rollout import compose
from rollout.compose import Container
from rollout.errors import SettingsInvalid
from rollout.setting_names import OF_THE_PROXY, SETTINGS

LABEL = "deployment.settings"
OTHER_NAMES = {"SERVICE_LOG_URL": "LOG_URL", "MONITORING_LOG_URL": "LOG_URL"}
EMPTY_HAS_A_MEANING = {"SERVICE_KEYS_FILE"}
SECRETS = {"MONITORING_WEBHOOK_SECRET", "MONITORING_WEBHOOK_URL", "SERVICE_NOTE_KEY"}
HIDDEN = "(hidden)"
MONITOR_PORT, NETWORK = "8002", "10.213.77"
LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")


@dataclass(frozen=True)
class Request:
    """What whoever deploys asks for."""

    given: Mapping[str, str]
    """Settings by name; an empty value means the same as none, except where it has a meaning."""
    dropped: frozenset[str] = frozenset()
    """Names of settings that return to their defaults."""

    def over(self, kept: Mapping[str, str]) -> dict[str, str]:
        """Return the settings of a deployment over one that has the settings `kept`.

        Raises:
            SettingsInvalid: a setting would be lost, or is both given and dropped.
        """
        empty = {name for name, value in self.given.items() if not value and name not in EMPTY_HAS_A_MEANING}
        given = {name: value for name, value in self.given.items() if name not in empty}
        _check_dropped(self.dropped, given, kept)
        left = {name: value for name, value in kept.items() if name not in self.dropped}
        if lost := sorted(left.keys() & empty):
            raise SettingsInvalid(f"{lost[0]} is empty. Leave it out to keep its value, or drop it: --drop {lost[0]}.")
        if strange := sorted(left.keys() - set(SETTINGS)):
            raise SettingsInvalid(
                f"the running colour has {', '.join(strange)}, which this checkout does not know. Deploy from the "
                f"checkout that set it, or drop it: --drop {strange[0]}."
            )
        wanted = dict(sorted((left | given).items()))
        if wanted.get("DEPLOY_MONITOR", "true") not in {"true", "false"}:
            raise SettingsInvalid(
                "DEPLOY_MONITOR is true or false. With false, no deployment starts or moves the monitor."
            )
        return wanted


def _check_dropped(dropped: frozenset[str], given: Mapping[str, str], kept: Mapping[str, str]) -> None:
    if both := sorted(dropped & given.keys()):
        raise SettingsInvalid(f"{both[0]} is both given and dropped. Leave out one of the two.")
    for name in sorted(dropped - kept.keys() - set(SETTINGS)):
        raise SettingsInvalid(f"--drop {name}: there is no such setting.{_near(name)}")


def read(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings in an environment: single variables, over the lines of DEPLOY_SETTINGS.

    Raises:
        SettingsInvalid: a line of DEPLOY_SETTINGS is not a setting.
    """
    found = {}
    for number, line in enumerate(environment.get("DEPLOY_SETTINGS", "").split("\n"), start=1):
        if not (text := line.strip()) or text.startswith("#"):
            continue
        if not (parts := LINE.fullmatch(text)):
            raise SettingsInvalid(f"line {number} of DEPLOY_SETTINGS is not NAME=value.")  # it may hold a password
        name, value = parts[1], parts[2].strip()
        if name not in SETTINGS:
            raise SettingsInvalid(f"line {number} of DEPLOY_SETTINGS: there is no setting {name}.{_near(name)}")
        found[name] = value[1:-1] if re.fullmatch(r"""(["']).*\1""", value) else value
    return found | {name: environment[name] for name in SETTINGS if name in environment}


def check_no_env_file(folder: Path = compose.FOLDER) -> None:
    """Check that Compose would find no settings of its own, which no later deployment would keep.

    Raises:
        SettingsInvalid: there is a file `.env`.
    """
    if (folder / ".env").exists():
        raise SettingsInvalid(
            "deploy/.env exists, and a deployment does not read it. Deploy once with its lines, "
            'DEPLOY_SETTINGS="$(cat FILE)", after you moved it to FILE elsewhere.'
        )


def of(container: Container) -> dict[str, str]:
    """Return the settings of a colour; of one without a label, what it and the monitor have beside defaults."""
    labels, variables = compose.labels_and_variables(container)
    if kept := labels.get(LABEL):
        settings: dict[str, str] = json.loads(kept)
        return settings
    return _of_monitor() | _unusual(container.service, variables)


def _of_monitor() -> dict[str, str]:
    """Return what differs from the defaults in the container of the monitor, which has no label."""
    container = compose.find("monitor")
    if container is None:
        return {}
    _, variables = compose.labels_and_variables(container)
    port = compose.host_port(container, MONITOR_PORT)
    moved = {"MONITOR_PORT": port} if port and port != MONITOR_PORT else {}
    own = {
        name: value for name, value in _unusual("monitor", variables).items() if name != "LOG_URL"
    }  # the colour has it
    return own | moved


def _unusual(service: str, variables: Mapping[str, str]) -> dict[str, str]:
    usual = compose.default_variables(service)
    differs = {name: value for name, value in variables.items() if value != usual.get(name)}
    named = {OTHER_NAMES.get(name, name): value for name, value in differs.items()}
    return {name: value for name, value in named.items() if name in SETTINGS}


def of_host() -> dict[str, str]:
    """Return the settings of the colour that runs, also where no proxy runs that knows which one is live.

    If both run, one of them is being tested: the older one counts.
    """
    found = [container for colour in ("blue", "green") if (container := compose.find(colour))]
    running = [container for container in found if container.running] or found
    return of(min(running, key=lambda container: container.created)) if running else {}


def check_network(wanted: Mapping[str, str]) -> None:
    """Check that the containers are in the network that the settings name, which has addresses in use.

    Raises:
        SettingsInvalid: they are in another one.
    """
    container = compose.find("proxy")
    current, name = compose.network(container) if container else None, wanted.get("DEPLOY_NETWORK", NETWORK)
    if current not in {None, name}:
        raise SettingsInvalid(
            f"DEPLOY_NETWORK would be {name}, and the containers are in {current}. Set it to {current}. To move them, "
            "note the settings, remove the containers (docker compose -f deploy/compose.yml --profile monitor down), "
            "and deploy with all settings: the volumes stay."
        )


def as_variables(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which the Compose file sets them, and keeps them in the label."""
    return {**settings, "DEPLOYED_SETTINGS": json.dumps(settings)}


def shown(name: str, value: str | None) -> str:
    """Return a value without the passwords that it may hold."""
    if value is None:
        return "default"
    if name in SECRETS:
        return HIDDEN
    if not name.endswith(("_URL", "_ENDPOINT")):
        return value or "empty"
    scheme, found, rest = value.partition("://")
    if not found:
        return HIDDEN
    address, query, _ = rest.rpartition("@")[2].partition("?")
    return f"{scheme}://{'***@' if '@' in rest else ''}{address}{query and '?***'}"


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return a line for each setting that changed."""
    return [
        _change(name, before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def _change(name: str, before: str | None, after: str | None) -> str:
    old, new = shown(name, before), shown(name, after)
    text = f"{name}: {new}, its hidden part changed" if old == new else f"{name}: {old} -> {new}"
    of_the_proxy = name in OF_THE_PROXY and before is not None
    return f"{text}, when the proxy is replaced (docs/deploy.md)" if of_the_proxy else text


def _near(name: str) -> str:
    near = [OTHER_NAMES[name]] if name in OTHER_NAMES else difflib.get_close_matches(name, SETTINGS, 1)
    return f" Did you mean {near[0]}?" if near else " docs/deploy.md lists all."
