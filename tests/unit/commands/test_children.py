"""Programs that are kept alive, and end with whoever started them."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from connectpulse.commands.children import Children

SLEEPER = "import time\nprint('ready', flush=True)\ntime.sleep(600)\n"


@pytest.fixture
def children(tmp_path: Path) -> Children:
    """Programs that find the modules of the test's folder."""
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    (tmp_path / "quitter.py").write_text("raise SystemExit(3)\n")
    return Children(tmp_path, os.environ | {"PYTHONPATH": str(tmp_path)})


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.02)


def test_what_ends_is_started_again_later_each_time(children: Children, tmp_path: Path) -> None:
    children.start("quitter", "quitter", log_file=tmp_path / "log")
    [child] = children.running
    waits = []
    for _ in range(2):
        until(lambda: child.process is not None and child.process.poll() == 3)
        child.tend()
        waits.append(child.start_at - time.monotonic())
        assert child.process is None
        child.tend()
        assert child.process is None, "not before its time"
        child.start_at = 0
        child.tend()
    children.stop()
    assert 0 < waits[0] <= 1 < waits[1] <= 3


def test_stopping_ends_everything(children: Children, tmp_path: Path) -> None:
    for name in ("one", "two"):
        children.start(name, "sleeper", log_file=tmp_path / name)
    processes = [child.process for child in children.running]
    until(lambda: all((tmp_path / name).read_text() == "ready\n" for name in ("one", "two")))
    children.stop()
    assert [process.returncode for process in processes if process] == [-signal.SIGTERM] * 2


def test_a_program_ends_with_a_killed_parent(tmp_path: Path) -> None:
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    parent = textwrap.dedent(
        """
        import time
        from connectpulse.commands.children import Children
        children = Children()
        children.start("sleeper", "sleeper")
        print(children.running[0].process.pid, flush=True)
        time.sleep(600)
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert process.stdout.readline() == "ready\n"
        process.kill()
    until(lambda: not is_alive(child))


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that only waits for its parent to notice its end does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
