"""Every route, in every role, for what is one's own and what is another's: who gets in is what is written down."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from connectpulse.core import loader
from connectpulse.core.registry import Registry
from connectpulse.core.services import duties
from connectpulse.core.services.action_log import denials
from connectpulse.house import House
from connectpulse.testing import factories
from connectpulse.testing.plugin import build, fresh_database
from connectpulse.web.security import roles
from tests.house.matrix import ARGUMENTS, DOORS, KEYED, OPEN, SENT, Door
from tests.journeys import panel_scene, specimens

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from connectpulse.core.storage.embedded import EmbeddedServer


def _registry() -> Registry:
    """Return what is installed, so that every role has its tests."""
    found = Registry()
    duties.register(found)
    loader.load(found)
    return found


REGISTRY = _registry()
ROLES, RIGHTS = list(REGISTRY.roles), roles.rights(REGISTRY)
REFUSED, GONE = 403, 404


@dataclass
class Site:
    """Two organisations; the people are of the first. `people` are signed in, by role; "" is a stranger."""

    house: House
    app: Flask
    own: int
    foreign: int
    people: dict[str, Any] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    sent: dict[str, Mapping[str, str]] = field(default_factory=lambda: dict(SENT))
    standing: dict[tuple[int, str, int], int] = field(default_factory=dict)

    def rules(self) -> Iterator[tuple[Rule, str, Door]]:
        """Yield every closed route of the panel with a method and what it asks for."""
        for rule in sorted(self.app.url_map.iter_rules(), key=lambda each: each.endpoint):
            door = DOORS.get(rule.endpoint)
            if door is not None:
                for method in sorted((rule.methods or set()) & {"GET", "POST", "PUT", "PATCH", "DELETE"}):
                    yield rule, method, door

    def row(self, organisation: int, noun: str, is_fresh: bool, role: str = "") -> int:
        """Return the id of a row of `noun`: a fresh one for what may change it, else one that stands.

        What belongs to a person is that of whoever has `role` here.
        """
        person = self.numbers[role] if role and noun in specimens.OF_A_PERSON else 1
        if is_fresh:
            return specimens.fresh(self.house, organisation, noun, person)
        key = organisation, noun, person
        if key not in self.standing:
            self.standing[key] = specimens.fresh(self.house, organisation, noun, person)
        return self.standing[key]

    def ask(self, role: str, rule: Rule, method: str, id: int | str = 1, *, in_vain: bool = False) -> TestResponse:
        """Ask a route as somebody; `in_vain`, where a refusal is awaited, whose page need not be drawn."""
        url = str(rule)
        for name in rule.arguments:
            value = str(ARGUMENTS.get(name, id))
            url = url.replace(f"<{name}>", value).replace(f"<int:{name}>", value)
        sent = self.sent.get(rule.endpoint, {})
        options = {"query_string": sent} if method == "GET" else {"data": sent}
        headers = {"HX-Request": "true"} if in_vain else {}
        answer: TestResponse = self.people[role].open(url, method=method, headers=headers, **options)
        return answer


@pytest.fixture(scope="module")
def site(database_server: "EmbeddedServer", database_template: str) -> Iterator[Site]:
    """A site for the whole module: what one question leaves behind disturbs no other."""
    with fresh_database(database_server, database_template) as url:
        house = build(url, is_metered=True)
        own, foreign = factories.organisation(house), factories.organisation(house)
        app = panel_scene.panel(house, own)
        made = Site(house, app, own, foreign)
        specimens.report(house)
        made.sent["ConsentView.accept"] = {"digest": specimens.policy(house)}
        made.people[""] = app.test_client()
        for number, role in enumerate(ROLES, 1):
            person = panel_scene.Visitor(app.test_client())
            person.client.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
            assert person.sign_in(panel_scene.name_of(role)).status_code == 302
            made.people[role] = person.client
            found = _one(made, "SELECT id FROM ab_user WHERE username = %s", panel_scene.name_of(role))
            made.numbers[role] = int(found[0])
        app.config["WTF_CSRF_ENABLED"] = False
        for noun in specimens.NOUNS.keys() - specimens.OF_A_PERSON:
            made.row(own, noun, False)
            made.row(foreign, noun, False)
        yield made
        house.close()


def _line(app: Flask, endpoint: str) -> str:
    """Return the line that a route without one lacks, as far as the code says it."""
    view = getattr(app.view_functions[endpoint], "__self__", None)
    method = getattr(view, endpoint.partition(".")[2], None)
    verb, page = getattr(method, "_permission_name", "read"), getattr(view, "class_permission_name", "the page")
    takes = any(rule.endpoint == endpoint and "pk" in rule.arguments for rule in app.url_map.iter_rules())
    return f'    "{endpoint}": Door({verb.upper()}, "{page}"' + (', of="the noun"),' if takes else "),")


def test_every_route_is_known(site: Site) -> None:
    served = {rule.endpoint for rule in site.app.url_map.iter_rules()}
    unknown = sorted(served - set(DOORS) - OPEN - KEYED)
    assert not unknown, (
        "Add to DOORS in tests/house/matrix.py (or to OPEN, if strangers may; to KEYED, if it takes a key):\n"
        + "\n".join(_line(site.app, endpoint) for endpoint in unknown)
    )
    assert not sorted((set(DOORS) | OPEN | KEYED) - served), "Take these out of tests/house/matrix.py."


def test_every_object_can_be_made(site: Site) -> None:
    needed = {door.of for door in DOORS.values() if door.of}
    lacking = sorted(needed - set(specimens.NOUNS))
    assert not lacking, f"Add to NOUNS in tests/journeys/specimens.py how to make {', '.join(lacking)}."


def test_every_argument_has_a_value(site: Site) -> None:
    lacking = {
        argument
        for rule, _, door in site.rules()
        for argument in rule.arguments
        if argument not in ARGUMENTS and not door.of
    }
    assert not lacking, f"Add to ARGUMENTS in tests/house/matrix.py, or say `of`: {', '.join(sorted(lacking))}."


def test_every_permission_is_somebodys() -> None:
    for endpoint, door in DOORS.items():
        for method in ("GET", "POST"):
            assert any(door.opens(role, method, RIGHTS) for role in ROLES), endpoint


def test_strangers_are_led_to_the_sign_in(site: Site) -> None:
    for rule, method, door in site.rules():
        answer = site.ask("", rule, method, site.row(site.own, door.of, False) if door.of else 1)
        is_turned_away = answer.status_code in (204, 401, 403) or "/login/" in answer.headers.get("Location", "")
        assert is_turned_away, (method, str(rule), answer.status_code)
        assert specimens.marker(site.own).encode() not in answer.data


@pytest.mark.parametrize("role", ROLES)
def test_a_role_does_what_it_may_with_its_own_and_nothing_else(site: Site, role: str) -> None:
    wrong = []
    for rule, method, door in site.rules():
        may = door.opens(role, method, RIGHTS)
        id = site.row(site.own, door.of, may and method != "GET", role) if door.of else 1
        answer = site.ask(role, rule, method, id, in_vain=not may)
        fits = _is_let_in(answer) if may else answer.status_code == REFUSED
        if not fits or specimens.marker(site.foreign).encode() in answer.data:
            wrong.append((method, str(rule), answer.status_code, "may" if may else "may not"))
    assert not wrong, f"{role}: " + "\n".join(map(str, wrong))


@pytest.mark.parametrize("role", ROLES)
def test_nobody_reaches_an_object_of_another_organisation(site: Site, role: str) -> None:
    wrong = []
    for rule, method, door in site.rules():
        if not door.of or door.of in specimens.OF_THE_PLATFORM:
            continue
        others = ROLES[ROLES.index(role) - 1]
        answer = site.ask(role, rule, method, site.row(site.foreign, door.of, False, others), in_vain=True)
        # Whoever may look at decisions but not decide may learn as well that there is none.
        fits = answer.status_code in ({GONE} if door.opens(role, method, RIGHTS) else {REFUSED, GONE})
        if not fits or specimens.marker(site.foreign).encode() in answer.data:
            wrong.append((method, str(rule), answer.status_code))
    assert not wrong, f"{role}: " + "\n".join(map(str, wrong))


def test_what_is_of_others_is_still_there(site: Site) -> None:
    """Runs in any order: what others were refused to change stands as it was made."""
    with site.house.engine.connect() as connection:
        names = connection.exec_driver_sql(
            "SELECT count(*) FROM pulse_campaign WHERE organisation_id = %s AND state = 'draft' AND name LIKE %s",
            (site.foreign, f"{specimens.marker(site.foreign)} Campaign %"),
        ).scalar()
    assert names == 1


def _is_let_in(answer: TestResponse) -> bool:
    """Return whether a route was entered: shown, done, or refused for what was sent and not for who sent it."""
    if answer.status_code in (301, 302, 303, 308):
        return "/login/" not in answer.headers.get("Location", "")
    return answer.status_code in (200, 204, 400, 409, 422)


def test_nobody_gives_themselves_a_role(site: Site) -> None:
    """Mass assignment and self-escalation: fields no form has are not read, roles no form offers are refused."""
    admin = site.people[roles.ORGANISATION_ADMINISTRATOR]
    member = site.row(site.own, "member", True)
    for role in (*roles.PLATFORM_ROLES, "Admin", ""):
        admin.post(f"/members/edit/{member}", data={"role": role})
    extra = {"user_id": "1", "organisation_id": str(site.foreign), "is_admin": "1", "roles": "1"}
    admin.post(f"/members/edit/{member}", data={"role": roles.APPROVER} | extra)
    found = _one(site, "SELECT role, organisation_id, user_id > 1 FROM pulse_membership WHERE id = %s", member)
    assert found == (roles.APPROVER, site.own, True)
    for role in ROLES:
        if not roles.allows(frozenset({role}), "write", "Members"):
            answer = site.people[role].post(f"/members/edit/{member}", data={"role": roles.ORGANISATION_ADMINISTRATOR})
            assert answer.status_code == REFUSED
    assert _one(site, "SELECT role FROM pulse_membership WHERE id = %s", member) == (roles.APPROVER,)


def test_an_organisation_lifts_no_limit_of_its_own(site: Site) -> None:
    with site.house.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE pulse_organisation SET is_suspended = true, rate_per_second = 5 WHERE id = %s", (site.own,)
        )
    name = _one(site, "SELECT name FROM pulse_organisation WHERE id = %s", site.own)[0]
    sent = {"name": name, "country": "PK", "timezone": "Asia/Karachi", "rate_per_second": "100000", "id": "1"}
    answer = site.people[roles.ORGANISATION_ADMINISTRATOR].post("/settings/", data=sent)
    assert answer.status_code == 302
    limits = _one(site, "SELECT is_suspended, rate_per_second FROM pulse_organisation WHERE id = %s", site.own)
    assert limits == (True, 5)
    with site.house.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE pulse_organisation SET is_suspended = false")


@pytest.mark.parametrize("query", ["_oc_X={}&_od_X=asc", "_flt_0_{}=a", "order_by={}", "_flt_3_{}=x&psize_X=1"])
@pytest.mark.parametrize(
    ("page", "hidden"),
    [("/members/list/", "user.password"), ("/api-keys/list/", "digest"), ("/connections/list/", "settings")],
)
def test_no_list_is_ordered_or_narrowed_by_what_it_hides(site: Site, page: str, hidden: str, query: str) -> None:
    person = site.people[roles.PLATFORM_ADMINISTRATOR]
    plain, asked = person.get(page).text, person.get(f"{page}?{query.format(hidden)}").text
    assert _table(plain) == _table(asked)
    assert "<tbody>" in plain


def _table(page: str) -> str:
    rows = "".join(re.findall(r"<tbody>.*?</tbody>", page, re.S))
    return re.sub(r'name="csrf_token" value="[^"]+"', "", rows)  # another one each second


def _one(site: Site, statement: str, id: int | str) -> tuple[Any, ...]:
    with site.house.engine.connect() as connection:
        return tuple(connection.exec_driver_sql(statement, (id,)).one())


def test_what_was_denied_is_written_down(site: Site) -> None:
    """A page, a download and an object of another organisation: refused, and in the action log."""
    person = site.people[roles.APPROVER]
    denied = {
        f"/imports/faults/{site.row(site.own, 'import', False)}": "ImportView.faults",
        "/api-requests/list/": "ApiRequestView.list",
        f"/campaigns/show/{site.row(site.foreign, 'campaign', False)}": "CampaignView.show",
    }
    denials.start_over()  # what others were denied before fills the minute's measure
    answers = {path: person.get(path) for path in denied}
    assert [answer.status_code for answer in answers.values()] == [REFUSED, REFUSED, GONE]
    for path, page in denied.items():
        told = _one(
            site,
            "SELECT verb, actor_kind, detail->>'page', organisation_id FROM pulse_audit "
            "WHERE detail->>'page' = %s AND verb = 'access.denied' AND actor_name LIKE 'Approver%%' "
            "ORDER BY id DESC LIMIT 1",
            page,
        )
        assert told == ("access.denied", "user", page, site.own), path
