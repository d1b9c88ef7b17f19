"""PostgreSQL's own programs: the ones that fit a server, and how they are told where it is."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from sqlalchemy import URL

from ...errors import Misconfigured
from ...storage import embedded

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


def find(program: str, at_least: int, like: int) -> Path:
    """Return `program` of a version not below `at_least`, best that of a server of version `like`.

    Versions are PostgreSQL's major numbers. Raises Misconfigured, saying what to install, where none is found.
    """
    found = {version: path for path in _candidates(program) if (version := _version(path)) >= at_least}
    if not found:
        raise Misconfigured(
            f"{program} of PostgreSQL {at_least} or newer is not here. Install PostgreSQL's programs of that version "
            f"(on Debian and Ubuntu: postgresql-client-{at_least}) and put them on the PATH."
        )
    return found[min(found, key=lambda version: (version < like, version))]


def _candidates(program: str) -> Iterator[Path]:
    name = f"{program}.exe" if os.name == "nt" else program
    with suppress(Misconfigured):  # no wheel for this platform: the PATH has to do
        yield embedded.binaries() / name
    on_path = shutil.which(program)
    if on_path:
        yield Path(on_path)


@cache
def _version(program: Path) -> int:
    said = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    match = _VERSION.search(said.stdout)
    return int(match[1]) if match else 0


def place(url: URL) -> tuple[str, dict[str, str]]:
    """Return a server's address for `--dbname`, and the environment with its password.

    Other users of a machine see what a program is called with, and not its environment.
    """
    password = url.password or url.query.get("password")
    bare = url.set(drivername="postgresql")._replace(password=None).difference_update_query(["password"])
    address = bare.render_as_string(hide_password=False)
    clean = embedded.clean_environment(but=("PGSSL",)) | {"PGAPPNAME": "connectpulse"}
    return address, clean | ({"PGPASSWORD": str(password)} if password else {})
