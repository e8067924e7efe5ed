"""The first key of a cluster: a Secret that is made once, with a token that may do nothing else."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.keys import SCOPES, KeyList, KeyRing
from service.access import kubernetes_secret
from service.access.kubernetes_secret import NotMade
from tests import kubernetes_api
from tests.kubernetes_api import Api


@pytest.fixture
def account(tmp_path: Path) -> Path:
    """What Kubernetes gives a pod whose API server is at localhost."""
    kubernetes_api.certify(tmp_path / "account", "localhost")
    return tmp_path / "account"


@pytest.fixture
def api(account: Path) -> Iterator[Api]:
    with kubernetes_api.running(account) as api:
        yield api


def address(api: Api) -> str:
    return f"https://localhost:{api.server_port}"


def test_the_secret_has_a_keys_file_and_the_text_of_its_one_key(api: Api, account: Path) -> None:
    assert kubernetes_secret.make("churn-keys", api=address(api), account=account)
    data = api.secrets["churn-keys"]["stringData"]
    assert data.keys() == {"keys.toml", "first.key"}
    grant = KeyRing(KeyList.model_validate(tomllib.loads(data["keys.toml"])).keys).find(data["first.key"].encode())
    assert grant is not None
    assert (grant.name, grant.scopes) == ("first", frozenset(SCOPES))


def test_a_secret_that_exists_is_left_as_it_is(api: Api, account: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for _ in range(2):
        assert kubernetes_secret.main(["churn-keys"], api=address(api), account=account) == 0
        told.append(capsys.readouterr())
        kept = api.secrets["churn-keys"]
    assert ("was made" in told[0].out, "exists, and was left as it is" in told[1].out) == (True, True)
    assert api.secrets["churn-keys"] == kept
    first = kept["stringData"]["first.key"]
    assert [first in text for said in told for text in said] == [False] * 4


def test_a_server_of_another_ca_gets_neither_token_nor_key(api: Api, tmp_path: Path) -> None:
    kubernetes_api.certify(tmp_path / "other", "localhost")
    with pytest.raises(NotMade, match="CERTIFICATE_VERIFY_FAILED"):
        kubernetes_secret.make("churn-keys", api=address(api), account=tmp_path / "other")
    assert api.requests == 0


def test_a_server_with_another_name_gets_neither_token_nor_key(api: Api, account: Path) -> None:
    with pytest.raises(NotMade, match="CERTIFICATE_VERIFY_FAILED"):
        kubernetes_secret.make("churn-keys", api=f"https://127.0.0.1:{api.server_port}", account=account)
    assert api.requests == 0


def test_what_went_wrong_is_told_with_the_remedy_and_the_job_fails(
    api: Api, account: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(url: str, account: Path) -> tuple[int, str]:
        return kubernetes_secret.main(["churn-keys"], api=url, account=account), capsys.readouterr().err

    api.refuses = True
    code, text = told(address(api), account)
    assert (code, "answered 403 Forbidden. Look at the Role and the RoleBinding" in text) == (1, True)
    (account / "token").write_text("of somebody else")
    code, text = told(address(api), account)
    assert (code, "answered 401 Unauthorized" in text) == (1, True)
    code, text = told("https://localhost:9", account)
    assert (code, "Look at the network policy of this Job" in text) == (1, True)
    code, text = told(address(api), tmp_path)
    assert (code, "Run this in a pod" in text) == (1, True)
    assert kubernetes_secret.main([]) == 2
    assert api.secrets == {}
