"""Reads Universal Binary JSON, the format of XGBoost's model files: https://ubjson.org, draft 12."""

import struct
from typing import Any

import numpy as np

MAX_DEPTH = 32
_NUMBERS = {"i": ">b", "U": ">B", "I": ">h", "l": ">i", "L": ">q", "d": ">f", "D": ">d"}
_DTYPES = {
    kind: np.dtype(name)
    for kind, name in (("i", ">i1"), ("U", ">u1"), ("I", ">i2"), ("l", ">i4"), ("L", ">i8"), ("d", ">f4"), ("D", ">f8"))
}
_LENGTHS = frozenset("iUIlL")
_CONSTANTS: dict[str, Any] = {"T": True, "F": False, "Z": None}
_STRUCTS = {marker: struct.Struct(form) for marker, form in _NUMBERS.items()}


def read(content: bytes) -> Any:
    """Read one value; arrays of one type become NumPy arrays.

    Raises:
        ValueError: the content is not UBJSON, or has more than 32 levels.
    """
    reader = _Reader(content)
    value = reader.value(reader.marker(), MAX_DEPTH)
    if reader.at != len(content):
        raise ValueError("more bytes follow its end")
    return value


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content, self.at = content, 0

    def marker(self) -> str:
        try:
            marker = chr(self._content[self.at])
        except IndexError as error:
            raise ValueError("its end is missing") from error
        self.at += 1
        return marker

    def value(self, marker: str, levels: int) -> Any:
        if marker == "[":
            return self._array(levels - 1)
        if marker == "S":
            return self._take(self._size(self.marker())).decode()
        if marker == "{":
            return self._object(levels - 1)
        if marker in _STRUCTS:
            return self._number(marker)
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        raise ValueError(f"it has {marker!r} at byte {self.at} instead of a value")

    def _object(self, levels: int) -> dict[str, Any]:
        _require(levels)
        found: dict[str, Any] = {}
        while (marker := self.marker()) != "}":
            name = self._take(self._size(marker)).decode()
            if name in found:
                raise ValueError(f"the key {name[:40]!r} is there twice")
            found[name] = self.value(self.marker(), levels)
        return found

    def _array(self, levels: int) -> Any:
        _require(levels)
        marker = self.marker()
        if marker == "$":
            kind, mark = self.marker(), self.marker()
            if kind not in _DTYPES or mark != "#":
                raise ValueError(f"it has an array of {kind!r} at byte {self.at}")
            dtype = _DTYPES[kind]
            return np.frombuffer(self._take(self._size(self.marker()) * dtype.itemsize), dtype)
        if marker == "#":
            size = self._size(self.marker())
            return [self.value(self.marker(), levels) for _ in range(size)]
        found = []
        while marker != "]":
            found.append(self.value(marker, levels))
            marker = self.marker()
        return found

    def _size(self, marker: str) -> int:
        if marker not in _LENGTHS:
            raise ValueError(f"it has {marker!r} at byte {self.at} instead of a length")
        size: int = self._number(marker)
        if not 0 <= size <= len(self._content):
            raise ValueError(f"it has a length of {size} at byte {self.at}")
        return size

    def _number(self, marker: str) -> Any:
        form, at = _STRUCTS[marker], self.at
        self.at += form.size
        try:
            return form.unpack_from(self._content, at)[0]
        except struct.error as error:
            raise ValueError("its end is missing") from error

    def _take(self, size: int) -> bytes:
        if (end := self.at + size) > len(self._content):
            raise ValueError("its end is missing")
        taken = self._content[self.at : end]
        self.at = end
        return taken


def _require(levels: int) -> None:
    if levels < 0:
        raise ValueError(f"it has more than {MAX_DEPTH} levels")
