"""Images of service and jobs, good and bad, most a small layer on the first."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from demo.environment import FAULTY
from models.bundles import bundle
from models.bundles.format import bundle_files
from models.bundles.manifest import Description
from models.features import CONTRACT
from tests.e2e.deploy_host import run


@dataclass(frozen=True)
class Images:
    """By id."""

    v1: str
    """Of this checkout."""
    v2: str
    """The same with a model of another version."""
    bad_bundle: str
    """Its graph is not the one that its manifest vouches for."""
    crashes_at_start: str
    crashes_when_asked: str
    """By the sixty-first prediction."""
    fails_when_asked: str
    """Likewise, but it goes on, and answers 500."""
    jobs_v1: str
    """Of the jobs, with the model of v1."""
    jobs_v2: str


@contextmanager
def built(root: Path, folder: Path) -> Iterator[Images]:
    """Build them, and remove them in the end."""
    name = f"churn-test-{secrets.token_hex(4)}"
    targets = {"v1": "service", "jobs_v1": "jobs"}
    for tag, target in targets.items():
        run("docker", "build", "--quiet", "--target", target, "--tag", f"{name}:{tag}", str(root))
    layers = write_layers(root, folder)
    tags = (*targets, *layers)
    try:
        for tag, lines in layers.items():
            file = folder / f"{tag}.Dockerfile"
            file.write_text(f"FROM {name}:{'jobs_v1' if tag == 'jobs_v2' else 'v1'}\n{lines}\n")
            run("docker", "build", "--quiet", "--tag", f"{name}:{tag}", "--file", str(file), str(folder))
        inspect = ("docker", "image", "inspect", "--format", "{{.Id}}")
        yield Images(**{tag: run(*inspect, f"{name}:{tag}") for tag in tags})
    finally:
        run("docker", "image", "rm", "--force", *(f"{name}:{tag}" for tag in tags))


def write_layers(root: Path, folder: Path) -> dict[str, str]:
    """Write what the variants differ in, and return what each adds to the first."""
    shelf = folder / "models"
    shutil.copytree(root / "models", shelf, ignore=shutil.ignore_patterns("*.py", "migrations"))
    pinned = bundle.load(shelf, contract=CONTRACT)
    (folder / "broken.onnx").write_bytes(pinned.path(bundle_files.GRAPH).read_bytes()[:-1])
    shutil.copytree(pinned.directory, folder / "files", ignore=shutil.ignore_patterns(bundle_files.MANIFEST))
    told = {name: value for name, value in pinned.manifest if name in Description.model_fields}
    later = datetime(2031, 1, 1, tzinfo=UTC)
    bundle.pin(
        bundle.save(folder / "files", Description(**told), CONTRACT, trained_at=later, models_dir=shelf),
        models_dir=shelf,
    )
    (folder / "crash.py").write_text(FAULTY.format(fault="os._exit(7)"))
    (folder / "fail.py").write_text(FAULTY.format(fault="raise RuntimeError('a fault of the test')"))
    return {
        "v2": "COPY models models",
        "jobs_v2": "COPY models models",
        "bad_bundle": f"COPY broken.onnx models/store/{pinned.manifest.version}/{bundle_files.GRAPH}",
        "crashes_at_start": 'CMD ["python", "-c", "raise SystemExit(3)"]',
        "crashes_when_asked": 'COPY crash.py .\nCMD ["python", "crash.py"]',
        "fails_when_asked": 'COPY fail.py .\nCMD ["python", "fail.py"]',
    }
