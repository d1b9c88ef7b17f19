"""A folder with a site in it, and what a person types there, as real processes."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from connectpulse.core.domain.settings import SETTINGS

COMMAND = Path(sys.executable).with_name("connectpulse")


class Site:
    """A folder with a site in it, and the commands typed there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = {field.name for field in SETTINGS}
        self.environment = {name: value for name, value in os.environ.items() if name not in names}
        self.environment["VAR_DIR"] = str(folder / "var")

    def type(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [COMMAND, *arguments],
            cwd=self.folder,
            env=self.environment | settings,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @contextmanager
    def running(self, *arguments: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a command beside the test, and end it at last."""
        with (self.folder / "said").open("ab") as said:
            process = subprocess.Popen(
                [COMMAND, *arguments],
                cwd=self.folder,
                env=self.environment | settings,
                stdout=said,
                stderr=said,
            )
        try:
            yield process
        except BaseException as error:
            error.add_note((self.folder / "said").read_text())
            raise
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(60)

    def processes(self) -> dict[int, str]:
        """Return every living process that belongs to this site: by its arguments, or by its settings."""
        found = {}
        for place in Path("/proc").iterdir():
            with suppress(OSError):
                said = (place / "cmdline").read_bytes()
                known = said if place.name.isdigit() else b""
                if known and str(self.folder).encode() in known + (place / "environ").read_bytes():
                    found[int(place.name)] = said.replace(b"\0", b" ").decode(errors="replace")
        return found


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.05)


def answers(port: int, path: str = "/healthz") -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one sentence a refused command said."""
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
    return done.stderr.strip()
