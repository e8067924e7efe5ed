"""Measures the steps of predictions with the contract and the model of the current folder, and prints them as JSON.

`benchmarks.wide_contract` runs it in checkouts of contracts of different sizes.
"""

import json
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.measuring import wide_table
from demo.running_service import running
from models.features import CONTRACT
from service.customers import Batch, Customer
from service.http import response_json
from service.log.logged_inputs import InputKeeper
from service.model import predictor

SINGLES, BATCH_ROWS, BATCHES = 1_000, 1_000, 15
WARM_UP = 50
_HEAD = b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


def main() -> None:
    """Measure, and print the medians in microseconds."""
    rows = wide_table.customers(wide_table.fields(len(CONTRACT.names)), BATCH_ROWS, seed=8)
    bodies = rows.drop(columns=["id", "left"]).to_json(orient="records", lines=True).encode().rstrip(b"\n").split(b"\n")
    batch = b'{"customers":[%b]}' % b",".join(bodies)
    found = {"http": over_http(bodies)}
    found |= {f"one: {name}": value for name, value in singles(bodies).items()}
    found |= {f"batch: {name}": value for name, value in batches(batch).items()}
    sys.stdout.write(json.dumps(found | {"body bytes": len(bodies[0])}))


def over_http(bodies: Sequence[bytes]) -> float:
    """Return the median time of POST /predict over one connection, with the log."""
    with TemporaryDirectory() as folder:
        log, database = Path(folder, "service.log"), f"sqlite:///{Path(folder, 'predictions.db')}"
        variables = {"SERVICE_LOG_URL": database, "SERVICE_OUTPUT_DIR": folder}
        with (
            running(Path("models"), log, **variables) as service,
            socket.create_connection(("127.0.0.1", service.port)) as connection,
        ):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            requests = cycle([_HEAD % len(body) + body for body in bodies])
            return timed(lambda: _exchange(connection, next(requests)), SINGLES, time.perf_counter)


def singles(bodies: Sequence[bytes]) -> dict[str, float]:
    """Return the median time of each step of one prediction."""
    model, keeper = predictor.load(Path("models")), InputKeeper("plain", Path("var"))
    customers = [Customer.__pydantic_validator__.validate_json(body) for body in bodies]
    texts, one = cycle(bodies), cycle(customers)
    matrix = model.contract.encode_rows(customers[:1])
    predicted = [model.predict(customers[:1])]
    return {
        "validate": timed(lambda: Customer.__pydantic_validator__.validate_json(next(texts)), SINGLES),
        "encode as matrix": timed(lambda: model.contract.encode_rows([next(one)]), SINGLES),
        "score": timed(lambda: model.scorer.score(matrix), SINGLES),
        "write the answer": timed(lambda: response_json.one(predicted), SINGLES),
        "write the log's JSON": timed(lambda: keeper.columns(next(one)), SINGLES),
    }


def batches(batch: bytes) -> dict[str, float]:
    """Return the median time of each step of a batch."""
    model, keeper = predictor.load(Path("models")), InputKeeper("plain", Path("var"))
    customers = Batch.__pydantic_validator__.validate_json(batch).customers
    matrix = model.contract.encode_rows(customers)
    predicted = [model.predict(customers)]
    return {
        "validate": timed(lambda: Batch.__pydantic_validator__.validate_json(batch), BATCHES),
        "encode as matrix": timed(lambda: model.contract.encode_rows(customers), BATCHES),
        "score": timed(lambda: model.scorer.score(matrix), BATCHES),
        "write the answer": timed(lambda: response_json.many(predicted), BATCHES),
        "write the log's JSON": timed(lambda: list(map(keeper.columns, customers)), BATCHES),
    }


def timed(work: Callable[[], object], times: int, clock: Callable[[], float] = time.thread_time) -> float:
    """Return the median time of a call, in microseconds; by default that of the processor, whatever else it does."""

    def each() -> Iterator[float]:
        for _ in range(times):
            began = clock()
            work()
            yield clock() - began

    for _ in range(min(WARM_UP, times // 5)):
        work()
    return 1e6 * median(each())


def _exchange(connection: socket.socket, request: bytes) -> None:
    connection.sendall(request)
    answer = b""
    while not answer.endswith(b"}"):
        part = connection.recv(65_536)
        if not part:
            raise ConnectionError("the service closed the connection")
        answer += part
    if not answer.startswith(b"HTTP/1.1 200"):
        raise ConnectionError(answer[:200].decode())


if __name__ == "__main__":
    main()
