"""Installing a plugin's project without a network: a dist-info beside it, and both on the path of a subprocess."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

Lent = Mapping[str, str]
"""Variables by which a run shares its server with another, see `connectpulse.testing.plugin`."""


def install(project: Path, site: Path) -> str:
    """Lay the metadata of `project`'s pyproject into `site`, as an installer would; return the plugin's name."""
    declared = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    folder = site / f"{declared['name'].replace('-', '_')}-{declared['version']}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {declared['name']}\nVersion: {declared['version']}\n"
    )
    lines = []
    for group, entries in declared["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (folder / "entry_points.txt").write_text("\n".join(lines) + "\n")
    (name,) = declared["entry-points"]["connectpulse.plugins"]
    return str(name)


def run(project: Path, site: Path, *arguments: str, lent: Lent | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python in `project` as if it were installed, told what is `lent`; output and errors are one text."""
    path = os.pathsep.join([str(project), str(site)])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": path, **(lent or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=240,
    )


def run_kit(name: str, project: Path, site: Path, lent: Lent, *tests: str) -> subprocess.CompletedProcess[str]:
    """Run the conformance kit on an installed plugin, warnings as errors; and `tests` on the same database server.

    That server is `lent`.
    """
    own = ("-c", str(project / "pyproject.toml"), *tests) if tests else ()
    quiet = ("-q", "-rfE", "-W", "error", "-p", "no:cacheprovider", "-p", "no:randomly")
    kit = ("--pyargs", "connectpulse.testing", f"--pulse-plugin={name}")
    return run(project, site, "-m", "pytest", *quiet, *kit, *own, lent=lent)
