"""Makes the first API key on Kubernetes: `python -m service.access.kubernetes_secret NAME`.

Key and keys file become a Secret of that name in the pod's namespace. A Secret that exists is left as it is.
"""

import http.client
import json
import ssl
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from models import command_line
from service.access import keys_file

API = "https://kubernetes.default.svc"
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Folder where Kubernetes puts the token of a pod's ServiceAccount, its namespace and the CA of the API server."""
LIMIT_SECONDS = 10
ENDED = 1
"""Exit code if the Secret could not be made; the Job tries again."""


class NotMade(RuntimeError):
    """The Secret could not be made."""


def make(name: str, *, api: str = API, account: Path = ACCOUNT) -> bool:
    """Make a Secret with a new key; return False if it exists.

    Raises:
        NotMade: the API server refused, or does not answer.
    """
    try:
        namespace = (account / "namespace").read_text().strip()
        token = (account / "token").read_text().strip()
        context = ssl.create_default_context(cafile=account / "ca.crt")
    except OSError as error:
        raise NotMade(f"{error}. Run this in a pod with a token of its ServiceAccount.") from error
    # From Python 3.13 on, the default refuses CAs without extensions that those of some clusters lack.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    request = urllib.request.Request(  # noqa: S310  # always https
        f"{api}/api/v1/namespaces/{namespace}/secrets",
        json.dumps(_secret(name)).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    no_proxy, https = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    try:
        with urllib.request.build_opener(no_proxy, https).open(request, timeout=LIMIT_SECONDS):
            return True
    except urllib.error.HTTPError as error:
        if error.code == http.client.CONFLICT:
            return False
        remedy = "Look at the Role and the RoleBinding of this Job" if error.code == http.client.FORBIDDEN else "Retry"
        raise NotMade(f"the API server answered {error.code} {error.reason}. {remedy}.") from error
    except (OSError, http.client.HTTPException) as error:
        raise NotMade(f"{api} cannot be asked: {error}. Look at the network policy of this Job.") from error


def _secret(name: str) -> Mapping[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder, "keys.toml")
        first = keys_file.create(keys)
        files = {path.name: path.read_text(encoding="utf-8") for path in (keys, first) if path}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": name},
        "stringData": files,
    }


def main(arguments: Sequence[str], *, api: str = API, account: Path = ACCOUNT) -> int:
    """Make the Secret that the one argument names; return 1 if that failed, 2 without a name."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m service.access.kubernetes_secret NAME\n")
        return command_line.INVALID
    [name] = arguments
    try:
        made = make(name, api=api, account=account)
    except NotMade as error:
        sys.stderr.write(f"the Secret {name} was not made: {error}\n")
        return ENDED
    told = "was made; its first.key is a key of all scopes" if made else "exists, and was left as it is"
    sys.stdout.write(f"the Secret {name} {told}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
