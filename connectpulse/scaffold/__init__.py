"""Writing a new plugin: a distribution of its own that loads, passes the conformance kit and is to be filled in."""

import re
from importlib import resources
from importlib.metadata import entry_points
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from ..core.errors import Refused
from ..core.hookspecs import ENTRY_POINTS
from ..core.plugin_checks import name_fault

_TEMPLATE = ".tmpl"


def write(name: str, folder: Path) -> list[Path]:
    """Write the plugin `name` into `folder`/`name`; return the files written.

    Raises Refused for a name no plugin can have, one that is installed already, or a place that is taken.
    """
    fault = name_fault(name)
    if fault:
        raise Refused(fault)
    if name in {each.name for each in entry_points(group=ENTRY_POINTS)}:
        raise Refused(f"A plugin called {name} is installed already.")
    place = folder / name
    if place.exists():
        raise Refused(f"{place} exists already; nothing was written.")
    words = {"name": name, "title": re.sub("^[a-z]", lambda first: first[0].upper(), name)}
    made = []
    for source, path in _files(resources.files(__package__) / "template", place, f"connectpulse_{name}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(source.read_text(encoding="utf-8")).substitute(words), encoding="utf-8")
        made.append(path)
    return made


def _files(folder: Traversable, place: Path, package: str) -> list[tuple[Traversable, Path]]:
    """Return each template with the file it becomes; the folder `package` takes the package's name."""
    found: list[tuple[Traversable, Path]] = []
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        name = package if each.name == "package" else each.name
        if each.is_dir():
            found += _files(each, place / name, package)
        elif name.endswith(_TEMPLATE):
            found.append((each, place / name.removesuffix(_TEMPLATE).replace("NAME", package.partition("_")[2])))
    return found
