"""Folders of plugins under VAR_DIR: private, made when asked for, and nowhere without a house."""

from pathlib import Path

import pytest

from connectpulse.core.errors import Misconfigured
from connectpulse.core.storage import folders


def test_a_folder_is_this_accounts_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders._Place, "root", tmp_path / "var")
    made = folders.own_folder("acme-maps")
    assert made == tmp_path / "var" / "acme-maps" == folders.own_folder("acme-maps")
    assert made.stat().st_mode & 0o777 == 0o700


def test_without_a_house_there_is_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders._Place, "root", None)
    with pytest.raises(Misconfigured, match="VAR_DIR"):
        folders.own_folder("acme-maps")
