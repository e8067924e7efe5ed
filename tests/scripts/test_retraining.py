"""The scripts from a verdict of the monitor to a pull request, with a fake training program, server and remote."""

import base64
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from demo import synthetic_customers
from models.bundles import pins
from tests import webhook_receiver
from tests.scripts.calls import calls
from tests.scripts.conftest import Fake, Script
from training.promotion import gate_report
from training.promotion.gate_result import Check, GateResult

TOKEN = {"GH_TOKEN": "t"}
TRAINING = """
import json, pathlib, sys
pathlib.Path("called.json").open("a").write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1] == "promote":
    report = pathlib.Path(sys.argv[2].removeprefix("--report="))
    report.parent.mkdir(exist_ok=True)
    if {report}:
        report.write_text({heading!r} + "\\nThe gate's report\\n")
    sys.exit({promote})
sys.exit({fit})
"""


UNCLEAR = Check("better", allowed="above 0", passed=False, reason="3,000 rows would tell", unclear=True)
OPEN = gate_report.markdown(GateResult("2", "1", 800, {}, (UNCLEAR,))).partition("\n")[0]


def training(folder: Path, *, fit: int = 0, promote: int = 0, report: bool = True, heading: str = "## 2") -> None:
    """Put a training program where `python -m training` finds it."""
    (folder / "training").mkdir()
    text = TRAINING.format(fit=fit, promote=promote, report=report, heading=heading)
    (folder / "training" / "__main__.py").write_text(text)


def called(folder: Path) -> list[list[str]]:
    return [json.loads(line) for line in (folder / "called.json").read_text().splitlines()]


@pytest.mark.parametrize(
    ("promote", "heading", "promoted"), [(0, "## 2", "true"), (1, "## 2", "false"), (2, OPEN, "false")]
)
def test_what_the_gate_says_is_told_whatever_it_is(
    promote: int, heading: str, promoted: str, script: Script, tmp_path: Path
) -> None:
    training(tmp_path, promote=promote, heading=heading)
    output, summary = tmp_path / "output", tmp_path / "summary"
    told = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
    done = script("retrain.py", RETRAIN_DATA="sqlite:///x.db", RETRAIN_TRIALS="5", **told)
    assert done.returncode == 0, done.stderr
    assert called(tmp_path) == [
        ["fit", "--costs=training/costs.toml", "--data=sqlite:///x.db", "--trials=5"],
        ["promote", "--report=var/retraining.md"],
    ]
    assert output.read_text().splitlines()[0] == f"promoted={promoted}"
    assert "The gate's report" in summary.read_text()
    assert ("::notice::cannot tell whether the new model is better" in done.stdout) == (promote == 2)


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        ({"fit": 2}, "the fit ended with exit code 2"),
        ({"promote": 2}, "the gate ended with exit code 2"),
        ({"promote": 2, "report": False}, "without a report"),
        ({"promote": -11, "heading": OPEN}, "the gate ended with exit code"),
        ({"report": False}, "without a report"),
    ],
)
def test_nothing_is_promoted_when_nobody_can_tell(
    faults: dict[str, Any], told: str, script: Script, tmp_path: Path
) -> None:
    training(tmp_path, **faults)
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "retraining.md").write_text("of an earlier run")
    summary = tmp_path / "summary.md"
    done = script("retrain.py", GITHUB_OUTPUT=str(tmp_path / "output"), GITHUB_STEP_SUMMARY=str(summary))
    assert (done.returncode, told in done.stderr) == (2, True)
    assert not summary.exists()
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize("trials", ["5 --pin", "-1", "many"])
def test_trials_can_be_nothing_but_a_number(trials: str, script: Script, tmp_path: Path) -> None:
    training(tmp_path)
    assert script("retrain.py", RETRAIN_TRIALS=trials).returncode == 2
    assert not (tmp_path / "called.json").exists()


def test_a_columns_file_of_the_repository_is_used(script: Script, tmp_path: Path) -> None:
    training(tmp_path)
    (tmp_path / "my.toml").write_text("")
    assert script("retrain.py", RETRAIN_DATA="my.csv", RETRAIN_COLUMNS="my.toml").returncode == 0
    assert called(tmp_path)[0] == ["fit", "--costs=training/costs.toml", "--data=my.csv", "--columns=my.toml"]


@pytest.mark.parametrize("columns", ["none.toml", "/etc/hosts", "../outside.toml", "--pin"])
def test_another_columns_file_is_refused(columns: str, script: Script, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    training(work)
    (tmp_path / "outside.toml").write_text("")
    done = script("retrain.py", cwd=work, RETRAIN_COLUMNS=columns)
    assert (done.returncode, "Name a file of this repository" in done.stderr) == (2, True)
    assert not (work / "called.json").exists()


def test_make_retrain_takes_the_words_of_make_train(root: Path) -> None:
    command = ["make", "--no-print-directory", "--dry-run", "retrain", "DATA=my.csv", "COLUMNS=my.toml"]
    planned = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    assert "RETRAIN_DATA='my.csv' RETRAIN_COLUMNS='my.toml' .venv/bin/python .github/scripts/retrain.py" in planned


URL = "postgresql://ann:pass%40word@127.0.0.1:9/shop"


@pytest.mark.parametrize("data", [URL, f"{URL},live", "mysql+pymysql://ann:pass%40word@h/shop"])
def test_the_url_of_a_database_is_refused_where_others_can_read_it(data: str, script: Script, tmp_path: Path) -> None:
    training(tmp_path)
    done = script("retrain.py", RETRAIN_DATA=data)
    assert done.returncode == 2
    assert "secret RETRAIN_DATA_URL, its SQL as the secret TRAINING_QUERY" in done.stderr
    assert "word" not in done.stdout + done.stderr.replace("change the password", "")
    assert not (tmp_path / "called.json").exists()


def test_a_database_is_read_by_its_secrets_and_no_command_line_has_them(script: Script, tmp_path: Path) -> None:
    training(tmp_path)
    text = (tmp_path / "training" / "__main__.py").read_text()
    noting = 'import os; pathlib.Path("seen").write_text(os.environ["TRAINING_DATA"] + os.environ["TRAINING_QUERY"])'
    (tmp_path / "training" / "__main__.py").write_text(
        text.replace("if sys", f"if sys.argv[1] == 'fit':\n    {noting}\nif sys", 1)
    )
    done = script("retrain.py", RETRAIN_DATA_URL=URL, TRAINING_QUERY="SELECT 1")
    assert done.returncode == 0, done.stderr
    assert called(tmp_path)[0] == ["fit", "--costs=training/costs.toml"]
    assert (tmp_path / "seen").read_text() == f"{URL}SELECT 1"
    assert "word" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("secrets", "problem"),
    [
        ({"RETRAIN_DATA_URL": "shop"}, "Write it as postgresql://"),
        ({"RETRAIN_DATA_URL": URL}, "Store it as TRAINING_QUERY"),
    ],
)
def test_secrets_of_a_database_that_cannot_be_are_named(
    secrets: dict[str, str], problem: str, script: Script, tmp_path: Path
) -> None:
    training(tmp_path)
    done = script("retrain.py", **secrets)
    assert (done.returncode, problem in done.stderr) == (2, True)
    assert "word@" not in done.stderr.replace("user:password@", "")
    assert not (tmp_path / "called.json").exists()


def test_a_fit_that_does_not_reach_its_database_prints_no_password(script: Script, root: Path) -> None:
    secrets = {"RETRAIN_DATA_URL": URL, "TRAINING_QUERY": "SELECT 1", "PYTHONPATH": str(root)}
    done = script("retrain.py", cwd=root, **secrets)
    assert (done.returncode, "the fit ended with exit code" in done.stderr) == (2, True)
    assert "127.0.0.1" in done.stderr
    assert "word" not in done.stdout + done.stderr


def test_a_table_in_a_file_gets_nothing_that_is_for_a_database(script: Script, tmp_path: Path) -> None:
    training(tmp_path)
    text = (tmp_path / "training" / "__main__.py").read_text()
    (tmp_path / "training" / "__main__.py").write_text(
        f"import os\nassert not {{'TRAINING_QUERY', 'TRAINING_PARTITION_COLUMN'}} & os.environ.keys()\n{text}"
    )
    secrets = {"RETRAIN_DATA_URL": URL, "TRAINING_QUERY": "SELECT 1", "TRAINING_PARTITION_COLUMN": "id"}
    done = script("retrain.py", RETRAIN_DATA="my.csv", **secrets)
    assert called(tmp_path)[0] == ["fit", "--costs=training/costs.toml", "--data=my.csv"], done.stderr


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def clone(root: Path, tmp_path: Path) -> Path:
    """A clone that holds one model in git, with a remote, and another model promoted in its folder."""
    clone, remote = tmp_path / "clone", tmp_path / "remote.git"
    old = pins.read(root / "models").version
    (clone / "models" / "store").mkdir(parents=True)
    shutil.copy(root / ".gitignore", clone)
    shutil.copy(root / "models" / "pinned.json", clone / "models")
    shutil.copytree(root / "models" / "store" / old, clone / "models" / "store" / old)
    git(clone, "init", "--quiet", "--initial-branch", "main")
    git(clone, "add", "--force", ".")
    git(clone, "commit", "--quiet", "--message", "First")
    git(tmp_path, "init", "--quiet", "--bare", str(remote))
    git(clone, "remote", "add", "origin", str(remote))
    promote(clone, "20310101-aaaaaaaa")
    return clone


def promote(clone: Path, version: str) -> None:
    """Do what the gate does to a checkout."""
    pinned = json.loads((clone / "models" / "pinned.json").read_text())
    shutil.copytree(clone / "models" / "store" / pinned["version"], clone / "models" / "store" / version)
    (clone / "models" / "pinned.json").write_text(json.dumps(pinned | {"version": version}))
    (clone / "models" / "history.jsonl").write_text(f'{{"version": "{version}"}}\n')
    (clone / "report.md").write_text("| metric | before | after |\n")


def held(folder: Path, branch: str) -> set[str]:
    return set(git(folder, "ls-tree", "-r", "--name-only", branch, "models").splitlines())


def test_a_proposal_holds_the_new_model_its_history_and_not_the_old_one(
    clone: Path, script: Script, fake: Fake, tmp_path: Path
) -> None:
    variables = fake("gh", pr_view="https://example.org/pull/1")
    before = git(clone, "status", "--porcelain"), git(clone, "rev-parse", "HEAD")
    done = script("open_pull_request.py", "report.md", cwd=clone, **TOKEN, GITHUB_REPOSITORY="ann/churn", **variables)
    assert (done.returncode, done.stdout) == (0, "https://example.org/pull/1\n"), done.stderr
    files = held(tmp_path / "remote.git", "retraining")
    stored = {path.relative_to(clone).as_posix() for path in (clone / "models/store/20310101-aaaaaaaa").rglob("*.*")}
    assert files == stored | {"models/pinned.json", "models/history.jsonl"}
    assert (git(clone, "status", "--porcelain"), git(clone, "rev-parse", "HEAD")) == before
    asked = calls(tmp_path, "gh")
    assert asked[0] == "auth setup-git"
    assert any(
        call.startswith("pr create --base main --head retraining --title Serve model 20310101") for call in asked
    )
    assert "workflow run ci.yml --ref retraining" in asked
    text = next(words for words in asked if words.startswith("pr create"))
    assert "--body-file" in text


def test_with_a_token_of_its_own_the_checks_start_by_themselves(
    clone: Path, script: Script, fake: Fake, tmp_path: Path
) -> None:
    path = fake("gh")
    (tmp_path / "fakes" / "gh").write_text(f'#!/bin/sh\necho "$GH_TOKEN $*" >> {tmp_path}/gh.txt\n{BODY}')
    texts = []
    for variables in ({}, {"RETRAIN_TOKEN": "own"}):
        done = script("open_pull_request.py", "report.md", cwd=clone, **TOKEN, **variables, **path)
        assert done.returncode == 0, done.stderr
        texts.append((clone / "body.md").read_text())
    asked = (tmp_path / "gh.txt").read_text().splitlines()
    assert [line.split()[0] for line in asked if " pr create " in line] == ["t", "own"]
    assert [line for line in asked if " workflow run " in line] == ["t workflow run ci.yml --ref retraining"]
    assert ["**Approve workflows to run**" in text for text in texts] == [True, False]


def test_an_app_proposes_with_a_token_for_this_repository_alone(
    clone: Path, script: Script, fake: Fake, tmp_path: Path, app_key: str
) -> None:
    path = fake("gh")
    (tmp_path / "fakes" / "gh").write_text(f'#!/bin/sh\necho "$GH_TOKEN $*" >> {tmp_path}/gh.txt\n')
    with webhook_receiver.receiving() as github:
        app = {"GITHUB_API_URL": f"http://127.0.0.1:{github.port}", "GITHUB_REPOSITORY": "ann/churn"}
        app |= {"RETRAIN_APP_ID": "42", "RETRAIN_APP_KEY": app_key, "GITHUB_ACTIONS": "true"}
        github.answer_with(200, b'{"id": 7}')
        github.answer_with(201, b'{"token": "ghs_1"}')
        done = script("open_pull_request.py", "report.md", cwd=clone, **TOKEN, **app, **path)
        assert done.returncode == 0, done.stderr
        wrong = app | {"RETRAIN_APP_KEY": "x"}
        refused = script("open_pull_request.py", "report.md", cwd=clone, **TOKEN, **wrong, **path)
        github.answer_with(404)
        unknown = script("open_pull_request.py", "report.md", cwd=clone, **TOKEN, **app, **path)
    first, second = github.received[:2]
    assert (first.path, second.path) == ("/repos/ann/churn/installation", "/app/installations/7/access_tokens")
    assert second.body == {
        "repositories": ["churn"],
        "permissions": {"contents": "write", "pull_requests": "write"},
    }
    claims = jwt_of(second.headers["Authorization"], app_key)
    assert claims["iss"] == "42"
    assert claims["exp"] - claims["iat"] <= 600
    asked = (tmp_path / "gh.txt").read_text().splitlines()
    assert {line.split()[0] for line in asked} == {"ghs_1"}
    assert "::add-mask::ghs_1" in done.stdout
    assert (refused.returncode, "is no private key" in refused.stderr) == (2, True)
    assert (unknown.returncode, "Install the App in this repository" in unknown.stderr) == (2, True)


BODY = """
if [ "$1 $2" = "pr create" ]; then while [ $# -gt 1 ]; do [ "$1" = --body-file ] && cp "$2" body.md; shift; done; fi
"""
"""Keeps the text of a pull request."""


@pytest.fixture(scope="module")
def app_key() -> str:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()


def jwt_of(authorization: str, key: str) -> dict[str, Any]:
    """Check the signature of a token, and return its claims."""
    head, claims, signature = authorization.removeprefix("Bearer ").split(".")

    def decoded(part: str) -> bytes:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

    private = serialization.load_pem_private_key(key.encode(), password=None)
    assert isinstance(private, rsa.RSAPrivateKey)
    private.public_key().verify(decoded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    found: dict[str, Any] = json.loads(decoded(claims))
    return found


def test_a_newer_model_takes_the_place_of_the_one_that_is_proposed(
    clone: Path, script: Script, fake: Fake, tmp_path: Path
) -> None:
    variables = fake("gh", pr_list="7")
    assert script("open_pull_request.py", "report.md", cwd=clone, **TOKEN, **variables).returncode == 0
    promote(clone, "20310108-bbbbbbbb")
    assert script("open_pull_request.py", "report.md", cwd=clone, **TOKEN, **variables).returncode == 0
    versions = {name.split("/")[2] for name in held(tmp_path / "remote.git", "retraining") if "/store/" in name}
    assert versions == {"20310108-bbbbbbbb"}
    asked = calls(tmp_path, "gh")
    assert any(call.startswith("pr edit 7 --title Serve model 20310108-bbbbbbbb") for call in asked)
    assert not any(call.startswith("pr create") for call in asked)


@pytest.mark.parametrize("variables", [{}, {"GH_TOKEN": "t", "DRY_RUN": "1"}])
def test_without_a_token_everything_is_done_but_sending_it(
    variables: dict[str, str], clone: Path, script: Script, fake: Fake, tmp_path: Path
) -> None:
    reason = "drift in 3 of 7 columns\n```\n# not a heading"
    done = script("open_pull_request.py", "report.md", cwd=clone, RETRAIN_REASON=reason, **variables, **fake("gh"))
    assert done.returncode == 0, done.stderr
    assert "models/store/20310101-aaaaaaaa/manifest.json" in held(clone, "retraining")
    assert "| metric | before | after |" in done.stdout
    assert "models/store/20310101-aaaaaaaa/MODEL_CARD.md" in done.stdout
    assert done.stdout.count("?raw=true") >= 3
    assert done.stdout.count("```") == 2  # what comes from outside stays in its box
    assert git(tmp_path / "remote.git", "branch") == ""
    assert calls(tmp_path, "gh") == []


def test_a_model_that_git_holds_is_not_proposed(clone: Path, script: Script) -> None:
    git(clone, "checkout", "--quiet", "models/pinned.json")
    done = script("open_pull_request.py", "report.md", cwd=clone)
    assert (done.returncode, "make retrain" in done.stderr) == (2, True)


def test_a_remote_that_takes_nothing_is_told(clone: Path, script: Script, fake: Fake, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "remote.git")
    done = script("open_pull_request.py", "report.md", cwd=clone, **TOKEN, **fake("gh"))
    assert (done.returncode, "not proposed" in done.stderr) == (2, True)
    assert git(clone, "worktree", "list").count("\n") == 0


class Forge(BaseHTTPRequestHandler):
    """Takes requests for a retraining."""

    taken: ClassVar[list[tuple[str, str | None, Any]]] = []
    status = 204

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.taken.append((self.path, self.headers["Authorization"], body))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def forge(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    monkeypatch.setattr(Forge, "taken", [])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Forge)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    yield {"GITHUB_API_URL": url, "RETRAIN_TOKEN": "secret", "RETRAIN_REPOSITORY": "ann/churn"}
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.shipped_model
@pytest.mark.slow
def test_drift_asks_for_a_retraining_once_and_says_why(
    forge: dict[str, str], script: Script, root: Path, tmp_path: Path
) -> None:
    live = tmp_path / "shifted.csv"
    synthetic_customers.shifted(1_000, seed=4).to_csv(live, index=False)
    job = (sys.executable, "-m", "monitoring", "drift", "--models-dir", str(root / "models"), "--live", str(live))
    variables = {**forge, "MONITORING_OUTPUT_DIR": str(tmp_path / "var"), "PYTHONPATH": str(root)}
    assert script("request_retrain.py", *job, **variables).returncode == 1
    done = script("request_retrain.py", *ending_with(1), "drift", **variables)
    [(path, authorization, body)] = Forge.taken
    assert (path, authorization) == ("/repos/ann/churn/dispatches", "Bearer secret")
    assert body["event_type"] == "retrain"
    assert body["client_payload"]["reason"].startswith("drift in 3 of 7 columns")
    assert body["client_payload"]["model_version"] == pins.read(root / "models").version
    assert "not sent: a retraining was requested less than 24 h ago" in done.stdout


def ending_with(code: int) -> list[str]:
    return [sys.executable, "-c", f"raise SystemExit({code})"]


@pytest.mark.parametrize("code", [0, 2, 130])
def test_only_what_a_job_found_asks_for_a_retraining(
    code: int, forge: dict[str, str], script: Script, tmp_path: Path
) -> None:
    done = script("request_retrain.py", *ending_with(code), **forge, MONITORING_OUTPUT_DIR=str(tmp_path))
    assert (done.returncode, Forge.taken) == (code, [])


@pytest.mark.parametrize(
    ("loss", "asked"), [({"advised": False}, 0), ({"advised": True}, 1), (None, 1)], ids=["cheap", "dear", "unknown"]
)
def test_script_and_monitor_ask_for_a_retraining_alike(
    loss: dict[str, bool] | None,
    asked: int,
    forge: dict[str, str],
    script: Script,
    root: Path,
    tmp_path: Path,
) -> None:
    facts = {"exit_code": 1, "verdict": "drift", "summary": "drift in 2 columns", "model_version": "1", "loss": loss}
    write = (
        "import datetime, json, pathlib, sys; from monitoring.runs import run_store; "
        "run_store.write(json.loads(sys.argv[1]), pathlib.Path('var'), 'drift', datetime.datetime.now(datetime.UTC)); "
        "raise SystemExit(1)"
    )
    job = (sys.executable, "-c", write, json.dumps(facts))
    assert script("request_retrain.py", *job, "drift", **forge, PYTHONPATH=str(root)).returncode == 1
    assert len(Forge.taken) == asked
    (tmp_path / "token").write_text("secret")
    settings = {
        "MONITORING_RETRAIN_REPOSITORY": "ann/churn",
        "MONITORING_RETRAIN_TOKEN_FILE": str(tmp_path / "token"),
        "MONITORING_RETRAIN_API_URL": forge["GITHUB_API_URL"],
    }
    command = [sys.executable, "-m", "monitoring", "request-retraining", "--output-dir", str(tmp_path / "var")]
    done = subprocess.run(command, cwd=root, env=os.environ | settings, capture_output=True, text=True, check=False)
    assert (done.returncode, len(Forge.taken)) == (0, 2 * asked), done.stderr


@pytest.mark.parametrize(
    ("job", "reason"), [("performance", "lower quality"), ("drift", None), ("unnamed", "ended with exit code 1")]
)
def test_the_record_of_another_job_beside_it_decides_nothing(
    job: str, reason: str | None, forge: dict[str, str], script: Script, tmp_path: Path
) -> None:
    records = {
        "20260301T120000.000000Z-performance": {"summary": "lower quality"},
        "20260301T120001.000000Z-drift": {"summary": "drift in 2 columns", "loss": {"advised": False}},
    }
    (tmp_path / "reports").mkdir()
    write = (
        "import json, pathlib, sys; "
        "[pathlib.Path(name + '.json').write_text(json.dumps(one)) for name, one in json.loads(sys.argv[1]).items()]; "
        "raise SystemExit(1)"
    )
    found = {str(tmp_path / "reports" / name): one for name, one in records.items()}
    command = (sys.executable, "-c", write, json.dumps(found), job)
    assert script("request_retrain.py", *command, **forge, MONITORING_OUTPUT_DIR=str(tmp_path)).returncode == 1
    reasons = [body["client_payload"]["reason"] for _, _, body in Forge.taken]
    assert [one.endswith(str(reason)) for one in reasons] == ([] if reason is None else [True])


def test_without_a_token_it_shows_what_it_would_send(script: Script, tmp_path: Path) -> None:
    done = script("request_retrain.py", *ending_with(1), MONITORING_OUTPUT_DIR=str(tmp_path))
    assert (done.returncode, '"event_type": "retrain"' in done.stdout, "not sent" in done.stdout) == (1, True, True)


def test_a_person_who_decided_to_retrain_is_the_reason(forge: dict[str, str], script: Script, tmp_path: Path) -> None:
    record = tmp_path / "20260301T120000.000000Z-drift.json"
    reviews = [{"by": "Ben", "why": "a test"}, {"by": "Ana", "why": "prices rose"}]
    record.write_text(json.dumps({"verdict": "drift", "summary": "drift in 3 columns", "reviews": reviews}))
    ask = ("request_retrain.py", "--record", str(record))
    variables = {**forge, "MONITORING_OUTPUT_DIR": str(tmp_path)}
    assert [script(*ask, **variables).returncode for _ in range(2)] == [0, 1]  # the second was asked for lately
    [(_, _, body)] = Forge.taken
    assert body["client_payload"]["reason"] == "Ana: prices rose (drift in 3 columns)"
    assert script(*ask[:2], str(tmp_path / "none.json"), **variables).returncode == 2


@pytest.mark.parametrize("elsewhere", [{}, {"GITHUB_API_URL": "http://127.0.0.1:9"}])
def test_a_request_that_nobody_takes_is_exit_code_2(
    elsewhere: dict[str, str], forge: dict[str, str], script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Forge, "status", 403)
    done = script(
        "request_retrain.py", *ending_with(1), **{**forge, "MONITORING_OUTPUT_DIR": str(tmp_path), **elsewhere}
    )
    assert (done.returncode, "the request failed" in done.stderr) == (2, True)
    assert not (tmp_path / "retrain-request.json").exists()
