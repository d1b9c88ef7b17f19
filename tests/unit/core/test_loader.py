"""Refused with every fault listed, while the rest of the house runs."""

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from textwrap import dedent, indent

import pytest
from huey import MemoryHuey
from sqlalchemy import select
from sqlalchemy.orm import configure_mappers

from connectpulse.core import loader
from connectpulse.core.plugin_checks import HOOK_NAMES
from connectpulse.core.registry import Registry
from connectpulse.core.services import duties
from connectpulse.core.storage.base import Table, metadata
from connectpulse.core.storage.models import Contact
from tests.conftest import entry_point

POSTCARD = entry_point("postcard", "tests.plugins.postcard:PostcardPlugin")
COMPLETE = entry_point("complete", "connectpulse_complete:CompletePlugin")

SOUND = {
    "pulse_plugin": 'PluginInfo("acme", "1.0", "Acme", "dev@example.com", frozenset({PluginKind.TOOL}))',
    "pulse_retention_rules": "[]",
    "pulse_subject_data": "[]",
}
"""What the hooks of a faultless plugin without anything return."""

WITH_TABLE = SOUND | {
    "pulse_plugin": SOUND["pulse_plugin"][:-1] + ', owns_tables=("acme_call",), migrations="connectpulse_acme.m")',
    "pulse_retention_rules": '[RetentionRule(Call, "created_at", timedelta(days=9), Then.PURGE, "calls")]',
}
HEAD = """
from datetime import timedelta
from sqlalchemy.orm import Mapped, relationship
from connectpulse.core.api import *
from tests.plugins.postcard import PostcardChannel, PostProvider
"""
TABLE = """
class Call(Owned, Table):
    __tablename__ = "acme_call"
    id: Mapped[BigId]
    phone: Mapped[str]
    created_at: Mapped[CreatedAt]
"""

Write = Callable[..., EntryPoint]


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a plugin called acme whose hooks return these expressions; what it mapped is forgotten afterwards."""
    before = set(Table.registry.mappers)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "plugins" / "complete")

    def write(hooks: dict[str, str], head: str = "", more: str = "", name: str = "acme") -> EntryPoint:
        methods = "\n".join(f"@hookimpl\ndef {hook}(self):\n    return {value}\n" for hook, value in hooks.items())
        body = indent(methods + dedent(more), "    ")
        (tmp_path / f"connectpulse_{name}.py").write_text(f"{HEAD}{dedent(head)}\nclass Plugin:\n{body}\n    pass\n")
        return entry_point(name, f"connectpulse_{name}:Plugin")

    sys.dont_write_bytecode, kept = True, sys.dont_write_bytecode
    yield write
    sys.dont_write_bytecode = kept
    for package in ("connectpulse_acme", "connectpulse_complete", "connectpulse_other", "connectpulse_zoo"):
        own = {each for each in Table.registry.mappers if each.class_.__module__ == package} - before
        loader._forget(package, own)
        sys.modules.pop(package, None)


def load(*entry_points: EntryPoint, muted: tuple[str, ...] = ()) -> Registry:
    """Load plugins into a registry of their own."""
    registry = Registry()
    duties.register(registry)
    loader.load(registry, muted, entry_points)
    return registry


def refused(plugin: EntryPoint) -> list[str]:
    """Load a plugin beside a sound one; return its faults after checking that nothing else suffers."""
    registry = load(plugin, POSTCARD)
    assert plugin.name not in registry.plugins
    assert "postcard" in registry.plugins
    assert "postcard" in registry.channels
    assert set(registry.refusals) == {plugin.name}
    configure_mappers()
    assert "pulse_contact" in str(select(Contact))
    assert not [name for name in metadata.tables if name.startswith("acme_")]
    return list(registry.refusals[plugin.name])


def test_the_sound_plugin_is_sound(acme: Write) -> None:
    registry = load(acme(SOUND), POSTCARD)
    assert registry.refusals == {}
    assert set(registry.plugins) == {"acme", "postcard"}


def test_a_table_with_its_rule_is_admitted(acme: Write) -> None:
    registry = load(acme(WITH_TABLE, TABLE))
    assert registry.refusals == {}
    assert "acme_call" in registry.rules
    assert metadata.tables["acme_call"].info["owner"] == "acme"


FAULTS = {
    "no retention rules": (
        {"pulse_plugin": SOUND["pulse_plugin"], "pulse_subject_data": "[]"}, "", "",
        ["pulse_retention_rules is missing: every plugin owes it."],
    ),
    "no hooks at all": (
        {}, "", "",
        [f"{hook} is missing: every plugin owes it."
         for hook in ("pulse_plugin", "pulse_retention_rules", "pulse_subject_data")],
    ),
    "a table no rule covers": (
        WITH_TABLE | {"pulse_retention_rules": "[]"}, TABLE, "", ["table acme_call has no retention rule."],
    ),
    "two rules for one table": (
        WITH_TABLE | {"pulse_retention_rules": f"2 * {WITH_TABLE['pulse_retention_rules']}"}, TABLE, "",
        ["table acme_call has more than one retention rule."],
    ),
    "a rule over a column that is not there": (
        WITH_TABLE | {"pulse_retention_rules": '[RetentionRule(Call, "made_at", None, Then.PURGE, "x", ("mail",))]'},
        TABLE, "",
        ["the retention rule of acme_call names column mail, which does not exist.",
         "the retention rule of acme_call names column made_at, which does not exist.",
         "table acme_call has personal columns but no subject handler."],
    ),
    "a kind of personal data no policy names": (
        WITH_TABLE, TABLE + "    dob: Mapped[str]\n", "",
        ["column dob of acme_call is personal, and of no kind the policy names: declare in the rule's kinds which it "
         "is, or do not keep it."],
    ),
    "a personal column of no kind": (
        WITH_TABLE | {
            "pulse_retention_rules": '[RetentionRule(Call, "created_at", None, Then.PURGE, "x", ("mood",))]',
            "pulse_subject_data": '[subject_handler(Call, by_address(Call, None, "phone"), ("mood",), erase_row=True)]',
        },
        TABLE + "    mood: Mapped[str]\n", "",
        ["column mood of acme_call is personal, and of no kind the policy names: declare in the rule's kinds which it "
         "is, or do not keep it."],
    ),
    "a table nobody lists": (
        SOUND, TABLE, "",
        ["table acme_call is mapped but not listed in owns_tables.", "table acme_call has no retention rule."],
    ),
    "tables of another name, unmapped, without migrations": (
        SOUND | {"pulse_plugin": SOUND["pulse_plugin"][:-1] + ', owns_tables=("other_call",))'}, "", "",
        ["table other_call is listed in owns_tables but no class maps it.",
         "table other_call must be called acme_…", "it owns tables but names no migrations package."],
    ),
    "a rule whose model maps nothing": (
        SOUND | {"pulse_retention_rules": '[RetentionRule(int, "id", None, Then.PURGE, "x")]'}, "", "",
        ["its declarations cannot be read: AttributeError: type object 'int' has no attribute '__tablename__'"],
    ),
    "a misspelt hook": (
        SOUND | {"pulse_chanels": "[]"}, "", "", ["there is no hook pulse_chanels; did you mean pulse_channels?"],
    ),
    "an unmarked hook": (
        SOUND, "", "def pulse_views(self): return []",
        ["pulse_views is not marked with hookimpl, so it would never be called."],
    ),
    "a hook with other arguments": (
        SOUND | {"pulse_audit_actions": "[]"}, "", "@hookimpl\ndef pulse_tasks(self): pass",
        ["pulse_tasks takes (), not (huey)."],
    ),
    "a hook that fails": (
        SOUND | {"pulse_health": "1 / 0"}, "", "", ["pulse_health failed: ZeroDivisionError: division by zero"],
    ),
    "a failing import": (
        SOUND, 'raise RuntimeError("no licence")', "", ["it cannot be imported: RuntimeError: no licence"],
    ),
    "an import that ends the program": (SOUND, "raise SystemExit(3)", "", ["it cannot be imported: SystemExit: 3"]),
    "hooks of the wrong type": (
        SOUND | {"pulse_plugin": '"acme"', "pulse_channels": "{}", "pulse_reports": "[1]", "pulse_ledger": "None",
                 "pulse_providers": "[int, Provider]"}, "", "",
        ["pulse_plugin returned str, not PluginInfo.", "pulse_ledger returned NoneType, not a Ledger.",
         "pulse_channels returned dict, not a list.",
         "pulse_reports returned a list with int in it, not Report.",
         "pulse_providers returned <class 'int'>, which is no Provider class.",
         "provider Provider does not implement check, disclosure, samples, send_batch."],
    ),
    "a channel without providers": (
        SOUND | {"pulse_plugin": SOUND["pulse_plugin"].replace("TOOL", "CHANNEL")}, "", "",
        ["pulse_channels is missing: a plugin of kind channel owes it.",
         "pulse_providers is missing: a plugin of kind channel owes it."],
    ),
    "a content field that a template's name would hide": (
        SOUND | {"pulse_channels": '''[type("C", (PostcardChannel,), {
            "name": "smoke", "content_form": (*PostcardChannel.content_form, Field("name", "Name over there"))})()]''',
            "pulse_providers": '[type("P", (PostProvider,), {"name": "p", "channel": "smoke"})]'}, "", "",
        ["channel smoke has a content field called name, which a template's own name is."],
    ),
    "fields that belong to what nobody can answer": (
        SOUND | {"pulse_channels": '''[type("C", (PostcardChannel,), {"name": "smoke", "content_form": (
            Field("late", "Late", only=("sort", ("a",))),
            Field("sort", "Sort", Kind.CHOICE, choices=(("a", "A"),), default="a"),
            Field("is_loud", "Loud", Kind.SWITCH),
            Field("text", "Text", Kind.PIECES, shapes=(
                Shape("note", "Note", (Field("size", "Size", only=("sort", ("a",))),)),)),
            Field("odd", "Odd", only=("sort", ("a", "b"))),
            Field("quiet", "Quiet", only=("is_loud", ("no", "off"))),
            Field("never", "Never", only=("sort", ())),
            Field("well", "Well", only=("is_loud", ("yes",))))})()]''',
            "pulse_providers": '''[type("P", (PostProvider,), {"name": "p", "channel": "smoke",
                "settings_form": (Field("host", "Host"), Field("port", "Port", only=("host", ("a",))),
                    Field("is_signed", "Signed", Kind.SWITCH),
                    Field("key", "Key", Kind.SECRET, only=("is_signed", ("yes",))))})]'''}, "", "",
        ["field port of provider p belongs to host, which is no choice or switch above it.",
         "field key of provider p is a secret, which nobody could type again once it was hidden.",
         "field late of channel smoke belongs to sort, which is no choice or switch above it.",
         "field size of channel smoke (Note) belongs to sort, which is no choice or switch above it.",
         "field odd of channel smoke belongs to the value 'b' of sort, which that cannot have.",
         "field quiet of channel smoke belongs to the value 'off' of is_loud, which that cannot have.",
         "field never of channel smoke belongs to no value of sort, so it would never be asked."],
    ),
    "a provider of a channel nobody offers": (
        SOUND | {"pulse_providers": '[type("P", (PostProvider,), {"name": "p", "channel": "smoke"})]'}, "", "",
        ["provider p serves channel smoke, which no plugin offers."],
    ),
    "another name": (
        SOUND | {"pulse_plugin": SOUND["pulse_plugin"].replace('"acme"', '"pulse"')}, "", "",
        ["A plugin cannot be called 'pulse': use small letters and digits, "
         "and none of ab, alembic, core, huey, pulse.",
         "its entry point is called 'acme', but pulse_plugin says 'pulse'."],
    ),
    "another API": (
        SOUND | {"pulse_plugin": SOUND["pulse_plugin"][:-1] + ", api=99)"}, "", "",
        ["it is written for plugin API 99; this is 1."],
    ),
    "tasks without names of their own": (
        SOUND | {"pulse_audit_actions": "[]"}, "def sync(): pass",
        "@hookimpl\ndef pulse_tasks(self, huey):\n    huey.task()(sync)",
        ["task sync needs an explicit name that begins with acme."],
    ),
    "views without verbs": (
        SOUND | {"pulse_views": "[]"}, "", "",
        ["pulse_audit_actions is missing: a plugin with pulse_views owes it."],
    ),
    "verbs of somebody else": (
        SOUND | {"pulse_audit_actions": '[AuditAction("contact.stolen", "{actor} took {object}.")]'}, "", "",
        ["audit verb contact.stolen must begin with acme."],
    ),
    "a page for roles nobody has, and roles nobody can have": (
        SOUND | {"pulse_audit_actions": "[]", "pulse_views": '[View(int, "Calls", may={"read": ("Nobody",)})]',
                 "pulse_roles": '[Role("*", "All."), Role("A" * 41, "Long.")]'}, "", "",
        ["page Calls is for the role 'Nobody', which nobody brings.",
         "role '*' needs a name of at most 40 characters.",
         f"role '{'A' * 41}' needs a name of at most 40 characters."],
    ),
    "background work of another name, with nothing to do": (
        SOUND | {"pulse_audit_actions": "[]", "pulse_jobs": '[Job("other.count", step=print)]',
                 "pulse_duties": '[Duty("acme.tidy", "Tidying", timedelta(hours=1))]'}, "", "",
        ["other.count needs a name that begins with acme. and has at most 60 characters.",
         "acme.tidy needs a step or a call, and not both."],
    ),
    "doors without a proper name, and twice": (
        SOUND | {"pulse_audit_actions": "[]", "pulse_doors": '[Door("A/b", print), *2 * [Door("paid", print)]]'},
        "", "",
        ["door 'A/b' needs a name of small letters, digits and hyphens.", "there is more than one door paid."],
    ),
    "an act of another name": (
        SOUND | {"pulse_audit_actions": "[]", "pulse_acts": '[Act("other.burn", "Burn", "Things", print)]'}, "", "",
        ["act other.burn must begin with acme."],
    ),
    "a role of core": (
        SOUND | {"pulse_roles": '[Role("Auditor", "Reads everything.")]'}, "", "",
        ["the name Auditor in pulse_roles is taken."],
    ),
    "names twice in one plugin": (
        SOUND | {"pulse_dashboard": '2 * [Card("calls", "Calls", lambda work: "1")]'}, "", "",
        ["the name calls in pulse_dashboard is taken."],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("hooks", "head", "more", "faults"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_and_harms_nobody_else(
    acme: Write, hooks: dict[str, str], head: str, more: str, faults: list[str]
) -> None:
    assert sorted(refused(acme(hooks, head, more))) == sorted(faults)


def test_all_faults_are_told_at_once(acme: Write) -> None:
    hooks = {"pulse_plugin": SOUND["pulse_plugin"][:-1] + ", api=2)", "pulse_chanels": "[]", "pulse_health": "None"}
    assert sorted(refused(acme(hooks, TABLE))) == [
        "it is written for plugin API 2; this is 1.",
        "pulse_health returned NoneType, not a list.",
        "pulse_retention_rules is missing: every plugin owes it.",
        "pulse_subject_data is missing: every plugin owes it.",
        "table acme_call has no retention rule.",
        "table acme_call is mapped but not listed in owns_tables.",
        "there is no hook pulse_chanels; did you mean pulse_channels?",
    ]


def test_a_module_that_is_not_there(acme: Write) -> None:
    assert refused(entry_point("acme", "connectpulse_acme.gone:Plugin")) == [
        "it cannot be imported: ModuleNotFoundError: No module named 'connectpulse_acme'"
    ]


def test_a_half_mapped_class_disturbs_no_later_statement(acme: Write) -> None:
    broken = TABLE + '    caller: Mapped["Nowhere"] = relationship("Nowhere")\n'
    (fault,) = refused(acme(WITH_TABLE, broken))
    assert fault.startswith("it cannot be imported: InvalidRequestError")


def test_a_plugin_that_was_mended_loads(acme: Write) -> None:
    assert refused(acme(WITH_TABLE | {"pulse_retention_rules": "[]"}, TABLE))
    assert load(acme(WITH_TABLE, TABLE)).refusals == {}


def test_a_name_is_given_once(acme: Write) -> None:
    verbs = '[AuditAction("other.called", "{actor} called.")]'
    other = acme(
        SOUND | {
            "pulse_plugin": SOUND["pulse_plugin"].replace('"acme"', '"other"'),
            "pulse_channels": "[PostcardChannel()]", "pulse_providers": "[PostProvider]", "pulse_audit_actions": verbs,
        }, name="other",
    )  # fmt: skip
    registry = load(other, POSTCARD)
    assert set(registry.plugins) == {"other"}
    assert registry.refusals == {
        "postcard": (
            "the name postcard in pulse_channels is taken.",
            "the name post in pulse_providers is taken.",
        )
    }


def test_two_plugins_of_one_name(acme: Write) -> None:
    acme(SOUND | {"pulse_plugin": SOUND["pulse_plugin"].replace('"acme"', '"postcard"')}, name="other")
    registry = load(POSTCARD, entry_point("postcard", "connectpulse_other:Plugin"))
    assert registry.refusals == {"postcard": ("a plugin called postcard is loaded already.",)}
    assert "postcard" in registry.channels


def test_there_is_one_billing_ledger(acme: Write) -> None:
    ledger = {
        "pulse_plugin": SOUND["pulse_plugin"].replace("TOOL", "BILLING").replace('"acme"', '"other"'),
        "pulse_ledger": "type('OtherLedger', (CompleteLedger,), {'name': 'other'})()",
    }
    head = "from connectpulse_complete import CompleteLedger"
    registry = load(COMPLETE, acme(SOUND | ledger, head, name="other"))
    assert registry.refusals == {"other": ("a billing ledger is active already: complete.",)}
    assert registry.ledger.name == "complete"


def test_a_plugin_refused_beside_others_leaves_no_table(acme: Write) -> None:
    named = WITH_TABLE["pulse_plugin"].replace("acme", "zoo")
    rules = WITH_TABLE["pulse_retention_rules"]
    clash = {"pulse_plugin": named, "pulse_retention_rules": rules, "pulse_subject_data": "[]",
             "pulse_channels": "[PostcardChannel()]", "pulse_providers": "[PostProvider]"}  # fmt: skip
    registry = load(acme(clash, TABLE.replace("acme", "zoo"), name="zoo"), POSTCARD)
    assert set(registry.refusals) == {"zoo"}
    assert "zoo_call" not in metadata.tables


def test_every_hook_arrives_in_the_registry(acme: Write) -> None:
    registry = load(COMPLETE)
    assert registry.refusals == {}
    plugin = COMPLETE.load()
    assert {name for name in dir(plugin) if name.startswith("pulse_")} == HOOK_NAMES
    for table, name in {
        "plugins": "complete", "channels": "complete", "providers": "complete", "ledgers": "complete",
        "gateways": "complete", "rules": "complete_thing", "subjects": "complete_thing",
        "actions": "complete.done", "reports": "complete_things", "health": "complete_health",
        "cards": "complete_card", "restore_checks": "complete_sums",
        "trials": "complete",
        "roles": "Thing keeper", "doors": "complete/thing", "jobs": "complete.count", "duties": "complete.tidy",
        "acts": "complete.burn", "limits": "complete_limit",
    }.items():  # fmt: skip
        assert name in getattr(registry, table), table
    assert [view.label for view in registry.views] == ["Things"]
    assert [demo.__name__ for demo in registry.demos] == ["pulse_demo"]
    queue = MemoryHuey(immediate=True)
    (declare,) = registry.tasks
    declare(queue)
    assert [task.__name__ for task in queue._registry._registry.values()] == ["complete.sync"]


def test_a_muted_plugin_keeps_its_duties_and_serves_nothing(acme: Write) -> None:
    registry = load(COMPLETE, muted=("complete",))
    assert registry.refusals == {}
    assert "complete" in registry.plugins
    assert "complete_thing" in registry.rules
    assert "complete_thing" in registry.subjects
    assert "complete.done" in registry.actions
    served = (
        "channels",
        "providers",
        "gateways",
        "views",
        "tasks",
        "reports",
        "health",
        "cards",
        "demos",
        "doors",
        "duties",
    )
    assert {name: len(getattr(registry, name)) for name in served} == dict.fromkeys(served, 0)
    assert registry.ledger.name == "unmetered"
    assert "Thing keeper" not in registry.roles
