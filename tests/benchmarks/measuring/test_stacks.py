"""What a profiler saw, added up."""

from benchmarks.measuring import stacks
from benchmarks.measuring.stacks import SERVER, Frame

RAW = """\
<module> (service/__main__.py:57);run (uvicorn/main.py:632);Runner.run (asyncio/runners.py:118) 5
<module> (service/__main__.py:57);run (uvicorn/main.py:632);app (service/app.py:10);dumps (json/__init__.py:200) 3
<module> (service/__main__.py:57);app (service/app.py:10);score (models/bundles/scorer.py:47);uuid4 (uuid.py:723) 2
<module> (service/__main__.py:57);app (service/app.py:10) 1
"""


def test_a_package_gets_the_samples_of_its_innermost_frames() -> None:
    assert stacks.by_package(stacks.read(RAW)) == {"uvloop": 5, "json": 3, "uuid": 2, "service": 1}


def test_a_line_of_ours_gets_the_samples_of_what_it_calls() -> None:
    expected = {SERVER: 5, Frame("app", "service/app.py", 10): 4, Frame("score", "models/bundles/scorer.py", 47): 2}
    assert stacks.by_line(stacks.read(RAW)) == expected


def test_a_thread_that_waits_takes_no_time() -> None:
    waits = "_bootstrap (threading.py:1002);watch (service/serving/pin_watch.py:30);wait (threading.py:327) 900\n"
    assert stacks.read(waits + RAW) == stacks.read(RAW)


def test_names_with_brackets_of_their_own_are_read() -> None:
    [stack] = stacks.read("<listcomp> (service/app.py:3);run (frozen) (<frozen runpy>:88) 4\n")
    assert [(frame.path, frame.line) for frame in stack.frames] == [("service/app.py", 3), ("<frozen runpy>", 88)]
