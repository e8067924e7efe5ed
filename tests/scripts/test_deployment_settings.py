"""What a deployment keeps of the settings of the one before, and what it says about them."""

import json
import re
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types
from rollout import compose, settings
from rollout.errors import PortTaken, SettingsInvalid
from rollout.setting_names import OF_THE_PROXY, SETTINGS
from rollout.settings import Request

from tests.scripts.calls import calls
from tests.scripts.conftest import Fake, Script

LOG = "postgresql://churn:pa:ss@w@rd@db/churn?password=more"
OF_THE_SCRIPT = {"BLUE_IMAGE", "GREEN_IMAGE", "MONITOR_IMAGE", "NGINX_CONF", "DEPLOYED_SETTINGS"}
VARIABLE = re.compile(r"\$\{([A-Z_]+)")


def over(kept: dict[str, str], *, dropped: frozenset[str] = frozenset(), **given: str) -> dict[str, str]:
    return Request(given, dropped).over(kept)


def test_every_variable_of_the_compose_file_is_a_setting(root: Path) -> None:
    text = (root / "deploy" / "compose.yml").read_text()
    services = yaml.safe_load(text)["services"].values()
    from_the_shell = {name for service in services for name, value in service["environment"].items() if value is None}
    assert set(VARIABLE.findall(text)) | from_the_shell == set(SETTINGS) - {"DEPLOY_MONITOR"} | OF_THE_SCRIPT


def test_the_monitor_of_a_deployment_gets_what_the_one_of_docker_compose_gets(root: Path) -> None:
    files = (root / "docker-compose.yml", root / "deploy" / "compose.yml")
    usual, deployed = (yaml.safe_load(file.read_text())["services"]["monitor"] for file in files)
    assert usual["environment"].items() - deployed["environment"].items() == set()
    assert set(usual["volumes"]) - set(deployed["volumes"]) == set()


def test_every_setting_has_its_place_in_the_documentation(root: Path) -> None:
    page = (root / "docs" / "deploy.md").read_text()
    assert [name for name in SETTINGS if f"`{name}`" not in page] == []


def test_a_deployment_keeps_what_it_is_not_given() -> None:
    kept = {"LOG_URL": LOG, "SERVICE_WORKERS": "2"}
    assert over(kept) == kept
    assert over(kept, SERVICE_WORKERS="4") == {"LOG_URL": LOG, "SERVICE_WORKERS": "4"}
    assert over(kept, DEPLOY_PORT="80") == {"DEPLOY_PORT": "80", **kept}


def test_a_setting_is_lost_only_by_its_name() -> None:
    kept = {"LOG_URL": LOG}
    with pytest.raises(SettingsInvalid, match=r"LOG_URL is empty\. Leave it out to keep its value, or drop it: --drop"):
        over(kept, LOG_URL="")
    assert over(kept, dropped=frozenset({"LOG_URL"})) == {}
    assert over(kept, dropped=frozenset({"LOG_URL"}), LOG_URL="") == {}
    assert over({}, LOG_URL="") == {}


def test_no_keys_file_is_a_setting_and_can_be_dropped_again() -> None:
    without = over({}, SERVICE_KEYS_FILE="")
    assert without == over(without) == {"SERVICE_KEYS_FILE": ""}
    assert over(without, dropped=frozenset({"SERVICE_KEYS_FILE"})) == {}


def test_an_older_checkout_does_not_lose_what_it_does_not_know() -> None:
    kept = {"SERVICE_OF_TOMORROW": "1"}
    with pytest.raises(SettingsInvalid, match="the running colour has SERVICE_OF_TOMORROW, which this checkout"):
        over(kept)
    assert over(kept, dropped=frozenset({"SERVICE_OF_TOMORROW"})) == {}


def test_a_name_is_not_both_given_and_dropped_and_not_invented() -> None:
    with pytest.raises(SettingsInvalid, match="LOG_URL is both given and dropped"):
        over({}, dropped=frozenset({"LOG_URL"}), LOG_URL=LOG)
    with pytest.raises(
        SettingsInvalid, match=r"--drop SERVICE_WORKER: there is no such setting. Did you mean .*_WORKE"
    ):
        over({}, dropped=frozenset({"SERVICE_WORKER"}))


def test_whether_there_is_a_monitor_is_true_or_false() -> None:
    assert over({"DEPLOY_MONITOR": "false"}) == {"DEPLOY_MONITOR": "false"}
    with pytest.raises(SettingsInvalid, match="DEPLOY_MONITOR is true or false"):
        over({}, DEPLOY_MONITOR="no")


def test_an_env_file_is_read_and_single_variables_come_over_it() -> None:
    text = (
        "# of production\r\n\r\nexport LOG_URL='postgresql://db/churn'\r\nSERVICE_WORKERS=2\r\nSERVICE_KEYS_FILE=\r\n"
    )
    found = settings.read({"DEPLOY_SETTINGS": text, "SERVICE_WORKERS": "3", "DEPLOY_HOST": "no setting", "PATH": "/"})
    assert found == {"LOG_URL": "postgresql://db/churn", "SERVICE_WORKERS": "3", "SERVICE_KEYS_FILE": ""}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (LOG, "line 2 of DEPLOY_SETTINGS is not NAME=value."),
        ("SERVICE_LOG_URL=x", "line 2 of DEPLOY_SETTINGS: there is no setting SERVICE_LOG_URL. Did you mean LOG_URL?"),
        ("PASSWORD=x", "line 2 of DEPLOY_SETTINGS: there is no setting PASSWORD. docs/deploy.md lists all."),
    ],
)
def test_a_wrong_line_is_named_by_its_number_alone(line: str, complaint: str) -> None:
    with pytest.raises(SettingsInvalid) as error:
        settings.read({"DEPLOY_SETTINGS": f"SERVICE_WORKERS=2\n{line}\n"})
    assert str(error.value) == complaint


def test_what_changed_is_said_without_passwords() -> None:
    before = {"LOG_URL": LOG, "SERVICE_NOTE_KEY": "k1", "DEPLOY_PORT": "80", "SERVICE_WORKERS": "2"}
    after = {
        "LOG_URL": LOG.replace("more", "less"),
        "SERVICE_NOTE_KEY": "k2",
        "DEPLOY_PORT": "81",
        "SERVICE_LOG_INPUTS": "hashed",
    }
    assert settings.changes(before, after) == [
        "DEPLOY_PORT: 80 -> 81, when the proxy is replaced (docs/deploy.md)",
        "LOG_URL: postgresql://***@db/churn?***, its hidden part changed",
        "SERVICE_LOG_INPUTS: default -> hashed",
        "SERVICE_NOTE_KEY: (hidden), its hidden part changed",
        "SERVICE_WORKERS: 2 -> default",
    ]
    assert settings.changes({}, dict.fromkeys(OF_THE_PROXY, "1")) == [f"{name}: default -> 1" for name in OF_THE_PROXY]
    assert settings.shown("LOG_URL", "postgresql:churn:secret@db") == "(hidden)"


def container(**config: object) -> str:
    state = {"Running": True, "Restarting": False, "ExitCode": 0}
    whole = {"State": state, "RestartCount": 0, "Created": "2026-01-01", "Config": {"Image": "sha256:1"} | config}
    return json.dumps([whole])


def test_the_settings_of_a_host_are_shown(script: Script, fake: Fake) -> None:
    kept = {"LOG_URL": LOG, "SERVICE_WORKERS": "2"}
    found = container(Labels={"deployment.settings": json.dumps(kept)}, Env=[])
    done = script("deploy.py", "settings", **fake("docker", compose="c1", container_inspect=found))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "LOG_URL=postgresql://***@db/churn?***\nSERVICE_WORKERS=2\n"


def test_a_colour_without_the_label_keeps_what_differs_from_the_defaults(
    script: Script, fake: Fake, root: Path
) -> None:
    variables = [
        "PATH=/venv/bin",
        f"SERVICE_LOG_URL={LOG}",
        "SERVICE_KEYS_FILE=/app/keys/keys.toml",
        "SERVICE_WORKERS=2",
    ]
    usual = {"SERVICE_LOG_URL": "sqlite:///log/predictions.db", "SERVICE_KEYS_FILE": "/app/keys/keys.toml"}
    config = json.dumps({"services": {"blue": {"environment": usual | {"SERVICE_WORKERS": None}}}})
    words = f"compose --env-file /dev/null --file {root}/deploy/compose.yml --profile monitor"
    answers = {f"{words} ps --all --quiet blue": "c1", f"{words} config": config}
    found = container(Labels=None, Env=variables)
    done = script("deploy.py", "settings", "--json", **fake("docker", container_inspect=found, **answers))
    assert json.loads(done.stdout)["settings"] == {
        "LOG_URL": "postgresql://***@db/churn?***",
        "SERVICE_WORKERS": "2",
    }


def test_a_colour_without_the_label_keeps_what_its_monitor_has(script: Script, fake: Fake, root: Path) -> None:
    usual = {"MONITORING_LOG_URL": "sqlite:///log/predictions.db", "MONITORING_WEBHOOK_URL": None}
    config = {"services": {"blue": {"environment": {}}, "monitor": {"environment": usual}}}
    words = f"compose --env-file /dev/null --file {root}/deploy/compose.yml --profile monitor"
    [colour] = json.loads(container(Labels=None, Env=[f"SERVICE_LOG_URL={LOG}"]))
    [monitor] = json.loads(container(Labels=None, Env=["MONITORING_WEBHOOK_URL=https://h/x", "MONITORING_LOG_URL=s"]))
    answers = {
        f"{words} ps --all --quiet blue": "c1",
        f"{words} ps --all --quiet monitor": "m1",
        f"{words} config": json.dumps(config),
        "container inspect c1": json.dumps([colour]),
        "container inspect m1": json.dumps(
            [monitor | {"HostConfig": {"PortBindings": {"8002/tcp": [{"HostIp": "127.0.0.1", "HostPort": "9002"}]}}}]
        ),
    }
    done = script("deploy.py", "settings", "--json", **fake("docker", **answers))
    assert json.loads(done.stdout)["settings"] == {
        "LOG_URL": "postgresql://***@db/churn?***",
        "MONITORING_WEBHOOK_URL": "(hidden)",
        "MONITOR_PORT": "9002",
    }


@pytest.mark.parametrize("lines", ["SERVICE_WORKERS=9", "no setting at all"], ids=["settings", "no settings"])
def test_a_rollback_reads_no_settings_of_a_deployment(lines: str, script: Script, fake: Fake, tmp_path: Path) -> None:
    variables, docker, workers = fake("docker"), tmp_path / "fakes" / "docker", tmp_path / "workers"
    note = f"pathlib.Path({str(workers)!r}).write_text(os.environ.get('SERVICE_WORKERS', 'default')); sys.exit(1)"
    docker.write_text(f"{docker.read_text()}if words.endswith('--no-recreate proxy'):\n    {note}\n")
    done = script("deploy.py", "rollback", DEPLOY_SETTINGS=lines, **variables)
    assert (done.returncode, workers.read_text()) == (2, "default")
    assert "DEPLOY_SETTINGS" not in done.stderr


def test_no_setting_comes_from_a_file_beside_the_compose_file(tmp_path: Path) -> None:
    settings.check_no_env_file(tmp_path)
    (tmp_path / ".env").write_text("SERVICE_WORKERS=2\n")
    with pytest.raises(SettingsInvalid, match=r"deploy/\.env exists, and a deployment does not read it\. Deploy once"):
        settings.check_no_env_file(tmp_path)
    assert " ".join(compose.COMPOSE).startswith("docker compose --env-file /dev/null ")


def test_the_network_does_not_change_under_the_containers(script: Script, fake: Fake, root: Path) -> None:
    words = f"compose --env-file /dev/null --file {root}/deploy/compose.yml --profile monitor"
    [proxy] = json.loads(container(Labels={"deployment.settings": '{"DEPLOY_NETWORK": "10.9.8"}'}, Env=[]))
    proxy |= {"NetworkSettings": {"Networks": {"churn-live_default": {"IPAMConfig": {"IPv4Address": "10.9.8.4"}}}}}
    answers = {f"{words} ps": "c1", "container inspect": json.dumps([proxy])}
    image = f"sha256:{'a' * 64}"
    done = script("deploy.py", image, DEPLOY_NETWORK="10.9.7", **fake("docker", **answers))
    assert done.returncode == 2
    assert "DEPLOY_NETWORK would be 10.9.7, and the containers are in 10.9.8. Set it to 10.9.8." in done.stderr
    assert "docker compose -f deploy/compose.yml --profile monitor down" in done.stderr
    assert (
        "would be 10.213.77"
        in script("deploy.py", image, "--drop", "DEPLOY_NETWORK", **fake("docker", **answers)).stderr
    )


@pytest.mark.parametrize(
    "said",
    [
        "Bind for 127.0.0.1:8080 failed: port is already allocated",
        "listen tcp4 127.0.0.1:8083: bind: address already in use",
    ],
)
def test_a_port_that_is_taken_is_told_with_the_settings_that_change_it(
    said: str, fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", fake("docker")["PATH"])
    docker = tmp_path / "fakes" / "docker"
    docker.write_text(f'{docker.read_text()}\nif " up " in f" {{words}} ":\n    sys.exit({said!r})\n')
    with pytest.raises(PortTaken, match=r"DEPLOY_PORT is .* and DEPLOY_OPS_PORT") as error:
        compose.start_proxy({})
    assert str(error.value).startswith(said)
    assert [call.split()[-3:] for call in calls(tmp_path, "docker")][1:] == [["rm", "--force", "proxy"]]
