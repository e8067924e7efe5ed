"""Checks that a port is free before a program loads what it will serve there.

`python -m models.listening PORT SETTING` checks a port of 127.0.0.1 for another program's server.
"""

import errno
import ipaddress
import socket
import sys

from models.command_line import INVALID


def find_problem(host: str, port: int, *, settings: tuple[str, str]) -> str | None:
    """Return why a server cannot listen on an address, with the settings of host and port; None if it can.

    The address is bound, but not listened on, so that no client connects to it.
    """
    host_setting, port_setting = settings
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"port {port} is taken; choose another with {port_setting}"
        return f"{host} port {port}: {error.strerror}; choose others with {host_setting} and {port_setting}"
    return None


def is_loopback(host: str) -> bool:
    """Return whether a server that listens on a host is reached from this machine alone."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:  # listening there fails, too
        return True
    return all(ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)


def main(port: str, setting: str) -> int:
    """Check a port of 127.0.0.1; return 0 if it is free, and 2 after one line on stderr if not."""
    if not port.isdecimal() or not 1 <= int(port) <= 65_535:
        problem: str | None = f"{setting}={port}: give a port from 1 to 65535"
    else:
        problem = find_problem("127.0.0.1", int(port), settings=("the host", setting))
    if problem:
        sys.stderr.write(f"{problem}\n")
    return INVALID if problem else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
