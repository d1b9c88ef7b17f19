"""`connectpulse audit` as it is typed: what it says, and the exit code a script goes by."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from connectpulse.cli import connectpulse
from connectpulse.house import House
from connectpulse.testing import factories


@pytest.fixture
def site(house: House, organisation: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which commands work on the test's database."""
    monkeypatch.chdir(tmp_path)
    settings = house.settings
    monkeypatch.setenv("SECRET_KEY", settings.secret_key)
    monkeypatch.setenv("ENCRYPTION_KEYS", ",".join(settings.encryption_keys))
    monkeypatch.setenv("TRUST_KEY", settings.trust_key)
    monkeypatch.setenv("VAR_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("LEDGER_URL", str(tmp_path / "ledger"))
    monkeypatch.setenv("DATABASE_URL", house.engine.url.render_as_string(hide_password=False))
    with house.work(factories.ADMINISTRATOR, organisation) as work:
        factories.contact_list(work, "Spring")
    return tmp_path


def typed(*words: str) -> Result:
    return CliRunner().invoke(connectpulse, ["audit", *words])


def test_a_log_is_marked_exported_and_verified_with_and_without_its_database(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "A checkpoint of 2 chains is written." in typed("checkpoint").output
    assert "entries are in out" in typed("export", "out").output
    whole = typed("verify")
    assert (whole.exit_code, "The action log holds: " in whole.output) == (0, True)
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    offline = typed("verify", "out")
    assert (offline.exit_code, "The action log holds: " in offline.output) == (0, True)
    path = site / "out" / "chain-1.copy"
    path.write_bytes(path.read_bytes().replace(b"Spring", b"Winter"))
    bad = typed("verify", "out")
    entry = path.read_bytes().split(b"\t")[1].decode()
    assert bad.exit_code == 1
    assert f"Organisation 1: Entry {entry}: what was done was changed" in bad.output


def test_a_database_that_was_tampered_with_ends_the_command_with_one(house: House, site: Path) -> None:
    with house.engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("DELETE FROM pulse_audit WHERE verb = 'list.created'"))
    bad = typed("verify")
    assert bad.exit_code == 1
    assert "Organisation 1: The chain ends after entry 0 with 0 entries; it has had 1" in bad.output
