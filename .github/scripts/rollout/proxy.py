"""nginx in front of the colours: which of them is live, and what it could not get answered.

Files in its volume say so for each request, as deploy/nginx.conf has it.
"""

import json
import re
from dataclasses import dataclass

from rollout import compose
from rollout.compose import Colour

INSIDE = "http://proxy:8080"
"""Where the colours reach it."""
COUNT = 'exec 3<>/dev/tcp/127.0.0.1/8081; printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3'

FAILURE = re.compile(r'\{"request":.*\}')
"""A line of the proxy's log; Compose writes control characters before some."""


def in_volume(script: str, given: str = "") -> str:
    """Run a shell script where the files are, as who may write them."""
    return compose.execute("proxy", "sh", "-c", f"set -e; cd /state; {script}", given=given, user="root")


@dataclass(frozen=True)
class Route:
    """Where clients are sent."""

    live: Colour
    """The colour that they are sent to, whether it runs or not."""
    soaking: bool
    """Whether the other colour answers what it fails to."""


def route() -> Route:
    """Return where clients are sent."""
    files = in_volume("ls").split()
    return Route(live="green" if "green" in files else "blue", soaking="soaking" in files)


def switch(colour: Colour, *, soaking: bool) -> None:
    """Send clients to a colour from the next request on; no connection is closed for it.

    While it soaks, the other colour answers what it fails to. In between, the colour before goes on answering.
    """
    name = "touch green" if colour == "green" else "rm -f green"
    in_volume(f"touch soaking; {name}" if soaking else f"{name}; rm -f soaking")


def is_outdated() -> bool:
    """Tell whether the proxy runs another configuration than that of this checkout."""
    running = compose.execute("proxy", "printenv", "NGINX_CONF")
    return running.strip() != compose.environment()["NGINX_CONF"].strip()


def requests() -> int:
    """Count all requests since the proxy started; our own for the count are among them."""
    found = re.search(r"requests\s+\d+ \d+ (\d+)", compose.execute("proxy", "bash", "-c", COUNT))
    return int(found[1]) if found else 0


def now() -> str:
    """Return the host's time, which may not be ours."""
    return compose.execute("proxy", "date", "+%s.%N").strip()


def failures(since: str) -> list[dict[str, str]]:
    """Return the requests that a colour failed to answer, also where the other one then did."""
    printed = compose.run("logs", "--no-log-prefix", "--no-color", "--since", since, "proxy")
    return [json.loads(line) for line in FAILURE.findall(printed)]
