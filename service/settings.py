"""Settings of the service, from the command line or SERVICE_* variables."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from models import listening

Kept = Literal["plain", "hashed", "none"]
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")
_HOST = re.compile(r"\*|(\*\.)?[\w-]+(\.[\w-]+)*|\[[0-9a-fA-F:.]+\]", re.ASCII)
_API = re.compile(r"https?://([\w-]{1,63}(\.[\w-]{1,63})*|\[[0-9a-fA-F:.]+\])(:\d{1,5})?(/[\w.~/-]*)?", re.ASCII)
_ORIGIN = re.compile(r"\*|https?://([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d+)?", re.ASCII)


def names(text: str) -> tuple[str, ...]:
    """Return the names in a text that separates them by commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _hosts(text: str) -> str:
    if wrong := [name for name in names(text) if not _HOST.fullmatch(name)]:
        raise PydanticCustomError("host", "{name}: name a host without scheme and port", {"name": wrong[0]})
    return text


def _origins(text: str) -> str:
    origins = [name.rstrip("/") for name in names(text)]
    if wrong := [name for name in origins if not _ORIGIN.fullmatch(name)]:
        raise PydanticCustomError("origin", "{name}: write an origin as https://app.example.com", {"name": wrong[0]})
    return ",".join(origins)


def _networks(text: str) -> str:
    for name in names(text):
        try:
            ipaddress.ip_network(name, strict=False)
        except ValueError:
            raise PydanticCustomError("network", "{name}: name an address or a network", {"name": name}) from None
    return text


def _database(url: str) -> str:
    if url and not url.startswith(("sqlite:///", "postgresql://")):
        raise ValueError("name a database as sqlite:///var/predictions.db or postgresql://user:password@host/database")
    return url


def _api(url: str) -> str:
    port = re.search(r":(\d+)", url)
    if url and (not _API.fullmatch(url) or (port and not 0 < int(port[1]) < 65_536)):
        raise PydanticCustomError("api", "write the address as https://api.example.com/v1, without user and query")
    return url.rstrip("/")


class ListenSettings(BaseSettings):
    """Where the service listens, and with how many processes."""

    model_config = SettingsConfigDict(
        env_prefix="SERVICE_",
        frozen=True,
        extra="forbid",
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_hide_none_type=True,
        use_attribute_docstrings=True,
    )

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 is every address of the machine."""
    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0 takes a free port and logs it."""
    ops_host: str = "127.0.0.1"
    """Address of the operators' port."""
    ops_port: int | None = Field(default=None, ge=0, le=65535)
    """Port for /metrics and the reasons in /health, without keys; by default the one port, for the scope `read`."""
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = ""
    """Addresses or networks of proxies that are believed in X-Forwarded-For, separated by commas."""
    tls_certificate: Path | None = None
    """PEM file of the certificate and the chain behind it, for HTTPS from TLS 1.2 on; needs the key, too."""
    tls_key: Path | None = None
    """PEM file of the certificate's key, without a password."""
    workers: int = Field(default=1, ge=1)
    """Worker processes on the one port, each with its own copy of the model; a worker that dies is replaced."""

    @field_validator("*", mode="before")
    @classmethod
    def _leave_out_if_empty(cls, given: Any, info: ValidationInfo) -> Any:
        """Read an empty variable as none, where none is the default."""
        return None if given == "" and cls.model_fields[str(info.field_name)].default is None else given

    @property
    def ops_hosts(self) -> tuple[str, ...]:
        """The names that the header Host may have at the operators' port; empty for all."""
        return (*LOOPBACK_HOSTS, self.ops_host) if listening.is_loopback(self.ops_host) else ()


class AccessSettings(ListenSettings):
    """Who may use the service, and how often."""

    keys_file: Path | None = None
    """TOML file of API keys, which `python -m service keys` makes; it is read again when it changes; empty for none."""
    make_first_key: bool = False
    """Create a missing keys file with one key of all scopes, and write its text to first.key beside it."""
    allow_anonymous: bool = False
    """Serve without keys beyond this machine: everyone who reaches the port may predict and report outcomes."""
    requests_per_second: float | None = Field(default=None, gt=0)
    """Most requests per second of one key, or of one address without keys, for each worker; more get 429."""
    rows_per_second: float | None = Field(default=None, gt=0)
    """Most predicted customers per second of one key or address, for each worker; more get 429."""
    allowed_hosts: Annotated[str, AfterValidator(_hosts)] = ""
    """Hosts that are answered, as api.example.com,*.example.org; by default all, without keys this machine's."""
    cors_origins: Annotated[str, AfterValidator(_origins)] = ""
    """Origins whose web pages may call the service, separated by commas: https://app.example.com; `*` is all."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names that the header Host may have; empty for all."""
        if self.allowed_hosts:
            return names(self.allowed_hosts)
        is_local = self.keys_file is None and listening.is_loopback(self.host)
        return (*LOOPBACK_HOSTS, self.host) if is_local else ()


class NoteSettings(AccessSettings):
    """Who writes the notes of `POST /predict?note=true`, and at what expense."""

    note_url: Annotated[str, AfterValidator(_api)] = ""
    """OpenAI-compatible API whose model writes notes, as https://api.example.com/v1; by default a template does."""
    note_model: str = Field(default="", validate_default=True)
    """Name of that model; needed with the address."""
    note_key: SecretStr | None = None
    """Key of that API, sent as a bearer token; never shown."""
    note_seconds: float = Field(default=4, gt=0, le=25)
    """Longest time that a note may take; after that the template writes it."""
    note_tokens_per_day: int = Field(default=200_000, ge=0)
    """Most tokens that the notes of one day (UTC) may use, for each worker; then the template writes them."""

    @field_validator("note_model")
    @classmethod
    def _is_needed_for_url(cls, name: str, info: ValidationInfo) -> str:
        if info.data.get("note_url") and not name.strip():
            raise PydanticCustomError("note", "name the model that writes notes at SERVICE_NOTE_URL")
        return name.strip()

    @field_validator("note_key")
    @classmethod
    def _fits_a_header(cls, key: SecretStr | None) -> SecretStr | None:
        text = key.get_secret_value().strip() if key else ""
        if not re.fullmatch("[!-~]*", text):
            raise PydanticCustomError("key", "a key has no blanks, and no letters beyond ASCII")
        return SecretStr(text) if text else None


class HoldoutSettings(NoteSettings):
    """Who gets no offer, so that the effect of offers can be measured."""

    holdout_fraction: float = Field(default=0, ge=0, le=0.5)
    """Share of the customers with a `customer_id` who are drawn to get no offer; /predict then tells `held_out`."""
    holdout_name: str = Field(default="holdout", min_length=1, max_length=64, pattern="^[!-~]+$")
    """Name of the draw: the same name always draws the same customers, and another one draws others."""


class Settings(HoldoutSettings):
    """Serve the pinned model over HTTP. `python -m service keys` manages API keys."""

    models_dir: Path = Path("models")
    """Folder of pinned.json and store/."""
    page: bool = True
    """Serve the demo page at /, and POST /predict/trial, which logs no prediction; otherwise / leads to /docs."""
    max_body_bytes: int | None = Field(default=None, ge=1)
    """Largest body of a batch; a larger body gets 413. By default 10,000 indented customers fit, or 4 MB."""
    max_turn_seconds: float = Field(default=0.05, gt=0)
    """Longest time that a prediction may wait in the event loop; later ones get 503."""
    drain_seconds: float = Field(default=2, ge=0, le=5)
    """Time between SIGTERM and the end; /health/ready answers 503 and other requests are still served."""
    log_lines_per_second: int = Field(default=10, ge=0)
    """Most log lines about successful and shed requests. Refused and failed requests have as many each, at least 10."""
    log_url: Annotated[str, AfterValidator(_database)] = "sqlite:///var/predictions.db"
    """Database of the prediction log, SQLite or PostgreSQL; empty for no log."""
    log_inputs: Kept = "plain"
    """What the prediction log stores of a customer: `plain` values, `hashed` (a keyed digest), or `none`."""
    log_customers: bool = True
    """Store a keyed digest of `customer_id`, so that a customer counts once; the id itself is never stored."""
    output_dir: Path = Path("var")
    """Folder for spool/, where predictions wait for the database, and for the key of digests."""
    max_spool_bytes: int = Field(default=1_073_741_824, ge=1)
    """Largest size of spool/; beyond it predictions are dropped and counted. 5 million predictions take 1 GB."""

    @property
    def spool(self) -> Path:
        """The folder where predictions wait for the database."""
        return self.output_dir / "spool"
