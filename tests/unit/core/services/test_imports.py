"""Importing contacts: what comes in, what is refused with line and reason, and what a kill leaves behind."""

import io

import pytest
from sqlalchemy import func, select

from connectpulse.core.errors import Refused
from connectpulse.core.services import contacts, imports, suppressions
from connectpulse.core.services.work import Work
from connectpulse.core.storage.models import Address, Consent, Contact, ContactList, Import, ImportFault
from connectpulse.testing import factories

FILE = """Name,Mobile,City,Email
Ali Khan,0300-1234567,Lahore,ali@example.com
Sara,03331234567,Karachi,
,not a number,Multan,
Ali K,+92 300 1234567,,
Zoya,03211234567,"Quetta, Cantt",zoya@EXAMPLE.com
"""


def run(work: Work, given: Import, **options: object) -> Import:
    """Start an import with its guessed columns and take every step."""
    mapping = options.pop("mapping", given.mapping)
    imports.start(work, given.id, mapping, **options)  # type: ignore[arg-type]
    while imports.step(work, given.id):
        pass
    return given


def upload(work: Work, content: str | bytes, name: str = "people.csv") -> Import:
    body = content.encode() if isinstance(content, str) else content
    return imports.upload(work, name, io.BytesIO(body))


def test_columns_are_guessed_from_headings_and_values(work: Work) -> None:
    given = upload(work, FILE)
    assert given.mapping == ["name", "address:phone", "", "address:email"]
    assert given.has_header


def test_rows_become_contacts_and_bad_rows_are_reported_with_line_and_reason(work: Work) -> None:
    given = upload(work, FILE)
    run(work, given, mapping=["name", "address:phone", "new:City", "address:email"], new_list="People")
    assert (given.state, given.created, given.duplicates, given.rejected) == ("finished", 3, 1, 1)
    fault = work.session.scalars(select(ImportFault)).one()
    assert fault.line == 4
    assert "contains letters" in fault.reason
    assert "not a number" in fault.value
    ali = work.session.scalars(select(Contact).join(Address).where(Address.value == "+923001234567")).one()
    assert (ali.name, ali.fields) == ("Ali K", {"city": "Lahore"})
    assert [each.value for each in ali.addresses] == ["+923001234567", "ali@example.com"]
    assert work.session.scalar(select(ContactList.size)) == 3


def test_one_column_may_hold_numbers_that_are_on_whatsapp_too(work: Work) -> None:
    run(work, upload(work, FILE), mapping=["name", "address:phone+whatsapp", "", "address:email"])
    ali = work.session.scalars(select(Contact).join(Address).where(Address.value == "ali@example.com")).one()
    assert [(each.scheme, each.value) for each in ali.addresses] == [
        ("phone", "+923001234567"), ("whatsapp", "+923001234567"), ("email", "ali@example.com"),
    ]  # fmt: skip
    for wrong in ("address:phone+smoke", "address:+", "address:"):
        with pytest.raises(Refused, match="not something a column"):
            imports.start(work, upload(work, FILE).id, ["name", wrong, "", ""])


def test_a_second_import_updates_and_adds_nobody_twice(work: Work) -> None:
    run(work, upload(work, FILE), new_list="People")
    again = run(work, upload(work, "Mobile,Name\n03001234567,Ali Ahmed Khan\n03451234567,New\n"), list_id=1)
    assert (again.created, again.updated, again.duplicates) == (1, 1, 0)
    assert work.session.scalar(select(func.count()).select_from(Contact)) == 4
    assert work.session.scalar(select(ContactList.size)) == 4


def test_an_import_never_lifts_a_suppression(work: Work) -> None:
    suppressions.add(work, "phone", "+923001234567", reason="opted_out", source="test")
    given = run(work, upload(work, FILE), consent="Signed form, 2026")
    assert given.suppressed == 1
    assert suppressions.suppressed(work, "phone", ["+923001234567"], "any", ["promotional"])
    assert work.session.scalar(select(func.count()).select_from(Consent)) == 5


def test_a_row_that_would_join_two_people_is_refused(work: Work) -> None:
    contacts.create(work, contacts.Person("A", [("phone", "03001234567")], {}))
    contacts.create(work, contacts.Person("B", [("email", "b@example.com")], {}))
    given = run(work, upload(work, "phone,email\n03001234567,b@example.com\n"))
    assert given.rejected == 1
    assert "different contacts" in work.session.scalars(select(ImportFault.reason)).one()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty"),
        (b"PK\x03\x04rest", "Excel"),
        (b"\x00\x01\x02\xff" * 200, "not a text file"),
        (b"name,phone\n", "no rows under them"),
    ],
)
def test_what_is_no_table_is_refused_with_a_reason(work: Work, content: bytes, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        upload(work, content)


def test_hostile_rows_cost_one_fault_each(work: Work) -> None:
    content = (
        "phone,name\n03001111111,\"unclosed\n03002222222,ok\n"
        + "x" * 200_000 + "\n03003333333,nul\x00byte\n03004444444,a,b,c\n03005555555,fine\n"
    )  # fmt: skip
    given = run(work, upload(work, content), mapping=["address:phone", "name"])
    assert given.created == 2
    lines = work.session.scalars(select(ImportFault.line).order_by(ImportFault.line)).all()
    assert list(lines) == [2, 4, 5, 6]


def test_a_quotation_mark_that_is_never_closed_swallows_nobody(work: Work) -> None:
    content = 'phone,name\n03001111111,"Ali\n03002222222,"Zoya\nKhan"\n03003333333,"last\n03004444444,Omar'
    given = run(work, upload(work, content), mapping=["address:phone", "name"])
    assert sorted(work.session.scalars(select(Contact.name))) == ["Omar", "Zoya\nKhan"]
    faults = work.session.execute(select(ImportFault.line, ImportFault.reason).order_by(ImportFault.line)).all()
    assert [tuple(each) for each in faults] == [
        (line, "This row opens a quotation mark that is not closed.") for line in (2, 5)
    ]
    assert (given.created, given.rejected) == (2, 2)


def test_the_encodings_of_old_spreadsheets_are_read(work: Work) -> None:
    text = "name;phone\nعلي احمد خان محمد السيد;03001234567\nبشير احمد صاحب الكتاب;03331234567\n"
    for encoding in ("utf-16", "utf-8-sig", "cp1256"):
        given = upload(work, text.encode(encoding))
        assert given.delimiter == ";"
        assert given.header == ["name", "phone"]
    run(work, given)
    assert "علي احمد خان محمد السيد" in work.session.scalars(select(Contact.name)).all()


def test_an_import_resumes_at_the_batch_it_reached(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "BATCH", 10)
    lines = "".join(f"0300{n:07d},Person {n}\n" for n in range(35))
    given = upload(work, "phone,name\n" + lines)
    imports.start(work, given.id, given.mapping, new_list="All")
    assert imports.step(work, given.id)
    savepoint = work.session.begin_nested()
    assert imports.step(work, given.id)
    savepoint.rollback()
    work.session.expire_all()
    while imports.step(work, given.id):
        pass
    assert (given.created, given.duplicates, given.rejected) == (35, 0, 0)


def test_another_organisation_sees_nothing_of_it(work: Work) -> None:
    from connectpulse.core.storage import guard

    run(work, upload(work, FILE))
    with guard.platform_scope(work.session, "test"):
        pass
    guard.bind(work.session, work.organisation_id + 1)
    assert work.session.scalars(select(Contact)).all() == []
    guard.bind(work.session, work.organisation_id)


def test_factories_make_what_the_panel_would(work: Work) -> None:
    made = factories.contact_list(work, members=[factories.contact(work, "03001234567")])
    work.session.refresh(made)
    assert made.size == 1


def test_the_record_of_an_import_can_go_and_its_people_stay(work: Work) -> None:
    given = upload(work, FILE)
    imports.start(work, given.id, ["name", "address:phone", "", "address:email"], new_list="People")
    with pytest.raises(Refused, match="Cancel it first"):
        imports.remove(work, given.id)
    while imports.step(work, given.id):
        pass
    imports.remove(work, given.id)
    assert work.session.scalar(select(func.count()).select_from(Import)) == 0
    assert work.session.scalar(select(func.count()).select_from(ImportFault)) == 0
    assert work.session.scalar(select(func.count()).select_from(Contact)) == 3
