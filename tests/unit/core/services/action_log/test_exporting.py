"""Exports: verified without the database, on many processors, and nothing in them can be changed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from connectpulse.commands import audit as commands
from connectpulse.core.errors import Refused
from connectpulse.core.services import audit
from connectpulse.core.services.action_log import exporting
from connectpulse.core.storage.trust import trust
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.factories import ADMINISTRATOR


@pytest.fixture
def folder(house: House, organisation: int, tmp_path: Path) -> Path:
    """An export of two organisations with 40 entries each."""
    for chosen in (organisation, factories.organisation(house)):
        with house.work(ADMINISTRATOR, chosen) as work:
            for number in range(40):
                audit.record_named(work, "list.created", chosen, "ContactList", number, f"List\t{number}\\")
    assert commands.checkpoint(house) == 3
    made = tmp_path / "export"
    assert commands.export(house, made) == 84
    return made


def test_an_export_is_verified_offline(house: House, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house.close()
    monkeypatch.setattr(exporting, "BLOCK", 2_000)
    for processes in (1, 2):
        report = exporting.verify(folder, processes)
        assert (report.holds, report.entries) == (True, 84)
    assert len(commands.told(report)) == 3


def swap(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    lines[20], lines[21] = lines[21], lines[20]
    return b"".join(lines)


CHANGES: tuple[tuple[Callable[[bytes], bytes], int | None], ...] = (
    (swap, 21),
    (lambda content: content.replace(b"List\\t17", b"List\\t71"), 17),
    (lambda content: b"".join(content.splitlines(keepends=True)[:-3]), None),
    (lambda content: b"".join(content.splitlines(keepends=True)[5:]), 5),
    (lambda content: content + content.splitlines(keepends=True)[-1], 39),
    (lambda content: b"", None),
    (lambda content: content[:-30], 39),
)


def test_the_first_bad_entry_of_a_changed_export_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "chain-1.copy"
    content = path.read_bytes()
    for block in (500, 1 << 20):
        monkeypatch.setattr(exporting, "BLOCK", block)
        for change, position in CHANGES:
            path.write_bytes(change(content))
            (bad,) = [each for each in exporting.verify(folder, 1).findings if each.fault]
            first = None if position is None else int(content.splitlines()[position].split(b"\t")[1])
            assert (bad.chain, bad.fault_id) == (1, first)


def test_a_file_that_is_gone_and_a_manifest_that_was_written_anew_are_seen(folder: Path) -> None:
    (folder / "chain-2.copy").unlink()
    assert exporting.verify(folder, 1).sentences() == ["Organisation 2: chain-2.copy is missing."]
    manifest = folder / "manifest.json"
    said = json.loads(manifest.read_text())
    del said["payload"]["chains"]["2"]
    manifest.write_text(json.dumps(said))
    with pytest.raises(Refused, match="signature"):
        exporting.verify(folder, 1)


def test_checkpoints_cannot_be_left_out_of_an_export(folder: Path) -> None:
    (folder / "checkpoints.jsonl").write_bytes(b"")
    said = exporting.verify(folder, 1).sentences()
    assert "checkpoints.jsonl was changed after the export." in said


def test_another_sites_key_verifies_nothing(folder: Path) -> None:
    trust.set("y" * 40)
    with pytest.raises(Refused, match="not this site's"):
        exporting.verify(folder, 1)


def test_an_export_goes_into_a_folder_of_its_own_and_is_private(house: House, folder: Path) -> None:
    with pytest.raises(Refused, match="is there already"):
        exporting.export(house.work, folder)
    assert {each.stat().st_mode & 0o077 for each in folder.iterdir()} == {0}
    with pytest.raises(Refused, match="no export"):
        exporting.verify(folder.parent, 1)
