"""Every program lists its commands, explains its options, and names the remedy for a wrong one."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

import pytest
from pydantic_settings import BaseSettings, CliPositionalArg

from demo.generator import Settings as GeneratorSettings
from demo.settings import DemoSettings
from monitoring import __main__ as monitoring
from service.access import keys_command
from service.settings import Settings as ServiceSettings
from tests.checkout import Clone
from training import __main__ as training
from training.contracts import command as contract

COMMANDS: Mapping[str, Mapping[str, type[BaseSettings]]] = {
    "training": {name: kind for name, (_, kind, _) in training.COMMANDS.items()},
    "training contract": {name: kind for name, (_, kind, _) in contract.COMMANDS.items()},
    "service keys": keys_command.COMMANDS,
    "monitoring": {name: kind for name, (_, kind) in monitoring.COMMANDS.items()},
}
ALONE: Mapping[str, type[BaseSettings]] = {
    "service": ServiceSettings,
    "demo": DemoSettings,
    "demo.generator": GeneratorSettings,
}
EACH = [
    *((f"{program} {name}", kind) for program, commands in COMMANDS.items() for name, kind in commands.items()),
    *ALONE.items(),
]
POSITIONAL = get_args(CliPositionalArg[str])[1]


def run(root: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("program", COMMANDS)
def test_help_lists_each_command_with_one_line(root: Path, program: str) -> None:
    done = run(root, *program.split(), "--help", COLUMNS="200")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    for name, kind in COMMANDS[program].items():
        assert kind.__doc__
        assert [line for line in lines if re.fullmatch(rf" +{name} +{re.escape(kind.__doc__)}", line)]


@pytest.mark.parametrize("program", COMMANDS)
def test_without_a_command_the_help_is_shown_and_nothing_is_done(root: Path, program: str) -> None:
    done = run(root, *program.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert "commands:" in done.stderr


@pytest.mark.parametrize(("words", "kind"), EACH, ids=[words for words, _ in EACH])
def test_help_describes_every_option_in_plain_words(root: Path, words: str, kind: type[BaseSettings]) -> None:
    done = run(root, *words.split(), "--help", COLUMNS="200")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: python -m {words} ")
    told = " ".join(done.stdout.split())
    for name, field in kind.model_fields.items():
        assert (name.upper() if POSITIONAL in field.metadata else f"--{name.replace('_', '-')} ") in told
        assert field.description
        assert " ".join(field.description.split()) in told
    assert "null" not in told
    assert "^" not in told


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("training fti", "python -m training: error: there is no command fti. Did you mean fit?"),
        ("training rolback", "python -m training: error: there is no command rolback. Did you mean rollback?"),
        ("training x", "there is no command x. There are fit, score, promote,"),
        (
            "training contract drafft x",
            "python -m training contract: error: there is no command drafft. Did you mean",
        ),
        ("training contract draft", "training contract draft: error: the following arguments are required: DATA"),
        ("training --rows 3", "python -m training: error: unrecognized arguments: --rows 3"),
        ("monitoring imprt-outcomes f", "there is no command imprt-outcomes. Did you mean import-outcomes?"),
        ("training fit --colums x", "error: unrecognized arguments: --colums x. Did you mean --columns?"),
        ("service --prot 1", "unrecognized arguments: --prot 1. Did you mean --port?"),
        ("training fit --p", "unrecognized arguments: --p"),
        ("training fit --rows 0", "python -m training fit: error: --rows: Input should be greater than or equal to 1"),
        ("training fit --rows many", "--rows: Input should be a valid integer"),
        ("training fit --since 5x", "--since: write a length of time as 90m, 24h or 7d"),
        ("training fit --monotone tenure_months=2", "--monotone.tenure-months: Input should be -1 or 1"),
        ("training fit --monotone tenure_months", "--monotone: cannot be read; `python -m training fit --help` has"),
        (
            "training rollback ../x",
            "error: VERSION: a version is a folder of models/store, or the beginning of one: 20260301-1a2b",
        ),
        ("monitoring drift --since 1d2h", "--since: write a length of time as 90m, 24h or 7d"),
        (
            "monitoring drift --from soon",
            "python -m monitoring drift: error: --from: Input should be a time as 2026-11-29T10:00Z",
        ),
        ("monitoring watch --max-run 0h", "--max-run: write a length of time as 90m, 24h or 7d"),
        ("monitoring notify --webhook-url http://10.0.0.1/x", "--webhook-allow-private: an address with http:// needs"),
        ("service --port 70000", "python -m service: error: --port: Input should be less than or equal to 65535"),
        ("service --log-url mysql://x", "--log-url: Value error, name a database as sqlite:///var/predictions.db"),
        ("service keys ad crm", "python -m service keys: error: there is no command ad. Did you mean add?"),
        ("service keys add Crm", "with a letter or a digit first, not 'Crm'. Nothing was added."),
        (
            "service keys add crm --scopes all",
            "--scopes: name one or more of predict, outcomes, read, trial and review",
        ),
        ("monitoring dashboard --host 0.0.0.0", "lets everyone decide who reaches it. Make a key with"),
        ("service --host 0.0.0.0 --port 0", "set SERVICE_KEYS_FILE, or allow it with --allow-anonymous"),
        ("service keys revoke crm --digest=", "--digest: String should have at least 4 characters"),
        ("service keys list --keys-file=", "--keys-file: name the keys file"),
        ("service --ops-host 0.0.0.0 --ops-port 8000", "SERVICE_OPS_PORT=8000 is the port for clients, too"),
        ("service --trusted-proxies *", "--trusted-proxies: *: name an address or a network"),
        ("service --allowed-hosts a.example.com:80", "a.example.com:80: name a host without scheme and port"),
        ("service --cors-origins app.example.com", "app.example.com: write an origin as https://app.example.com"),
        ("service --keys-file none.toml", "none.toml: No such file or directory. Correct it"),
        ("demo --dta x.csv", "unrecognized arguments: --dta x.csv. Did you mean --data?"),
        ("demo.generator --customers-per-second 0", "--customers-per-second: Input should be greater than 0"),
    ],
)
def test_a_wrong_word_is_named_with_the_remedy_and_ends_with_2(root: Path, words: str, problem: str) -> None:
    done = run(root, *words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert problem in done.stderr
    assert "Traceback" not in done.stderr


def test_all_wrong_settings_are_named_at_once_wherever_they_come_from(root: Path) -> None:
    done = run(root, "training", "fit", "--rows", "0", TRAINING_SEED="-1")
    assert re.findall(r"--(\w+):", done.stderr) == ["rows", "seed"]


def test_a_variable_that_cannot_be_read_is_named(root: Path) -> None:
    done = run(root, "training", "fit", TRAINING_SLICES="[")
    assert "python -m training fit: error: --slices: cannot be read; `python -m training fit --help` has" in done.stderr


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    ("command", "setting"),
    [
        ("service --port {port}", "SERVICE_PORT"),
        ("monitoring dashboard --port {port}", "MONITORING_PORT"),
        ("monitoring watch --port {port}", "MONITORING_PORT"),
    ],
)
def test_a_taken_port_is_named_with_the_setting_that_changes_it(
    root: Path, tmp_path: Path, taken: int, command: str, setting: str
) -> None:
    done = run(root, *command.format(port=taken).split(), "--output-dir", str(tmp_path))
    assert done.returncode == 2
    assert f"port {taken} is taken; choose another with {setting}\n" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("port", ["abc", "0", "80000", ""])
def test_make_mlflow_refuses_what_is_no_port(root: Path, port: str) -> None:
    command = ["make", "--no-print-directory", "mlflow", f"MLFLOW_PORT={port}"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"MLFLOW_PORT={port}: give a port from 1 to 65535\n" in done.stderr


def test_make_mlflow_names_a_taken_port(root: Path, taken: int) -> None:
    command = ["make", "--no-print-directory", "mlflow", f"MLFLOW_PORT={taken}"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"port {taken} is taken; choose another with MLFLOW_PORT\n" in done.stderr


def test_the_width_of_a_terminal_is_no_columns_file(root: Path) -> None:
    def planned(*words: str) -> str:
        command = ["make", "--no-print-directory", "--dry-run", "train", *words]
        environment = os.environ | {"COLUMNS": "80"}
        return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True).stdout

    assert "--columns" not in planned()
    assert "--columns 'my.toml'" in planned("COLUMNS=my.toml")


def test_make_format_formats_also_what_it_cannot_mend(root: Path, tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(root / name, tmp_path)
    features = tmp_path / "models" / "features.py"
    features.parent.mkdir()
    wide = f"levels = [{', '.join(map(str, range(60)))}]"
    features.write_text(f'"""Customers."""\n\nimport sys\nimport os\n\n{wide}\nfolder = os.sep + sys.prefix\n')
    done = Clone(tmp_path).make("format")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "import os\nimport sys\n" in features.read_text()
    assert max(map(len, features.read_text().split("\n"))) <= 120

    features.write_text(features.read_text() + f"name='{'x' * 120}'\n")
    done = Clone(tmp_path).make("format")
    assert done.returncode == 2
    assert "E501" in done.stdout
    assert 'name = "xxx' in features.read_text()
