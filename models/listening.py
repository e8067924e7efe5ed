"""Checks that an address is free before a program loads what it will serve there.

`python -m models.listening HOST PORT PREFIX` does the same for a server of others.
"""

import errno
import socket
import sys


def find_problem(host: str, port: int, *, prefix: str) -> str | None:
    """Return why nobody can listen at an address, and the settings `<prefix>_...` that change it; None if somebody can.

    The address is bound and not listened on, so no client connects to it.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"port {port} is taken; choose another with {prefix}_PORT"
        return f"{host} port {port}: {error.strerror}; choose others with {prefix}_HOST and {prefix}_PORT"
    return None


if __name__ == "__main__":
    if (problem := find_problem(sys.argv[1], int(sys.argv[2]), prefix=sys.argv[3])) is not None:
        sys.exit(problem)
