"""An account of Azure is found by its address and by the variables of Azure's own tools."""

import pytest

from models.customer.errors import StoreUnusable
from models.customer.files import azure_account, stores
from models.customer.files.azure_account import CONNECTION

ADDRESS = "lake@ours.dfs.core.windows.net"
CLOUD = {
    "account_name": "ours",
    "blob_storage_authority": ".blob.core.windows.net",
    "dfs_storage_authority": ".dfs.core.windows.net",
    "blob_storage_scheme": "https",
    "dfs_storage_scheme": "https",
}
EMULATOR = {"blob_storage_scheme": "http", "dfs_storage_scheme": "http"}
LOCAL = "127.0.0.1:10000"


def found(bucket: str, **variables: str) -> dict[str, str]:
    split = azure_account.split(bucket)
    assert split is not None
    assert split[0] == "lake"
    return azure_account.options(split[1], variables)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, {}),
        ({"AZURE_STORAGE_KEY": "a2V5"}, {"account_key": "a2V5"}),
        ({"AZURE_STORAGE_SAS_TOKEN": "sv=1&sig=x"}, {"sas_token": "?sv=1&sig=x"}),
        ({"AZURE_STORAGE_SAS_TOKEN": "?sv=1&sig=x"}, {"sas_token": "?sv=1&sig=x"}),
        ({"AZURE_STORAGE_KEY": "a2V5", "AZURE_STORAGE_ACCOUNT": "ours"}, {"account_key": "a2V5"}),
        ({"AZURE_STORAGE_KEY": "a2V5", "AZURE_STORAGE_ACCOUNT": "theirs"}, {}),
        ({CONNECTION: "AccountName=theirs;AccountKey=a2V5"}, {}),
        ({CONNECTION: "AccountName=ours;AccountKey=a2V5=="}, {"account_key": "a2V5=="}),
        ({"AZURE_STORAGE_KEY": "a2V5\n", "AZURE_STORAGE_ACCOUNT": ""}, {"account_key": "a2V5"}),
        ({CONNECTION: '"accountname=ours;AccountKey=a2V5;EndpointSuffix=core.windows.net;"'}, {"account_key": "a2V5"}),
        (
            {CONNECTION: "BlobEndpoint=https://ours.blob.core.windows.net/;SharedAccessSignature=sv=1&sig=x="},
            {"sas_token": "?sv=1&sig=x="},
        ),
        (
            {CONNECTION: f"AccountName=ours;AccountKey=a2V5;BlobEndpoint=http://{LOCAL}/ours"},
            EMULATOR | {"account_key": "a2V5", "blob_storage_authority": LOCAL, "dfs_storage_authority": LOCAL},
        ),
    ],
)
def test_a_variable_counts_for_the_account_that_it_names(variables: dict[str, str], expected: dict[str, str]) -> None:
    assert found(ADDRESS, **variables) == CLOUD | expected


def test_the_emulator_has_a_short_connection_string() -> None:
    options = found("lake@devstoreaccount1.dfs.core.windows.net", **{CONNECTION: "UseDevelopmentStorage=true"})
    assert options.pop("account_key").startswith("Eby8")
    assert options == EMULATOR | {
        "account_name": "devstoreaccount1",
        "blob_storage_authority": LOCAL,
        "dfs_storage_authority": LOCAL,
    }


@pytest.mark.parametrize("zone", ["core.chinacloudapi.cn", "core.usgovcloudapi.net", "core.windows.net"])
def test_an_address_names_the_cloud_of_its_account(zone: str) -> None:
    for kind in ("dfs", "blob"):
        options = found(f"lake@ours.{kind}.{zone}")
        assert (options["account_name"], options["blob_storage_authority"]) == ("ours", f".blob.{zone}")
        assert options["dfs_storage_authority"] == f".dfs.{zone}"
    assert stores.locate(f"abfss://lake@ours.dfs.{zone}/in").inside == "lake/in"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a2V5SECRET", "it is no list of NAME=VALUE; pairs"),
        (
            "AccountName=ours;AccountKey=SECRET;EndpointSuffix=core.usgovcloudapi.net",
            r"it is of ours\.dfs\.core\.usgovcloudapi\.net, and the address of another cloud",
        ),
        ("AccountName=ours;AccountKey=SECRET;BlobEndpoint=https://[::1/ours", "its BlobEndpoint is neither"),
        ("AccountKey=SECRET", "it has no AccountName and no BlobEndpoint"),
        ("AccountName=ours;AccountKey=SECRET;BlobEndpoint=https://files.example.com", "its BlobEndpoint is neither"),
        (
            "AccountName=ours;AccountKey=SECRET;BlobEndpoint=http://127.0.0.1:10000/theirs",
            "its BlobEndpoint is neither",
        ),
    ],
)
def test_a_connection_string_that_is_none_is_not_shown(text: str, problem: str) -> None:
    with pytest.raises(StoreUnusable, match=f"{CONNECTION}: {problem}") as caught:
        found(ADDRESS, **{CONNECTION: text})
    assert "SECRET" not in str(caught.value)
