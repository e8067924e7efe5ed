"""Fuzzes a reader with atheris, which mutates bytes by the lines of ours that they reach: `make fuzz TARGET=pin`.

A finding ends the run with a traceback and a file `crash-...`; make it an example of a test in this folder.
"""

import asyncio
import logging
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import atheris

PACKAGES = ["models", "service", "training.data"]
with atheris.instrument_imports(include=PACKAGES):
    from models.bundles import bundle, pin_history, pins
    from models.bundles.format import booster_structure, graph_structure
    from models.bundles.format.bundle_files import BOOSTER, GRAPH, MANIFEST
    from models.columns import column_mapping
    from models.errors import BundleError
    from models.features import CONTRACT
    from models.log import log_tables
    from service.access import keys_file
    from service.errors import KeysUnreadable
    from service.log import page_format
    from service.log.row_checks import RowCheck
    from tests.attack.one_connection import answer
    from training.errors import TrainingError

FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-"))
ROOT = Path(__file__).parents[2]
PINNED = ROOT / "models" / "store" / pins.read(ROOT / "models").version
WIDTH = len(CONTRACT.matrix_columns)


def read_request(raw: bytes) -> None:
    asyncio.run(answer(raw))


def read_page(raw: bytes) -> None:
    page = FOLDER / "fuzzed.predictions.page"
    page.write_bytes(raw)
    check = RowCheck(log_tables.PREDICTIONS)
    for is_new in (False, True):
        for row in page_format.read(page, checked=is_new):
            with suppress(ValueError):
                check.values(row.text)


def read_pin(raw: bytes) -> None:
    (FOLDER / pins.PINNED).write_bytes(raw)
    (FOLDER / pin_history.HISTORY).write_bytes(raw)
    pin_history.read(FOLDER)
    with suppress(BundleError):
        pins.read(FOLDER)


def read_manifest(raw: bytes) -> None:
    folder = FOLDER / "store" / PINNED.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).write_bytes(raw)
    with suppress(BundleError):
        bundle.find(FOLDER, PINNED.name, contract=CONTRACT)


def read_model(raw: bytes) -> None:
    with suppress(ValueError):
        booster_structure.check(raw, width=WIDTH)
    with suppress(ValueError):
        graph_structure.check(raw)


def read_columns(raw: bytes) -> None:
    (FOLDER / "columns.toml").write_bytes(raw)
    with suppress(TrainingError):
        column_mapping.read(FOLDER / "columns.toml", CONTRACT)


def read_keys(raw: bytes) -> None:
    (FOLDER / "keys.toml").write_bytes(raw)
    with suppress(KeysUnreadable):
        keys_file.read(FOLDER / "keys.toml")


REQUEST = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
PLAIN = REQUEST + b"Content-Length: 2\r\n\r\n{}"
CHUNKED = REQUEST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
TARGETS: dict[str, tuple[Callable[[bytes], None], list[bytes]]] = {
    "request": (read_request, [PLAIN, CHUNKED]),
    "page": (read_page, [page_format.encode(["a\tb", "c"])]),
    "pin": (read_pin, [(ROOT / "models" / name).read_bytes() for name in (pins.PINNED, pin_history.HISTORY)]),
    "manifest": (read_manifest, [(PINNED / MANIFEST).read_bytes()]),
    "model": (read_model, [(PINNED / name).read_bytes() for name in (BOOSTER, GRAPH)]),
    "columns": (read_columns, [path.read_bytes() for path in (ROOT / "training" / "columns").glob("*.toml")]),
    "keys": (read_keys, [b'[[keys]]\nname = "a"\nsha256 = "%s"\nscopes = ["read"]\n' % (b"0" * 64)]),
}


def main(target: str, seconds: str) -> None:
    """Fuzz a target for a time, beginning with valid bytes."""
    logging.disable()
    read, seeds = TARGETS[target]
    corpus = FOLDER / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds):
        (corpus / str(number)).write_bytes(seed)
    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=2048", str(corpus)], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
