"""Databases of tests in memory: only where there is room, and nothing is left there."""

import subprocess
import sys
from pathlib import Path

from connectpulse.testing.memory import folder_in_memory


def test_the_folder_is_private_and_goes_with_the_run(tmp_path: Path) -> None:
    with folder_in_memory(tmp_path, room=1) as folder:
        assert folder is not None
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "cluster").mkdir()
    assert list(tmp_path.iterdir()) == []


def test_without_room_or_without_such_a_place_there_is_none(tmp_path: Path) -> None:
    with folder_in_memory(tmp_path, room=2**62) as folder:
        assert folder is None
    with folder_in_memory(tmp_path / "absent", room=1) as folder:
        assert folder is None


def test_what_a_killed_run_left_is_removed_and_what_runs_is_kept(tmp_path: Path) -> None:
    dies = "import os, pathlib, sys; from connectpulse.testing.memory import folder_in_memory\n"
    dies += "with folder_in_memory(pathlib.Path(sys.argv[1]), 1): os._exit(0)"
    subprocess.run([sys.executable, "-c", dies, str(tmp_path)], check=True, timeout=60)
    assert len(list(tmp_path.iterdir())) == 1
    with folder_in_memory(tmp_path, room=1) as first, folder_in_memory(tmp_path, room=1) as second:
        assert {first, second} == set(tmp_path.iterdir())
