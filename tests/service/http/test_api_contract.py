"""The service against its own OpenAPI document, with requests that schemathesis generates."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.log import log_tables, migrations

EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "100")
"""For each operation; 1,000 before a release."""
NOT_LOGGED_YET = """
[[operations]]
include-path-regex = "^/(outcomes|treatments)"
checks.not_a_server_error.expected-statuses = ["2XX", "4XX", "503"]
"""
"""A report may come before its prediction is in the log: it takes ids from answers made just now."""


@pytest.mark.slow
@pytest.mark.parametrize("has_model", [True, False])
def test_every_answer_is_documented(
    launch: Callable[..., Any], models_dir: Path, tmp_path: Path, *, has_model: bool
) -> None:
    log = log_tables.connect(f"sqlite:///{tmp_path / 'predictions.db'}", create=True)
    migrations.upgrade(log)
    shelf = models_dir if has_model else tmp_path
    service = launch("--models-dir", str(shelf), "--log-url", str(log.url), "--output-dir", str(tmp_path))
    # JSON Schema cannot say that total_charges is at least monthly_charges, so what it calls valid may be refused.
    excluded, phases = "positive_data_acceptance", "examples,coverage,fuzzing"
    if not has_model:  # 503 is right, as long as it is documented; whatever is sent
        excluded, phases = f"{excluded},not_a_server_error", "examples,coverage"
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{service.port}/openapi.json"]
    flags = ["--max-examples", EXAMPLES, "--exclude-checks", excluded, "--phases", phases]
    flags += ["--generation-database", "none", "--no-color"]
    (tmp_path / "schemathesis.toml").write_text(NOT_LOGGED_YET)
    result = subprocess.run([*command, *flags], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout
    assert service.process.poll() is None
