"""Parser of requests with limits: Uvicorn's httptools protocol has none on size or number of a request's fields.

Input that could keep the parser busy is parsed in pieces, each with the head of one request at most, and what came of a
piece is checked before the next. A request that is refused gets a problem document, and its connection is closed.
"""

from typing import ClassVar, NoReturn

import httptools
from starlette.exceptions import HTTPException
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from service.server import expectations, head_rules, refusals
from service.server.chunked import ChunkedBody
from service.server.keep_alive import KeepAlive
from service.server.packets import LINGER_BYTES
from service.server.turns import Turns

MAX_PIPELINED = 16
"""Requests of one connection that wait for an answer; no more input is parsed meanwhile."""
PIECE_BYTES, BODY_PIECE_BYTES = 2_048, 65_536
HEAD_END = b"\r\n\r\n"
_NOTED = frozenset({b"host", b"content-length", b"transfer-encoding", b"expect", b"upgrade"})


class _RefusedError(Exception):
    """Makes the parser stop."""


class BoundedParsing(KeepAlive):
    """Parses the requests of one connection within limits."""

    turns: ClassVar[Turns] = Turns()
    """Shared by all connections of the process."""
    _fault: HTTPException | None = None
    _stopped = False
    """Whether further input is dropped."""
    _waiting = b""
    """Input that is not parsed yet."""
    _is_in_turns = _is_unusual = False
    _hosts = _head_bytes = _body_bytes = _length_bytes = _dropped_bytes = 0
    _chunked: ChunkedBody | None = None
    """None while no chunked body is read."""

    def data_received(self, data: bytes) -> None:
        """Parse a small request at once, and everything else in turns."""
        if len(data) > PIECE_BYTES or self._waiting or self._stopped or data.count(HEAD_END) > 1:
            self._take_turns(data)
            return
        try:
            self._parse(data)
        except Exception as error:  # noqa: BLE001  # `fail` logs it
            self.fail(error)

    def on_message_begin(self) -> None:
        """Begin a request; the connection is not idle any more."""
        self._unset_keepalive_if_required()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a field, and note those that decide how the request is read."""
        name = name.lower()
        if name in _NOTED:
            if name == b"host":
                self._hosts += 1
            elif name == b"content-length" and len(value) <= head_rules.MAX_LENGTH_DIGITS:
                self._length_bytes = int(value)
            elif name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            else:
                self._is_unusual = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Refuse the request, or start it."""
        if (
            self._hosts != 1
            or self._is_unusual
            or self._head_bytes
            or len(self.headers) > head_rules.MAX_FIELDS
            or len(self.url) > head_rules.MAX_URL_BYTES
            or self.parser.get_http_version() != "1.1"
        ) and (fault := self._find_fault()):
            self._stop(fault)
        self._body_bytes = self._head_bytes = 0
        try:
            super().on_headers_complete()
        except (httptools.HttpParserInvalidURLError, AttributeError):  # of `http://a`, the path is None
            self._stop(head_rules.not_a_path())
        if self.expect_100_continue:
            expectations.watch(self.cycle)
        if self._chunked:  # trailers go here, not among the fields of the request
            self.headers = []

    def on_body(self, body: bytes) -> None:
        """Add a part of the body."""
        self._body_bytes += len(body)
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_chunk_header(self) -> None:
        """Count a chunk."""
        if self._chunked:
            self._chunked.chunks += 1

    def on_message_complete(self) -> None:
        """End the request, and forget what was counted for it."""
        if self._chunked and (fault := self._find_chunked_fault(self._chunked)):
            self._stop(fault)
        self._hosts, self._chunked, self._is_unusual = 0, None, False
        self.cycle.more_body = False
        self.cycle.message_event.set()

    def resume(self) -> None:
        """Go on with input that waits, or read on."""
        if not self._waiting:
            self.transport.read()  # type: ignore[attr-defined]  # it is a `Packets`
        elif not self._is_in_turns:
            self._is_in_turns = True
            self.turns.add(self, self.loop)

    def read_on(self) -> bool:
        """Parse the next pieces of the input that waits; return whether to go on in a later turn."""
        self._is_in_turns = False
        if self.transport is None or self.transport.is_closing():
            self._waiting = b""
            return False
        data, at = self._waiting, 0
        while at < min(len(data), BODY_PIECE_BYTES) and not self._stopped and len(self.pipeline) < MAX_PIPELINED:
            end = self._find_end(data, at)
            self._parse(data[at:end])
            at = end
        self._waiting = b"" if self._stopped else data[at:]
        if self._waiting:
            self._is_in_turns = self._may_parse()
        elif not self.flow.read_paused or self._stopped:
            self.transport.read()  # type: ignore[attr-defined]  # it is a `Packets`
        return self._is_in_turns

    def fail(self, error: Exception) -> None:
        """End the connection, whose input met a fault of ours."""
        raise NotImplementedError

    def drop_input(self) -> None:
        """Drop everything that still comes."""
        self._stopped, self._waiting = True, b""

    def _take_turns(self, data: bytes) -> None:
        if self._stopped:
            self._dropped_bytes += len(data)
            if self._dropped_bytes > LINGER_BYTES:
                self.transport.pause_reading()
            return
        self._waiting += data
        self.transport.pause_reading()
        if self._may_parse():
            self.resume()

    def _may_parse(self) -> bool:
        if len(self.pipeline) < MAX_PIPELINED:
            return True
        self.flow.pause_reading()  # the next answer resumes it
        return False

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # the protocol stays as it is, which HTTP allows
            self.cycle.keep_alive = False
            self.drop_input()
            if self.cycle.response_complete:
                self.transport.close()
        except httptools.HttpParserCallbackError as error:  # a method of this class failed
            if self._fault is None:
                raise error.__context__ or error from None
            self._refuse(self._fault)
        except httptools.HttpParserError as error:
            self._refuse(head_rules.malformed(str(error).rstrip(".") or "it cannot be parsed"))
        else:
            cycle = self.cycle
            if cycle is None or cycle.scope is not self.scope:
                self._check_incomplete_head(len(data))
            elif self._chunked:
                self._chunked.received_bytes += len(data)
                if fault := self._find_chunked_fault(self._chunked):
                    self._refuse(fault)

    def _find_end(self, data: bytes, at: int) -> int:
        """Return the end of the next piece: that of a head, that of a body of known length, or a number of bytes."""
        cycle = self.cycle
        if cycle is not None and cycle.scope is self.scope and cycle.more_body and not self._chunked:
            return at + min(BODY_PIECE_BYTES, max(1, self._length_bytes - self._body_bytes))
        found = data.find(HEAD_END, at, at + PIECE_BYTES)
        if found >= 0 and self._chunked:
            self._chunked.blank_lines += 1
        return found + len(HEAD_END) if found >= 0 else at + PIECE_BYTES

    def _find_fault(self) -> HTTPException | None:
        version, headers = self.parser.get_http_version(), self.headers
        fault = head_rules.find_fault(version, self.url, headers, is_100_expected=self.expect_100_continue)
        if fault is None and self.parser.should_upgrade():  # the parser would skip the body
            fault = head_rules.find_upgrade_fault(headers)
        is_chunked = fault is None and any(name == b"transfer-encoding" for name, _ in headers)
        self._chunked = ChunkedBody() if is_chunked else None
        return fault

    def _check_incomplete_head(self, new_bytes: int) -> None:
        if self.scope is None:  # only blank lines came, which are allowed before the first request
            return
        self._head_bytes += new_bytes
        if len(self.url) > head_rules.MAX_URL_BYTES:
            self._refuse(head_rules.too_long())
        elif self._head_bytes > head_rules.MAX_HEAD_BYTES or len(self.headers) > head_rules.MAX_FIELDS:
            self._refuse(head_rules.too_large())

    def _find_chunked_fault(self, chunked: ChunkedBody) -> HTTPException | None:
        return chunked.find_fault(data_bytes=self._body_bytes, trailers=len(self.headers))

    def _stop(self, fault: HTTPException) -> NoReturn:
        self._fault = fault
        raise _RefusedError

    def _refuse(self, fault: HTTPException) -> None:
        """Answer the request that is being parsed with a problem, after all earlier ones, and close."""
        self.drop_input()
        self._unset_keepalive_if_required()
        latest = self.cycle
        is_busy = latest is not None and not latest.response_complete
        if latest is not None and latest.scope is self.scope:  # its body or trailer is at fault
            if latest.response_started:
                latest.keep_alive = False
                if latest.response_complete:
                    self.transport.close()
                return
            if is_busy := bool(self.pipeline):
                self.pipeline.popleft()
            else:
                latest.disconnected = True
                latest.message_event.set()
        self.cycle = refusal = refusals.make_cycle(self, fault)
        app = self.app_state["refuse"]
        if is_busy:
            self.pipeline.appendleft((refusal, app))
        else:
            self._start_asgi_task(refusal, app)
