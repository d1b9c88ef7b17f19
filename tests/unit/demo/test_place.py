"""Where the demo lives: which settings of the environment it takes, and which it leaves alone."""

from pathlib import Path

import pytest

from connectpulse.core.errors import Misconfigured
from connectpulse.core.services.backups import pipes
from connectpulse.demo import place


def test_it_takes_the_settings_of_backups_and_no_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _, recipient = pipes.fresh_keys()
    given = {
        "VAR_DIR": str(tmp_path), "BACKUP_RECIPIENT": recipient, "BACKUP_URL": "mine", "BACKUP_EVERY_HOURS": "6",
        "BACKUP_DAILY": "", "MAIL_URL": "smtp://mail.example.org", "DATABASE_URL": "postgresql://elsewhere/pulse",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    chosen = place.choose(once=True)
    settings = chosen.settings
    assert settings.backup_recipient == chosen.environment["BACKUP_RECIPIENT"] == recipient
    assert settings.backup_url == chosen.environment["BACKUP_URL"] == str(tmp_path / "mine")
    assert (settings.backup_every_hours, settings.backup_daily) == (6, 14)
    assert settings.is_embedded
    assert not settings.mail_url
    assert not {"MAIL_URL", "DATABASE_URL", "BACKUP_DAILY"} & set(chosen.environment)


def test_a_setting_of_backups_that_makes_no_sense_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    monkeypatch.setenv("BACKUP_HOUR", "99")
    with pytest.raises(Misconfigured, match=r"99"):
        place.choose(once=True)
