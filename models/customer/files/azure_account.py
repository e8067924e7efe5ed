"""Reads where a storage account of Azure is, and its key, from an address and the variables of Azure's own tools."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from models.customer.errors import StoreUnusable

CONNECTION = "AZURE_STORAGE_CONNECTION_STRING"
_EMULATOR = "devstoreaccount1"
_EMULATOR_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Microsoft's published key of its emulator, which protects nothing."""
_CLOUDS = ("core.windows.net", "core.usgovcloudapi.net", "core.chinacloudapi.cn")
_REMEDY = "Copy it anew from the access keys of the account, and give the whole of it in quotation marks."


@dataclass(frozen=True)
class Endpoint:
    """Where the blobs of an account are."""

    account: str
    scheme: str
    authority: str
    """`.blob.core.windows.net`, which follows the account, or `127.0.0.1:10000`, where it is the path."""


def split(bucket: str) -> tuple[str, Endpoint] | None:
    """Return the container and the endpoint of `CONTAINER@ACCOUNT.dfs.core.windows.net`; None if it is something else.

    The part after `dfs` is that of any of Azure's clouds. `blob` in place of `dfs` is the same account.

    >>> split("lake@ours.dfs.core.chinacloudapi.cn")
    ('lake', Endpoint(account='ours', scheme='https', authority='.blob.core.chinacloudapi.cn'))
    """
    container, _, host = bucket.partition("@")
    account, _, zone = host.lower().partition(".")
    kind, _, cloud = zone.partition(".")
    if not (container and account.isalnum() and kind in ("dfs", "blob") and cloud in _CLOUDS):
        return None
    return container, Endpoint(account, "https", f".blob.{cloud}")


def options(endpoint: Endpoint, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the arguments of pyarrow's file system: the account, where it is, and a key or token that variables have.

    A connection string is used for the account that it names, a key or token for `AZURE_STORAGE_ACCOUNT`, or for any
    account where that is not set.

    Raises:
        StoreUnusable: the connection string cannot be read, or is of another cloud; the error does not show it.
    """
    secret: dict[str, str] = {}
    if text := variables.get(CONNECTION):
        fields = _fields(text)
        named = _endpoint(fields)
        if named.account == endpoint.account:
            _require_same_cloud(named, endpoint)
            endpoint, secret = named, _secret(fields.get("accountkey"), fields.get("sharedaccesssignature"))
    if not secret and (variables.get("AZURE_STORAGE_ACCOUNT") or endpoint.account) == endpoint.account:
        secret = _secret(variables.get("AZURE_STORAGE_KEY"), variables.get("AZURE_STORAGE_SAS_TOKEN"))
    places = {"blob": endpoint.authority, "dfs": _swapped(endpoint.authority, "blob", "dfs")}
    where = {f"{kind}_storage_authority": place for kind, place in places.items()}
    schemes = {f"{kind}_storage_scheme": endpoint.scheme for kind in places}
    return {"account_name": endpoint.account} | where | schemes | secret


def _fields(text: str) -> dict[str, str]:
    """Return the fields of a connection string; their names are read in any case, as Azure's tools do."""
    pairs = [part.partition("=") for part in text.strip().strip("'\"").split(";") if part.strip()]
    fields = {name.strip().lower(): value.strip() for name, sign, value in pairs if sign}
    if len(fields) < len(pairs):
        raise StoreUnusable(path=CONNECTION, problem="it is no list of NAME=VALUE; pairs", remedy=_REMEDY)
    if fields.get("usedevelopmentstorage", "").lower() == "true":
        endpoint = f"http://127.0.0.1:10000/{_EMULATOR}"
        return {"accountname": _EMULATOR, "accountkey": _EMULATOR_KEY, "blobendpoint": endpoint}
    return fields


def _endpoint(fields: Mapping[str, str]) -> Endpoint:
    account = fields.get("accountname", "")
    if "blobendpoint" not in fields:
        if not account:
            raise StoreUnusable(path=CONNECTION, problem="it has no AccountName and no BlobEndpoint", remedy=_REMEDY)
        suffix = fields.get("endpointsuffix", "core.windows.net")
        return Endpoint(account, fields.get("defaultendpointsprotocol", "https"), f".blob.{suffix}")
    try:
        url = urlsplit(fields["blobendpoint"])
    except ValueError:
        url = urlsplit("")
    first, _, zone = url.netloc.partition(".")
    path = url.path.strip("/")
    if path and account in ("", path):
        return Endpoint(path, url.scheme, url.netloc)
    if not path and "blob" in zone.split(".") and account in ("", first):
        return Endpoint(first, url.scheme, f".{zone}")
    problem = "its BlobEndpoint is neither https://ACCOUNT.blob.SUFFIX nor http://HOST:PORT/ACCOUNT"
    raise StoreUnusable(path=CONNECTION, problem=problem, remedy="Give one of the two forms.")


def _require_same_cloud(named: Endpoint, endpoint: Endpoint) -> None:
    if named.authority.startswith(".") and named.authority != endpoint.authority:
        zone = _swapped(named.authority, "blob", "dfs")
        problem = f"it is of {named.account}{zone}, and the address of another cloud"
        raise StoreUnusable(path=CONNECTION, problem=problem, remedy="Name the same cloud in both.")


def _secret(key: str | None, token: str | None) -> dict[str, str]:
    key, token = (key or "").strip(), (token or "").strip().lstrip("?")
    if key:
        return {"account_key": key}
    return {"sas_token": f"?{token}"} if token else {}


def _swapped(zone: str, old: str, new: str) -> str:
    return ".".join(new if part == old else part for part in zone.split("."))
