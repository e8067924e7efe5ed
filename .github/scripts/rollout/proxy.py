"""The nginx proxy in front of both colours: switches clients, and reads the live colour and failed requests.

nginx checks files in its volume at each request; see deploy/nginx.conf.
"""

import json
import re
from dataclasses import dataclass

from rollout import compose
from rollout.compose import Colour

INSIDE = "http://proxy:8080"
"""Address of the proxy for the containers."""
COUNT = 'exec 3<>/dev/tcp/127.0.0.1/8081; printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3'

FAILURE = re.compile(r'\{"request":.*\}')
"""A failed request in the proxy's log; Compose puts control characters before some lines."""


def in_volume(script: str, given: str = "") -> str:
    """Run a shell script in the volume of the proxy, as root."""
    return compose.execute("proxy", "sh", "-c", f"set -e; cd /state; {script}", given=given, user="root")


@dataclass(frozen=True)
class Route:
    """The current route of clients."""

    live: Colour
    """The colour that clients are sent to, whether it runs or not."""
    soaking: bool
    """Whether the other colour answers requests that the live one fails to answer."""


def route() -> Route:
    """Return the current route of clients."""
    files = in_volume("ls").split()
    return Route(live="green" if "green" in files else "blue", soaking="soaking" in files)


def switch(colour: Colour, *, soaking: bool) -> None:
    """Send clients to a colour from the next request on; no connection is closed.

    While the colour soaks, the other colour answers requests that it fails to answer. The previous colour answers until
    the switch.
    """
    name = "touch green" if colour == "green" else "rm -f green"
    in_volume(f"touch soaking; {name}" if soaking else f"{name}; rm -f soaking")


def is_outdated() -> bool:
    """Return whether the proxy's configuration differs from that of this checkout."""
    running = compose.execute("proxy", "printenv", "NGINX_CONF")
    return running.strip() != compose.environment()["NGINX_CONF"].strip()


def requests() -> int:
    """Return the number of requests since the proxy started, with the requests for this number itself."""
    found = re.search(r"requests\s+\d+ \d+ (\d+)", compose.execute("proxy", "bash", "-c", COUNT))
    return int(found[1]) if found else 0


def now() -> str:
    """Return the host's time, which may differ from this machine's."""
    return compose.execute("proxy", "date", "+%s.%N").strip()


def failures(since: str) -> list[dict[str, str]]:
    """Return the requests that a colour failed to answer, also if the other colour then answered them."""
    printed = compose.run("logs", "--no-log-prefix", "--no-color", "--since", since, "proxy")
    return [json.loads(line) for line in FAILURE.findall(printed)]
