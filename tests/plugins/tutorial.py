"""The plugin of the tutorial, as its page has it."""

import re
from pathlib import Path

from tests.house import code

_FILE = re.compile(r"^`([\w./]+)`:\n\n```(?:toml|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TEXT = (code.ROOT / "docs" / "plugin-tutorial.md").read_text()
FILES = _FILE.findall(TEXT)


def write(folder: Path) -> Path:
    """Write the tutorial's files into `folder`; return the project."""
    for name, text in FILES:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder
