"""Many processes change the pin at once, and a process is killed at every instant of a change."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.bundles import pin_changes, pin_history, pin_lock, pins
from models.bundles.pin_history import Change
from models.bundles.pins import BundleRef, Challenger, Pin
from models.errors import PinLocked

PROCESSES, CHANGES = 4, 20
FIRST, SECOND, THIRD = (BundleRef(version=f"2026030{day}-{day * 32}", digest=day * 64) for day in "123")

MANY = """
import sys
from pathlib import Path
from models.bundles import pin_changes
from models.bundles.pins import Pin
for number in range({changes}):
    pin = Pin(version=f"{{sys.argv[2]}}-{{number}}", digest="0" * 64)
    pin_changes.write(pin, about=pin, change="fit", why="at once", models_dir=Path(sys.argv[1]))
"""

# Python raises an audit event before each call that opens, renames, removes or locks a file. For every number, a child
# is killed at the event of that number; the last child is not killed.
KILLED = """
import json, os, signal, sys
from pathlib import Path
from models.bundles import pin_changes
from models.bundles.pins import BundleRef, Pin

folder, first, second = Path(sys.argv[1]), *(BundleRef(version=f"2026030{d}-{d * 32}", digest=d * 64) for d in "12")

def change(model, models_dir):
    pin_changes.write(Pin(**dict(model)), about=model, change="promote", why="", models_dir=models_dir)

ended = []
for number in range(100):
    models_dir = folder / str(number)
    if sys.argv[2] == "again":
        change(first, models_dir)
    if not (child := os.fork()):
        seen = 0
        def count(event, _):
            global seen
            if event != "os.kill" and event.startswith(("open", "os.", "fcntl.")):
                seen += 1
                if seen > number:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(count)
        change(second, models_dir)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    ended.append(os.waitstatus_to_exitcode(status))
    if not ended[-1]:
        break
print(json.dumps(ended))
"""


def run(code: str, root: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=root, stdout=subprocess.PIPE, text=True)


def test_changes_of_many_processes_at_once_are_all_in_the_history(root: Path, tmp_path: Path) -> None:
    code = MANY.format(changes=CHANGES)
    running = [run(code, root, str(tmp_path), f"process-{number}") for number in range(PROCESSES)]
    for process in running:
        process.communicate(timeout=120)
    assert [process.returncode for process in running] == [0] * PROCESSES
    changes = pin_history.read(tmp_path).lines
    assert len(changes) == len({change.version for change in changes}) == PROCESSES * CHANGES
    assert changes[-1].version == pins.read(tmp_path).version
    assert {path.name for path in tmp_path.iterdir()} == {"history.jsonl", "pinned.json", "pinned.lock"}


def test_who_waits_too_long_is_told_of_the_lock_and_a_killed_holder_leaves_none(root: Path, tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from models.bundles import pin_lock\n"
    code += "with pin_lock.alone(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(PinLocked, match=r"pinned\.lock: another process has locked the pin for 0\.1 s"),
            pin_lock.alone(tmp_path, patience_seconds=0.1),
        ):
            pass
        holder.kill()
    with pin_lock.alone(tmp_path, patience_seconds=0.1):
        pass


@pytest.mark.parametrize("kind", ["first", "again"])
def test_a_kill_at_any_instant_leaves_pin_and_history_in_agreement_or_the_next_change_says_so(
    root: Path, tmp_path: Path, kind: str
) -> None:
    told = run(KILLED, root, str(tmp_path), kind).communicate(timeout=120)[0]
    *killed, last = json.loads(told)
    assert (set(killed), last) == ({-9}, 0)
    assert len(killed) > 8

    pending = 0
    for number in range(len(killed) + 1):
        models_dir = tmp_path / str(number)
        served = ([FIRST.version] if kind == "again" else []) + (
            [SECOND.version] if number == len(killed) or is_served(models_dir, SECOND) else []
        )
        if (models_dir / "pinned.json").exists():
            assert pins.read(models_dir).version == served[-1]
        history = pin_history.read(models_dir)
        assert history.problems == []
        pending += history.differing(pins.read(models_dir) if served else None) is not None
        change = Pin(**dict(THIRD))
        pin_changes.write(change, about=THIRD, change="promote", why="", models_dir=models_dir)
        assert [change.version for change in pin_history.read(models_dir).changes] == [*served, THIRD.version]
        assert {path.name for path in models_dir.iterdir()} == {"history.jsonl", "pinned.json", "pinned.lock"}
    assert pending > 1  # kills between the two files were among them


def is_served(models_dir: Path, model: BundleRef) -> bool:
    return (models_dir / "pinned.json").exists() and pins.read(models_dir).version == model.version


def change_to(model: BundleRef, models_dir: Path, change: Change = "promote", pin: Pin | None = None) -> None:
    pin_changes.write(pin or Pin(**dict(model)), about=model, change=change, why="", models_dir=models_dir)


def pin_by_hand(pin: Pin, models_dir: Path) -> None:
    (models_dir / "pinned.json").write_text(pin.model_dump_json(exclude_none=True))


def told(models_dir: Path) -> list[tuple[str, str]]:
    history = pin_history.read(models_dir)
    assert "void" not in {line.change for line in history.lines}
    return [(change.change, change.version) for change in history.changes]


def canary(champion: BundleRef, challenger: BundleRef) -> Pin:
    return Pin(**dict(champion), challenger=Challenger(**dict(challenger), mode="canary"))


def test_a_torn_last_line_takes_nothing_back(tmp_path: Path) -> None:
    change_to(FIRST, tmp_path)
    change_to(SECOND, tmp_path)
    history = tmp_path / "history.jsonl"
    history.write_bytes(history.read_bytes()[:-10])
    change_to(THIRD, tmp_path)
    assert told(tmp_path) == [("promote", FIRST.version), ("promote", THIRD.version)]


def test_a_challenger_that_was_added_by_hand_takes_no_promotion_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    change_to(FIRST, tmp_path)
    pin_by_hand(canary(FIRST, THIRD), tmp_path)
    change_to(SECOND, tmp_path)
    assert told(tmp_path) == [("promote", FIRST.version), ("promote", SECOND.version)]
    assert caplog.text == ""


def test_a_canary_that_was_ended_by_hand_has_been_a_canary(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    change_to(FIRST, tmp_path)
    before = pins.read(tmp_path)
    change_to(THIRD, tmp_path, "challenge", canary(FIRST, THIRD))
    pin_by_hand(before, tmp_path)
    change_to(SECOND, tmp_path)
    assert told(tmp_path)[1:] == [("challenge", THIRD.version), ("promote", SECOND.version)]
    assert "pinned.json was changed by hand after the last change (challenge)" in caplog.text


def test_a_champion_that_was_changed_by_hand_and_back_has_been_the_champion(tmp_path: Path) -> None:
    change_to(FIRST, tmp_path)
    change_to(SECOND, tmp_path)
    pin_by_hand(Pin(**dict(FIRST)), tmp_path)
    change_to(THIRD, tmp_path, "challenge", canary(FIRST, THIRD))
    pin_by_hand(Pin(**dict(SECOND)), tmp_path)
    change_to(THIRD, tmp_path)
    assert [version for _, version in told(tmp_path)] == [model.version for model in (FIRST, SECOND, THIRD, THIRD)]


def test_a_void_takes_only_the_line_before_it_back(tmp_path: Path) -> None:
    change_to(FIRST, tmp_path)
    lines = (tmp_path / "history.jsonl").read_text()
    void = lines.replace('"change":"promote"', '"change":"void"')
    (tmp_path / "history.jsonl").write_text(f"{lines}torn\n{void}")
    assert [change.version for change in pin_history.read(tmp_path).changes] == [FIRST.version]
    (tmp_path / "history.jsonl").write_text(f"{lines}{void}")
    assert pin_history.read(tmp_path).changes == []


def test_the_history_is_never_read_through_a_pipe_or_a_device(tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").symlink_to("/dev/zero")
    assert pin_history.read(tmp_path).problems == [f"{tmp_path / 'history.jsonl'}: it is not a plain file"]
    os.mkfifo(tmp_path / "pinned.json")
    pin_changes.write(Pin(**dict(FIRST)), about=FIRST, change="fit", why="", models_dir=tmp_path)
    assert pins.read(tmp_path).version == FIRST.version
    assert [change.version for change in pin_history.read(tmp_path).lines] == [FIRST.version]
