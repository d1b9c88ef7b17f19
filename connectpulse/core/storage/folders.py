"""Folders of plugins on this machine's disk, under VAR_DIR: for what can be made again, or what an operator puts there.

They are no storage: another machine has others, and backups leave them out.
"""

from pathlib import Path

from ..errors import Misconfigured


class _Place:
    root: Path | None = None


def use(root: Path) -> None:
    """Let folders lie under `root`; called once at start."""
    _Place.root = root


def own_folder(name: str) -> Path:
    """Return the folder of this name, which only this account may read; it is made where it is missing.

    Raises Misconfigured in a process that no house was built in.
    """
    if _Place.root is None:
        raise Misconfigured("VAR_DIR is not known yet: nothing can be kept on disk.")
    folder = _Place.root / name
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
