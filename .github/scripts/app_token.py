"""Asks GitHub for a token of an App that is installed in this repository; it is valid for an hour.

RETRAIN_APP_ID and RETRAIN_APP_KEY (the private key) are the App's, and GITHUB_REPOSITORY is `owner/name`. The key is
signed with by `openssl`, since scripts run without the packages of the project.
"""

import base64
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

LIMIT_SECONDS = 20
VALID_SECONDS = 300
CLOCK_SECONDS = 60
"""Time by which GitHub's clock may be behind."""
PERMISSIONS = {"contents": "write", "pull_requests": "write"}


def request() -> str | None:
    """Return a token for this repository alone; None if there is no App.

    Raises:
        OSError: the key is none, or GitHub gave no token.
    """
    app, key = os.environ.get("RETRAIN_APP_ID", "").strip(), os.environ.get("RETRAIN_APP_KEY", "").strip()
    if not app or not key:
        return None
    repository = os.environ.get("GITHUB_REPOSITORY", "")
    proof = sign(app, key)
    installation = _ask(f"/repos/{repository}/installation", proof)["id"]
    wanted = {"repositories": [repository.partition("/")[2]], "permissions": PERMISSIONS}
    token: str = _ask(f"/app/installations/{installation}/access_tokens", proof, wanted)["token"]
    if os.environ.get("GITHUB_ACTIONS"):
        sys.stdout.write(f"::add-mask::{token}\n")
    return token


def sign(app: str, key: str) -> str:
    """Return a JSON Web Token that proves the App.

    Raises:
        OSError: the key is none.
    """
    now = int(time.time())
    claims = {"iat": now - CLOCK_SECONDS, "exp": now + VALID_SECONDS, "iss": app}
    content = ".".join(_base64(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT"}, claims))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "key.pem"
        file.touch(mode=0o600)
        file.write_text(f"{key}\n")
        command = ("openssl", "dgst", "-sha256", "-sign", str(file))
        done = subprocess.run(command, input=content.encode(), capture_output=True, check=False)
    if done.returncode:
        raise OSError("RETRAIN_APP_KEY is no private key. Store the whole .pem file of the App")
    return f"{content}.{_base64(done.stdout)}"


def _ask(path: str, proof: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    server = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    headers = {"Authorization": f"Bearer {proof}", "Accept": "application/vnd.github+json"}
    content = json.dumps(body).encode() if body else None
    asked = urllib.request.Request(f"{server}{path}", content, headers)  # noqa: S310  # GitHub's API
    try:
        with urllib.request.urlopen(asked, timeout=LIMIT_SECONDS) as answer:  # noqa: S310  # as above
            found: dict[str, Any] = json.load(answer)
    except http.client.HTTPException as error:
        raise OSError(f"GitHub's answer about the App of RETRAIN_APP_ID is cut off ({error}). Run it again") from error
    except urllib.error.HTTPError as error:
        with error:
            remedy = "Install the App in this repository, with Contents and Pull requests: read and write"
            raise OSError(f"GitHub refused the App of RETRAIN_APP_ID: HTTP {error.code}. {remedy}") from error
    return found


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
