"""Serves the protocol of Google Cloud Storage on a port of this machine, with a bucket `lake` in memory."""

import sys
from http.server import ThreadingHTTPServer


def main() -> None:
    """Serve until the process ends.

    The emulator answers one connection at a time, and pyarrow keeps one open while it asks on another.
    """
    from gcp_storage_emulator import server  # noqa: PLC0415  # doctests import this module where it is not installed

    server.server.HTTPServer = ThreadingHTTPServer
    server.create_server("127.0.0.1", int(sys.argv[1]), in_memory=True, default_bucket="lake").run()


if __name__ == "__main__":
    main()
