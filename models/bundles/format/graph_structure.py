"""Checks an ONNX file before ONNX Runtime opens it: it must hold all its data, and no loops.

A graph could name other files as its data, and a loop could run without end in the service. The file is read as
Protocol Buffers, because the service has no `onnx` library.
"""

import re
from collections.abc import Iterator

OPERATORS = frozenset(
    {"Add", "Cast", "Concat", "Div", "Identity", "IsNaN", "MatMul", "Mul", "Sigmoid", "Softmax", "Sub"}
    | {"TreeEnsembleClassifier", "Where"}
)
"""Operators that a model may use: their work is bounded by their input."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Numbers of fields in onnx.proto.
_GRAPH, _TRAINING, _FUNCTIONS = 7, 20, 25
_NODE, _INITIALIZER, _SPARSE_INITIALIZER = 1, 5, 15
_OPERATOR, _ATTRIBUTE = 4, 5
_TENSOR, _SUBGRAPH, _TENSORS, _SUBGRAPHS, _SPARSE, _SPARSES = 5, 6, 10, 11, 22, 23
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14

# An attribute of trees has thousands of floats (field 7), integers (8) and short strings (9), which are harmless.
# The repetitions are possessive (`++`): otherwise each of them is kept in memory, for a way back that no match needs.
_STRINGS = b"|".join(re.escape(bytes([size])) + b"." * size for size in range(16))
_HARMLESS = re.compile(rb"(?:\x3d.{4}|\x40[\x80-\xff]{0,9}+[\x00-\x7f]|\x4a(?:" + _STRINGS + rb"))++", re.DOTALL)

Field = tuple[int, int | memoryview]
"""Number and content of a field: a number, or bytes."""


def check(content: bytes) -> None:
    """Check a model file.

    Raises:
        ValueError: it is not an ONNX file, or it has what it must not have.
    """
    graphs = []
    for number, value in _fields(memoryview(content)):
        if number == _GRAPH:
            graphs.append(_message(value))
        if number in (_TRAINING, _FUNCTIONS):
            raise ValueError("it has functions or training information, which a model must not have")
    if len(graphs) != 1:
        raise ValueError(f"it is not an ONNX file: it has {len(graphs)} graphs")
    _check_graph(graphs[0])


def _check_graph(graph: memoryview) -> None:
    nodes = 0
    for number, value in _fields(graph):
        if number == _NODE:
            _check_node(_message(value))
            nodes += 1
        elif number == _INITIALIZER:
            _check_tensor(_message(value))
        elif number == _SPARSE_INITIALIZER:
            raise ValueError("it has sparse data, which a model must not have")
    if not nodes:
        raise ValueError("its graph has no operators")


def _check_node(node: memoryview) -> None:
    for number, value in _fields(node):
        if number == _OPERATOR:
            operator = bytes(_message(value)).decode()
            if operator not in OPERATORS:
                raise ValueError(f"it uses the operator {operator[:40]!r}, which is not in OPERATORS of {__name__}")
        elif number == _ATTRIBUTE:
            for part, content in _fields(_message(value), skip=_HARMLESS):
                if part in (_TENSOR, _TENSORS):
                    _check_tensor(_message(content))
                elif part in (_SUBGRAPH, _SUBGRAPHS, _SPARSE, _SPARSES):
                    raise ValueError("an operator has a graph or sparse data of its own, which a model must not have")


def _check_tensor(tensor: memoryview) -> None:
    if any(number in (_EXTERNAL_DATA, _DATA_LOCATION) for number, _ in _fields(tensor)):
        raise ValueError("it keeps data in other files; a model must hold all its data")


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("it is not an ONNX file")  # noqa: TRY004  # the content is wrong, not the caller's type
    return value


def _fields(message: memoryview, *, skip: re.Pattern[bytes] | None = None) -> Iterator[Field]:
    at, end = 0, len(message)
    while at < end:
        if skip and (run := skip.match(message, at)):
            at = run.end()
            continue
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError("it is not an ONNX file")
        if at + size > end:
            raise ValueError("it is not an ONNX file, or its end is missing")
        yield number, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 64:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("it is not an ONNX file, or its end is missing")
