"""Writes a note for the person who calls a customer: two sentences, by a language model or by a template.

Only words of a closed set are sent: the tier, the names of features, and whether each raises or lowers the risk. So no
value of a customer leaves the service, and no customer can give the model instructions. Its answer is untrusted text.
"""

import asyncio
import json
import logging
import re
import ssl
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from time import monotonic
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import urlsplit

import httptools
from pydantic_core import to_json

from models.bundles.risk import RiskTier
from models.customer import reasons
from models.features import CONTRACT
from service.metrics.metrics import Metrics
from service.metrics.note_metrics import NoteFailure, TokenKind
from service.model.predictor import PredictionBatch
from service.settings import NoteSettings

logger = logging.getLogger(__name__)

Writer = Literal["template", "model"]
MAX_CHARACTERS = 400
MAX_TOKENS, MAX_ANSWER_BYTES = 150, 65_536
"""Longest text that the model is asked for, and longest answer that is read."""
MAX_CALLS = 8
"""Most calls of the model at a time, for each worker; nobody waits for a turn."""
MAX_CACHED = 2_000
"""Texts of the model that are kept, about 1 MB. Five features make fewer different prompts."""
PAUSE_SECONDS = 10.0
"""Time after a failed call in which the model is not asked, so that nobody waits for one that is down."""
INSTRUCTION = (
    "You help an agent who is about to call a customer. Write exactly two short sentences in plain English: the first "
    "says where the risk that the customer leaves comes from, the second how to begin the call. You know only what "
    "follows. Write no numbers, no names, no lists and no markup, and promise nothing."
)
REPORTED: tuple[TokenKind, ...] = ("prompt", "completion")
FREE: frozenset[NoteFailure] = frozenset({"unreachable", "status", "redirect"})
"""Failures of calls that are taken to use no tokens."""
_ADVICE: Mapping[RiskTier, str] = {
    "low": "No offer is needed: listen, and answer questions.",
    "medium": "Ask what the customer misses, and how you can help.",
    "high": "Ask early what went wrong, and have an offer ready.",
}
_FORBIDDEN = re.compile(r"[\d<>{}\[\]`*_#|\\@~^]|://|www\.")
"""Markup, addresses and digits. The model is told no number, so it has invented each that it writes."""
_SENTENCE_END = re.compile(r"[.!?](?= |$)")


class Facts(NamedTuple):
    """All that a note is made of."""

    tier: RiskTier
    effects: tuple[tuple[str, bool], ...]
    """Names of the features with the strongest effect, strongest first, and whether each raises the risk."""

    @classmethod
    def of(cls, predicted: PredictionBatch) -> Self:
        """Take them from the explained prediction of one customer."""
        assert predicted.contributions is not None  # noqa: S101  # a note comes with an explanation
        by_feature, score = predicted.contributions.by_feature[0].tolist(), float(predicted.contributions.scores[0])
        found = reasons.strongest(predicted.contract, by_feature, score=score)
        return cls(predicted.tiers[0], tuple((reasons.label(feature), effect > 0) for feature, effect in found))

    def fill_template(self) -> str:
        """Write the note without a model."""
        raising = _list([name for name, raises in self.effects if raises])
        lowering = _list([name for name, raises in self.effects if not raises])
        causes = [raising and f"raised by {raising}", lowering and f"lowered by {lowering}"]
        cause = ", ".join(filter(None, causes)) or "no feature stands out"
        return f"The risk that this customer leaves is {self.tier}: {cause}. {_ADVICE[self.tier]}"

    def prompt(self) -> str:
        """Write what the model is told."""
        lines = [f"- {name} {'raises' if raises else 'lowers'} the risk" for name, raises in self.effects]
        return "\n".join([f"Risk of leaving: {self.tier}", "Reasons, strongest first:", *(lines or ["- none"])])


def _list(names: Sequence[str]) -> str:
    *first, last = names or [""]
    return f"{', '.join(first)} and {last}" if first else last


EXAMPLE = Facts("high", ((reasons.label(CONTRACT.features[0]), True),)).fill_template()


class NoNoteError(Exception):
    """The model has not written a note that can be used."""

    def __init__(self, reason: NoteFailure, detail: object = "") -> None:
        self.reason = reason
        super().__init__(f"{reason} ({detail})" if detail else reason)


class Notes:
    """Writes the notes of one app; used in the event loop only."""

    def __init__(
        self, settings: NoteSettings, metrics: Metrics, *, today: Callable[[], date] = lambda: datetime.now(UTC).date()
    ) -> None:
        """Without an address in the settings, the template writes all notes."""
        self._settings, self._metrics, self._today = settings, metrics, today
        self._tls = ssl.create_default_context() if settings.note_url.startswith("https:") else None
        self._texts: OrderedDict[Facts, str] = OrderedDict()
        self._calls, self._paused_until = 0, 0.0
        self._day, self._tokens_left = today(), settings.note_tokens_per_day

    async def append(self, answer: bytes, predicted: PredictionBatch) -> bytes:
        """Append a note to the answer for one customer, a JSON object."""
        text, writer = await self._write(Facts.of(predicted))
        return b'%b,"note":%b}' % (answer[:-1], to_json({"text": text, "written_by": writer}))

    async def _write(self, facts: Facts) -> tuple[str, Writer]:
        if facts in self._texts:
            self._texts.move_to_end(facts)
            self._metrics.count_note("cache")
            return self._texts[facts], "model"
        if self._settings.note_url:
            try:
                text = self._texts[facts] = await self._ask(facts)
            except NoNoteError as error:
                self._metrics.count_note_failure(error.reason)
            else:
                if len(self._texts) > MAX_CACHED:
                    self._texts.popitem(last=False)
                self._metrics.count_note("model")
                return text, "model"
        self._metrics.count_note("template")
        return facts.fill_template(), "template"

    async def _ask(self, facts: Facts) -> str:
        told = [{"role": "system", "content": INSTRUCTION}, {"role": "user", "content": facts.prompt()}]
        body = to_json({"model": self._settings.note_model, "messages": told, "max_tokens": MAX_TOKENS})
        with self._limited(most_tokens=len(body) + MAX_TOKENS) as used:  # a token has at least one byte
            try:
                async with asyncio.timeout(self._settings.note_seconds):
                    answer = await _post(self._settings, self._tls, body)
            except TimeoutError as error:
                raise NoNoteError("timeout") from error
            except (OSError, httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
                raise NoNoteError("unreachable", error) from error
            text, reported = _parse(answer)
            if reported:
                used.clear()
                used.update(reported)
        return _check(text)

    @contextmanager
    def _limited(self, most_tokens: int) -> Iterator[dict[TokenKind, int]]:
        """Admit a call, and charge the tokens that it used, by default the most that it can use."""
        if (today := self._today()) != self._day:
            self._day, self._tokens_left = today, self._settings.note_tokens_per_day
        if monotonic() < self._paused_until:
            raise NoNoteError("pause")
        if self._calls >= MAX_CALLS:
            raise NoNoteError("busy")
        if most_tokens > self._tokens_left:
            raise NoNoteError("budget")
        self._calls += 1
        self._tokens_left -= most_tokens
        used: dict[TokenKind, int] = {"unreported": most_tokens}
        began = monotonic()
        try:
            yield used
        except NoNoteError as error:
            if error.reason in FREE:
                used.clear()
            self._paused_until = monotonic() + PAUSE_SECONDS
            logger.warning("the model wrote no note: %s; it is asked again in %g s", error, PAUSE_SECONDS)
            raise
        finally:
            self._calls -= 1
            self._tokens_left += most_tokens - sum(used.values())
            self._metrics.count_note_call(monotonic() - began, used)


class _Answer:
    """An answer over HTTP; the parser calls its methods."""

    def __init__(self) -> None:
        self.status, self.body, self.is_complete = 0, bytearray(), False

    def on_body(self, part: bytes) -> None:
        """Add a part of the body."""
        self.body += part

    def on_message_complete(self) -> None:
        """Note the end."""
        self.is_complete = True


async def _post(settings: NoteSettings, tls: ssl.SSLContext | None, body: bytes) -> _Answer:
    """Send a request over a connection of its own. No redirect is followed, and what is too long is cut off."""
    url, key = urlsplit(settings.note_url), settings.note_key
    head = [f"POST {url.path}/chat/completions HTTP/1.1", f"Host: {url.netloc}", "Connection: close"]
    head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    if key:
        head.append(f"Authorization: Bearer {key.get_secret_value()}")
    parser, received = httptools.HttpResponseParser(answer := _Answer()), 0
    reader, writer = await asyncio.open_connection(url.hostname, url.port or (443 if tls else 80), ssl=tls)
    try:
        writer.write("\r\n".join([*head, "", ""]).encode() + body)
        while not answer.is_complete and received < MAX_ANSWER_BYTES and (part := await reader.read(MAX_ANSWER_BYTES)):
            received += len(part)
            parser.feed_data(part)
    finally:
        writer.transport.abort()
    if not received:
        raise ConnectionResetError("the connection ended without an answer")
    answer.status = parser.get_status_code()
    return answer


def _parse(answer: _Answer) -> tuple[object, dict[TokenKind, int]]:
    """Return what stands for the text in an answer, and its tokens, if it reports them."""
    if answer.status != 200:
        raise NoNoteError("redirect" if 300 <= answer.status < 400 else "status", answer.status)
    try:
        found = json.loads(answer.body)
        text, usage = found["choices"][0]["message"]["content"], found.get("usage") or {}
        reported: dict[TokenKind, Any] = {kind: usage.get(f"{kind}_tokens") for kind in REPORTED}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise NoNoteError("unreadable", "no chat completion") from error
    is_credible = all(type(tokens) is int and 0 <= tokens < 1_000_000 for tokens in reported.values())
    return text, reported if is_credible else {}


def _check(raw: object) -> str:
    """Return the text of the model as one line, if it may be shown."""
    text = " ".join(raw.split()) if isinstance(raw, str) else ""
    if not text.isprintable() or _FORBIDDEN.search(text):
        raise NoNoteError("unusable", "markup, an address, a number or a control character")
    if len(text) > MAX_CHARACTERS or len(_SENTENCE_END.findall(text)) != 2 or text[-1] not in ".!?":
        raise NoNoteError("unusable", f"not two sentences of at most {MAX_CHARACTERS} characters")
    return text
