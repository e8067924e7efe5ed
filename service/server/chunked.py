"""Limits of a chunked body and its trailer."""

from dataclasses import dataclass

from starlette.exceptions import HTTPException

from service.server import head_rules

MAX_CHUNKS, FRAME_BYTES = 20_000, 16
"""Most chunks of a body, and what each may take besides its data; chunk extensions count as trailer."""
MAX_BLANK_LINES = 100_000
"""Most blank lines in a body. Each ends a piece of the input, because the next request may begin behind it."""


@dataclass
class ChunkedBody:
    """What was counted of one chunked body."""

    received_bytes: int = 0
    """With everything between the data."""
    chunks: int = 0
    blank_lines: int = 0

    def find_fault(self, *, data_bytes: int, trailers: int) -> HTTPException | None:
        """Return why a body with so much data and so many fields behind it is refused, None if it is not."""
        if self.chunks > MAX_CHUNKS:
            return HTTPException(400, f"The body has more than {MAX_CHUNKS} chunks. Send larger ones.")
        if self.blank_lines > MAX_BLANK_LINES:
            problem = f"The chunked body has more than {MAX_BLANK_LINES} blank lines."
            return HTTPException(400, f"{problem} Send it without them, or with Content-Length.")
        framing = self.received_bytes - data_bytes - FRAME_BYTES * self.chunks
        if framing > head_rules.MAX_HEAD_BYTES or trailers > head_rules.MAX_FIELDS:
            return head_rules.too_large()
        return None
