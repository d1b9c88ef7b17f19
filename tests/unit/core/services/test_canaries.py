"""A marker in every personal column of every table, a plugin's included: all in the copy, none on the disk afterwards.

The server is one of its own that waits for the disk. Two people are in every table; whatever is found of the first
must be the first's alone, and what is left must be the second's.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, BigInteger, Identity, MetaData, String, inspect, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from connectpulse import house as houses
from connectpulse.core.domain.retention import RetentionRule, Then
from connectpulse.core.domain.settings import fresh_secrets, from_mapping
from connectpulse.core.services import audit, jobs
from connectpulse.core.services.rights import handing
from connectpulse.core.services.subjects import by_address, handler
from connectpulse.core.services.work import Actor
from connectpulse.core.storage import guard
from connectpulse.core.storage.embedded import EmbeddedServer
from connectpulse.core.storage.models import Hold
from connectpulse.core.storage.vault import Encrypted
from connectpulse.house import House
from connectpulse.tasks import core as tasks
from connectpulse.tasks.queue import make_queue
from connectpulse.testing import factories
from tests.house import rows
from tests.unit.core.services.rights_scene import VISITOR, Office, office
from tests.unit.core.services.scene import AMINA


@dataclass(frozen=True)
class Someone:
    """A person with a word that is in nothing but their own rows."""

    word: str
    mail: str
    phone: str
    contact: int
    user: int

    @property
    def name(self) -> str:
        """What the account is called where rows keep the name of whoever made them."""
        return f"{self.marker('ab_user', 'first_name')} {self.marker('ab_user', 'last_name')}"

    def marker(self, table: str, column: str) -> str:
        return f"{self.word}-{table.removeprefix('pulse_')}-{column}"[:60]


ZARA = Someone("CANARYZARA", "canaryzara@example.org", "+923001234567", 101, 7)
OMAR = Someone("CANARYOMAR", "canaryomar@example.org", "+923217654321", 202, 8)
ADDRESS_COLUMNS = {"address", "recipient", "email"}
MADE_BY = {"created_by", "launched_by", "approved_by"}
NEVER_SHOWN = {
    ("ab_user", "password"),
    ("ab_register_user", "password"),
    ("pulse_mail", "content"),
    ("billing_proof", "content"),
}
_NUMBERS = {"user_id", "contact_id", "actor_id", "asked_by", "decided_by", "placed_by", "uploaded_by"}


class _Base(DeclarativeBase):
    metadata = MetaData()


class Keepsake(_Base):
    """A table of a partner's plugin."""

    __tablename__ = "keepsake_note"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigInteger)
    address: Mapped[str] = mapped_column(String(320))
    note: Mapped[str] = mapped_column(String(300))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[House]:
    """A site on a server of its own with the settings of a real one, and a plugin's table."""
    server = EmbeddedServer(tmp_path / "postgres")
    url = server.ensure_running()
    made = houses.build(from_mapping(fresh_secrets() | {"DATABASE_URL": url, "VAR_DIR": str(tmp_path / "var")}))
    made.upgrade()
    _Base.metadata.create_all(made.engine)
    personal = ("address", "note")
    made.registry.rules["keepsake_note"] = RetentionRule(Keepsake, "id", None, Then.PURGE, "keepsakes", personal)
    made.registry.subjects["keepsake_note"] = handler(
        Keepsake, by_address(Keepsake, None, "address"), personal, erase_row=True
    )
    queue = make_queue(made.settings, url)
    tasks.register(queue, made, "test", lambda: True)
    yield made
    woken = queue.pending()
    queue.close()
    made.close()
    server.stop()
    assert {type(each) for task in woken for each in task.args} == {int}, "in the queue are numbers, and nothing else"


def _row(rule: RetentionRule, who: Someone, organisation: int) -> dict[str, Any]:
    """Return a row of a table that is somebody's, with a marker wherever one fits."""
    table = rule.model.__tablename__
    columns = rule.model.__table__.columns
    values: dict[str, Any] = {"organisation_id": organisation, "contact_id": who.contact, "scheme": "email"}
    values |= dict.fromkeys(_NUMBERS, who.user) | {"contact_id": who.contact, "actor_kind": "user"}
    values |= dict.fromkeys(ADDRESS_COLUMNS & set(rule.personal_columns), who.mail)
    for name in rule.personal_columns:
        marker = who.marker(table, name)
        kind = columns[name].type
        if name in ADDRESS_COLUMNS or name in _NUMBERS:
            continue
        if isinstance(kind, Encrypted):
            values[name] = {"text": marker}
        elif isinstance(kind, JSON):
            values[name] = {"note": marker}
        elif isinstance(kind, String):
            values[name] = marker
        else:
            values[name] = f"{marker},{who.mail}\n".encode()
    special: dict[str, dict[str, Any]] = {
        "pulse_contact": {"id": who.contact},
        "ab_user": {"id": who.user, "active": True},
        "pulse_audit": {"object_type": "Contact", "object_id": str(who.contact)},
        "pulse_quote": {"sample": [f"{who.marker(table, 'sample')} to {who.mail}"], "campaign_id": who.contact},
        "pulse_import_fault": {"value": f"{who.marker(table, 'value')}, {who.mail}"},
        "ab_api_key": {"id": who.contact, "uuid": str(who.contact), "key_hash": str(who.contact)},
        "ab_register_user": {"id": who.contact},
        "pulse_decision": {"subject_id": who.contact},
        "pulse_callback": {"state": "done", "url": f"/c?to={who.mail}"},
        "pulse_subject_request": {"state": "refused", "key": str(who.contact)},
        "pulse_message": {"state": 20, "body": who.marker(table, "body") + " text" * 2000},
        "pulse_address": {"value": who.mail}, "pulse_suppression": {"value": who.mail},
        "pulse_template_version": {"number": who.contact}, "pulse_consent": {"value": who.mail},
        "pulse_import_chunk": {"import_id": who.contact},
        "billing_redemption": {"voucher_id": who.user},
        "billing_buyer": {"organisation_id": organisation if who is ZARA else organisation + 1000,  # one each
                          "name": who.marker(table, "name"), "is_person": True},
        "billing_invoice": {"buyer": {"name": who.name, "address": who.marker(table, "buyer"), "email": who.mail},
                            "sequence": who.user, "number": str(who.user), "order_id": who.user},
    }  # fmt: skip
    own = special.get(table, {})
    values |= dict.fromkeys(MADE_BY & set(rule.personal_columns), who.name)
    if table in {"pulse_campaign", "pulse_import"}:
        values["reason"] = f"Cancelled by {who.name}"
    if table == "pulse_campaign":
        values |= {"template_version_id": None, "sender_id": None, "state": "draft"}
    if table == "pulse_suppression":
        values["source"] = who.name
    key = inspect(rule.model).primary_key[0].name
    if key != "user_id" and key not in own:
        values.pop(key, None)
    return {name: value for name, value in (values | own).items() if name in columns}


def _fill(house: House, organisation: int) -> list[RetentionRule]:
    """Put both people into every table that has personal columns."""
    ruled = [each for each in house.registry.rules.values() if each.personal_columns and each.model is not Hold]
    for who in (ZARA, OMAR):
        for rule in ruled:
            with house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
                rows.put(work.session, rule.model, rule.personal_columns, **_row(rule, who, organisation))
    with house.work(AMINA) as work, guard.platform_scope(work.session, "test"):
        for who in (ZARA, OMAR):
            work.actor = Actor("user", who.marker("audit", "actor"), who.user, "203.0.113.9")
            audit.record_named(work, "user.signed_in", organisation, "", "", "")
            work.session.execute(
                text("UPDATE pulse_contact SET name = name || '-old' WHERE id = :id"), {"id": who.contact}
            )
            work.session.execute(
                text("UPDATE pulse_contact SET name = left(name, -4) WHERE id = :id"), {"id": who.contact}
            )
    with house.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))
    return ruled


def _on_disk(folder: Path, words: list[bytes]) -> dict[str, list[str]]:
    """Return which of `words` are in which file below a folder."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes().lower()
            for word in words:
                if word.lower() in content:
                    found.setdefault(word.decode(), []).append(str(path.relative_to(folder)))
    return found


def _shown(package: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(package)) as opened:
        return "".join(opened.read(name).decode() for name in opened.namelist())


def test_every_marker_is_in_the_copy_and_none_on_the_disk_afterwards(site: House, tmp_path: Path) -> None:
    organisation = factories.organisation(site)
    desk = office(site, None, tmp_path)
    ruled = _fill(site, organisation)
    words = [ZARA.word.encode(), ZARA.mail.encode()]
    with site.work(AMINA, organisation) as work:
        jobs.submit(work, "import", ZARA.contact)
    before = _on_disk(tmp_path, words)
    assert set(before) == {ZARA.word, ZARA.mail}

    everything = _copy(desk)
    wanted = {
        ZARA.marker(rule.model.__tablename__, name)
        for rule in ruled
        for name in rule.personal_columns
        if name not in ADDRESS_COLUMNS | _NUMBERS | MADE_BY and (rule.model.__tablename__, name) not in NEVER_SHOWN
    }
    columns = {("pulse_address", "value"), ("pulse_suppression", "value"), ("pulse_consent", "value"),
               ("pulse_callback", "url"), ("pulse_callback", "body"), ("pulse_audit", "actor_name"),
               ("pulse_audit", "actor_address")}  # fmt: skip
    by_mail = {ZARA.marker(*each) for each in columns}
    missing = {each for each in wanted - by_mail if each not in everything}
    assert not missing
    for rule in ruled:
        assert f'"{rule.model.__tablename__}.json"' in everything or f"{rule.model.__tablename__}" in everything
    assert ZARA.marker("audit", "actor") in everything
    assert OMAR.word not in everything
    assert OMAR.mail not in everything

    request_id = desk.answer("deletion", address=ZARA.mail)
    scrubbed = desk.request(request_id).certificate["payload"]["scrubbed"]
    assert scrubbed["faults"] == []
    assert _on_disk(tmp_path, words) == {}
    assert set(_on_disk(tmp_path, [OMAR.word.encode(), OMAR.mail.encode()])) == {OMAR.word, OMAR.mail}
    certificate = str(desk.request(request_id).certificate)
    assert not re.search("canary", certificate, re.I)
    assert _of_omar(site) == {rule.table for rule in ruled}


def _of_omar(house: House) -> set[str]:
    """Return in which tables the other person still is."""
    numbers = [sign.format(number) for number in (OMAR.user, OMAR.contact) for sign in ("({},", ",{},", ",{})")]
    signs = ("canaryomar", OMAR.word.encode().hex().lower(), *numbers)
    left = set()
    with house.engine.connect() as connection:
        for rule in house.registry.rules.values():
            if rule.personal_columns and rule.model is not Hold:
                found = connection.execute(text(f"SELECT lower(t::text) FROM {rule.model.__tablename__} t")).scalars()
                if any(sign in row for row in found for sign in signs):
                    left.add(rule.table)
    return left


def _copy(desk: Office) -> str:
    """Return everything in the copy of the person's data."""
    request_id = desk.answer("access", address=ZARA.mail)
    with desk.work() as work:
        token = handing.fresh_link(work, request_id).rpartition("/")[2]
    return _shown(handing.fetch(desk.house.work, token, VISITOR)[1])
