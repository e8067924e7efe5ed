"""Any bytes in a file of people or of a bundle give a value or one of our errors."""

import functools
import json
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from models import errors, plain_text
from models.bundles import bundle, pin_history, pins
from models.bundles.format import booster_structure, graph_structure, strict_json, ubjson
from models.bundles.format.bundle_files import BOOSTER, GRAPH, MANIFEST
from models.columns import column_mapping
from models.errors import ModelsError
from models.features import CONTRACT
from training.errors import TrainingError
from training.learning import cost_policy

ROOT = Path(__file__).parents[3]
PINNED = ROOT / "models" / "store" / pins.read(ROOT / "models").version
COLUMNS = sorted((ROOT / "training" / "columns").glob("*.toml"))
WIDTH = len(CONTRACT.matrix_columns)
fuzzed = functools.partial(settings, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])()


@functools.cache
def content(path: Path) -> bytes:
    return path.read_bytes()


def assert_told(kind: type[Exception], read: Callable[[], object]) -> None:
    """Check that reading gives a value, or an error of a kind that a terminal may show."""
    told = ""
    try:
        read()
    except kind as error:
        told = plain_text.one_line(str(error)) if kind is ValueError else str(error)
    assert told.isprintable()


@st.composite
def mutated(draw: st.DrawFn, path: Path) -> bytes:
    """Draw a file with some parts cut out, repeated or replaced."""
    changed = content(path)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(changed)))
        end = min(len(changed), start + draw(st.integers(0, 40)))
        piece = draw(st.one_of(st.binary(max_size=12), st.sampled_from(PIECES), st.just(changed[start:end] * 2)))
        changed = changed[:start] + piece + changed[end:]
    return changed


@st.composite
def mutated_numbers(draw: st.DrawFn, path: Path) -> bytes:
    """Draw a file of the same length with some bytes replaced, which leaves its structure in place more often."""
    changed = bytearray(content(path))
    for _ in range(draw(st.integers(1, 6))):
        piece = draw(st.sampled_from(BYTES))
        start = draw(st.integers(0, len(changed) - len(piece)))
        changed[start : start + len(piece)] = piece
    return bytes(changed)


BYTES = [b"\0", b"\1", b"\2", b"\x7f", b"\x80", b"\xff", b"3", b"-", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff"]
PIECES = [
    b"",
    b"NaN",
    b"1e999",
    b"-0",
    b"null",
    b"{}",
    b"[]",
    b'""',
    b"\\ud800",
    b"\xff",
    b"\0",
    b"9" * 5_000,
    b"[" * 300,
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode())


@fuzzed
@given(raw=st.one_of(st.binary(max_size=200), JSON, mutated(ROOT / "models" / "pinned.json")))
@example(raw=b"[" * 100_000)
@example(raw=b'{"a":' * 100_000)
@example(raw=b"9" * 100_000)
def test_a_pin(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "pinned.json").write_bytes(raw)
    assert_told(errors.BundleError, lambda: pins.read(tmp_path))


@fuzzed
@given(raw=st.one_of(st.binary(max_size=200), JSON, mutated(ROOT / "models" / "history.jsonl")))
@example(raw=b"[" * 100_000)
def test_a_history(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "history.jsonl").write_bytes(raw)
    found = pin_history.read(tmp_path)
    assert len(found.lines) + len(found.problems) == sum(bool(line.strip()) for line in raw.split(b"\n"))
    assert all(problem.isprintable() for problem in found.problems)


@fuzzed
@given(raw=st.one_of(st.binary(max_size=200), JSON, mutated(PINNED / MANIFEST)))
@example(raw=b"[" * 100_000)
@example(raw=content(PINNED / MANIFEST).replace(b'"rows": ', b'"rows": ' + b"9" * 400, 1))
def test_a_manifest(tmp_path: Path, raw: bytes) -> None:
    folder = tmp_path / "store" / PINNED.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).write_bytes(raw)
    named = pins.BundleRef(version=PINNED.name, digest=bundle.digest(folder / MANIFEST))
    with pytest.raises(errors.BundleError) as pinned:  # at the latest, the other files are missing
        bundle.load(tmp_path, contract=CONTRACT, named=named)
    with pytest.raises(errors.BundleError) as found:
        bundle.find(tmp_path, PINNED.name, contract=CONTRACT)
    assert (str(pinned.value) + str(found.value)).isprintable()


@fuzzed
@given(raw=st.one_of(st.binary(max_size=300), *map(mutated, COLUMNS)))
@example(raw=b"a = " + b"[" * 100_000)
@example(raw=b"a = " + b"{a=" * 2_000)
@example(raw=b"a" + b".a" * 2_000 + b" = 1")
@example(raw=b'[features]\n"\\u001b[31m" = 1')
def test_a_columns_file(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "columns.toml").write_bytes(raw)
    assert_told(ModelsError, lambda: column_mapping.read(tmp_path / "columns.toml", CONTRACT))


@fuzzed
@given(raw=st.one_of(st.binary(max_size=300), mutated(ROOT / "training" / "costs.toml")))
@example(raw=content(ROOT / "training" / "costs.toml").replace(b"0.1", b"5e-324"))
@example(raw=b"a = " + b"[" * 100_000)
def test_a_costs_file(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "costs.toml").write_bytes(raw)
    assert_told(TrainingError, lambda: cost_policy.read(tmp_path / "costs.toml"))


# Opens and uses each model that it is sent, with little memory and time: XGBoost and ONNX Runtime may end the process.
OPENED = """
import resource, struct, sys
from pathlib import Path
import numpy as np
import onnxruntime, xgboost  # not part of the memory and time of the models
from models.bundles.calibration import Calibration
from models.bundles.explainer import Explainer
from models.bundles.risk import RiskPolicy
from models.bundles.scorer import Scorer
from models.errors import BundleError
from models.features import CONTRACT

[used] = [int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmSize")]
resource.setrlimit(resource.RLIMIT_AS, (used * 1024 + (1 << 30),) * 2)
rows = np.zeros((3, len(CONTRACT.matrix_columns)), dtype=np.float32)
while header := sys.stdin.buffer.read(4):
    content = sys.stdin.buffer.read(*struct.unpack(">I", header))
    resource.setrlimit(resource.RLIMIT_CPU, (int(resource.getrusage(resource.RUSAGE_SELF).ru_utime) + 20, -1))
    try:
        if sys.argv[1] == "model.ubj":
            told = Explainer(Path(sys.argv[1]), CONTRACT, content).explain(rows).raw_scores.tolist()
        else:
            scorer = Scorer(
                Path(sys.argv[1]), version="v", policy=RiskPolicy(), calibration=Calibration(), content=content
            )
            scorer.check(CONTRACT)
            told = scorer.score(rows).tolist()
    except BundleError as error:
        told = f"refused: {error}"
    print(told, flush=True)
"""


def open_all(name: str, contents: list[bytes]) -> list[str]:
    """Open models in one child, and return what it told of each; the child must live to the end."""
    framed = b"".join(struct.pack(">I", len(content)) + content for content in contents)
    command = [sys.executable, "-c", OPENED, name]
    ended = subprocess.run(command, check=False, cwd=ROOT, input=framed, capture_output=True, timeout=300)
    told = ended.stdout.decode().split("\n")[:-1]
    assert (ended.returncode, len(told)) == (0, len(contents)), ended.stderr.decode()[-2_000:]
    return told


def passes(check: Callable[[], object]) -> bool:
    try:
        check()
    except ValueError as error:
        told = plain_text.one_line(str(error))
    else:
        return True
    assert told.isprintable()
    return False


def test_trees_that_pass_the_check_do_not_end_the_process() -> None:
    passed = [content(PINNED / BOOSTER)]

    @fuzzed
    @given(raw=st.one_of(st.binary(max_size=300), mutated(PINNED / BOOSTER), mutated_numbers(PINNED / BOOSTER)))
    def draw(raw: bytes) -> None:
        if passes(lambda: booster_structure.check(raw, width=WIDTH)):
            passed.append(raw)

    draw()
    told = open_all(BOOSTER, passed)
    assert told[0].startswith("[")


def set_parameter(name: bytes, value: bytes) -> bytes:
    """Replace the first parameter of that name, a text, in the trees."""
    trees = content(PINNED / BOOSTER)
    start = trees.index(name + b"SL") + len(name) + 2
    end = start + 8 + int.from_bytes(trees[start : start + 8], "big")
    return trees[:start] + len(value).to_bytes(8, "big") + value + trees[end:]


def set_count(name: bytes, at: int, value: int) -> bytes:
    """Replace a number in the first list of that name, which has one byte for each."""
    trees = content(PINNED / BOOSTER)
    start = trees.index(name + b"[#L") + len(name) + 3 + 8 + 2 * at
    assert trees[start : start + 1] == b"i"
    return trees[: start + 1] + bytes([value & 0xFF]) + trees[start + 2 :]


def set_node(name: bytes, at: int, value: int) -> bytes:
    """Replace a number of a node of the first tree."""
    trees = content(PINNED / BOOSTER)
    start = trees.index(name + b"[$l#L") + len(name) + 5 + 8 + 4 * at
    return trees[:start] + value.to_bytes(4, "big") + trees[start + 4 :]


def set_number(at: int, value: int) -> bytes:
    """Replace the number of a tree."""
    first, *others = re.split(b"(?<=L\0\0\0\0\0\0\0\2idi).", content(PINNED / BOOSTER), flags=re.DOTALL)
    numbers = [value if tree == at else tree for tree in range(len(others))]
    return first + b"".join(bytes([number]) + other for number, other in zip(numbers, others, strict=True))


PARAMETERS = [b"num_class", b"num_target", b"num_trees", b"num_parallel_tree", b"num_feature", b"num_nodes"]
PARAMETERS += [b"size_leaf_vector", b"num_deleted", b"boost_from_average", b"scale_pos_weight"]
NUMBERS = [b"", b"x", b"-1", b"0", b"1", b"2", b"3", b"1_0", b"1 ", b"99999999", b"4294967297"]


def test_no_parameter_of_the_trees_ends_the_process_or_changes_a_score() -> None:
    changed = [set_parameter(name, value) for name in PARAMETERS for value in NUMBERS]
    changed += [set_count(b"tree_info", at, value) for at, value in ((0, 1), (0, 127), (5, -1), (5, -128))]
    changed += [set_count(b"iteration_indptr", at, value) for at, value in ((0, 5), (1, 127), (3, -7), (40, 0))]
    changed += [set_node(b"parents", at, value) for at, value in ((0, 5), (1, 0x2D010000), (5, 2**31 - 1))]
    changed += [set_number(at, value) for at, value in ((0, 1), (6, 1), (99, 100), (42, 127))]
    passed = [raw for raw in changed if passes(functools.partial(booster_structure.check, raw, width=WIDTH))]
    assert len(passed) < len(changed) / 2
    first, *others = open_all(BOOSTER, [content(PINNED / BOOSTER), *passed])
    assert {told for told in others if not told.startswith("refused")} == {first}


def test_a_graph_that_passes_the_check_does_not_end_the_process() -> None:
    passed = [content(PINNED / GRAPH)]

    @fuzzed
    @given(raw=st.one_of(st.binary(max_size=300), mutated(PINNED / GRAPH), mutated_numbers(PINNED / GRAPH)))
    def draw(raw: bytes) -> None:
        if passes(lambda: graph_structure.check(raw)):
            passed.append(raw)

    draw()
    told = open_all(GRAPH, passed)
    assert told[0].startswith("[")


# Two and a half million small numbers of an attribute of trees, each in two bytes.
LONG = """
import resource
from models.bundles.format import graph_structure

def field(number, content):
    size = b""
    left = len(content)
    while left > 127:
        size, left = size + bytes([left & 127 | 128]), left >> 7
    return bytes([number << 3 | 2]) + size + bytes([left]) + content

attribute = field(1, b"nodes_values") + bytes([8 << 3, 1]) * 2_500_000
model = field(7, field(1, field(4, b"TreeEnsembleClassifier") + field(5, attribute)))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
graph_structure.check(model)
print(len(model) >> 10, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_graph_is_checked_in_less_memory_than_it_has_itself() -> None:
    ended = subprocess.run([sys.executable, "-c", LONG], check=True, cwd=ROOT, capture_output=True, timeout=60)
    size, taken = map(int, ended.stdout.split())
    assert taken < size


@fuzzed
@given(raw=st.binary(max_size=100))
def test_the_formats_below(raw: bytes) -> None:
    for read in (ubjson.read, strict_json.read):
        assert_told(ValueError, functools.partial(read, raw))
