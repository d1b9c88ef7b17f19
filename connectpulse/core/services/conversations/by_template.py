"""Sending a template in a conversation: which there are, how one looks for a person, what keeps it, and sending it.

It is a single transactional message. What its channel asks of a template and of a person in a campaign, it asks here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import func, select

from ...domain.contracts import CampaignFacts, Channel, Preview, Purpose
from ...domain.provider import Approval
from ...domain.routing import chooser
from ...errors import NotFound, Refused
from ...storage.models import Template, TemplateVersion, Thread
from .. import allowances, audit, connections, files, records, senders, singles, suppressions, templates
from ..work import Work
from . import answering, costs, threads, ways
from .threads import Party
from .ways import PURPOSE, Way

PAGE = 20
_GONE = "This template is gone, or fits no address of this person. Choose another."


class Offer(NamedTuple):
    """A template to choose: `is_ready` says whether a version of it may be sent as far as its provider is concerned."""

    id: int
    name: str
    channel: str
    is_ready: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """A template before it is sent. `way` and `sender` empty take the best; `seen` is the last thing its writer read.

    `version_id` is the version they looked at, None where nobody did.
    """

    template_id: int
    version_id: int | None = None
    way: str = ""
    sender: str = ""
    seen: int | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What a template would be for a person: figures, warnings and how it looks, or its `text` where it has no look.

    `faults` keep it from being sent; `ways` are those to choose from, of which `way` and `sender` are chosen.
    """

    version: TemplateVersion
    channel: Channel
    ways: Sequence[Way]
    way: Way
    sender: str
    preview: Preview
    text: str
    faults: Sequence[str]


class _Plan(NamedTuple):
    party: Party
    channel: Channel
    version: TemplateVersion
    ways: Sequence[Way]
    way: Way
    sender: str
    refusing: frozenset[int]


def offered(work: Work, party: Party, words: str = "") -> list[Offer]:
    """Return templates of the channels a person is reached by, whose names begin with `words`, the newest first."""
    names = [channel.name for channel in ways.channels(work, party)]
    said = (
        select(func.array_agg(TemplateVersion.approval))
        .where(TemplateVersion.template_id == Template.id)
        .correlate(Template)
        .scalar_subquery()
    )
    wanted = select(Template.id, Template.name, Template.channel, said).where(
        Template.channel.in_(names), Template.is_archived.is_(False)
    )
    if words:
        wanted = wanted.where(func.lower(Template.name).startswith(words.lower(), autoescape=True))
    rows = work.session.execute(wanted.order_by(Template.id.desc()).limit(PAGE))
    return [
        Offer(id, name, channel, is_ready=bool({"not_needed", Approval.APPROVED} & set(approvals or ())))
        for id, name, channel, approvals in rows
    ]


def look(work: Work, thread_id: int, choice: Choice) -> Look:
    """Return what a template would be for the person of a conversation, before it is sent.

    A way or sender of another channel gives way to the best. Raises Refused where the template cannot be chosen.
    """
    plan = _planned(work, threads.find(work, thread_id), choice, is_strict=False)
    values, faults = plan.party.values, _objections(work, plan)
    shown = plan.channel.preview_for(plan.version.content, PURPOSE, values)
    missing = {name: f"{{{{ {name} }}}}" for name in _missing(plan)}
    figures, said = list(shown.figures), ""
    try:
        rendered = plan.channel.prepare(plan.version.content)({**values, **missing})
        said = rendered.body
        if plan.sender and not missing:
            figures += costs.figures(work, plan.way, plan.sender, _category(plan), rendered.measure)
    except Refused as refusal:
        faults += [each for each in refusal.problems if each not in faults]
    warnings = (*shown.warnings, *_remarks(work, plan)[1])
    preview = replace(shown, figures=tuple(figures), warnings=warnings)
    return Look(plan.version, plan.channel, plan.ways, plan.way, plan.sender, preview, said, faults)


def document(work: Work, thread_id: int, template_id: int) -> str:
    """Return how a template looks for the person of a conversation, as an HTML document; empty if it has no look."""
    plan = _planned(work, threads.find(work, thread_id), Choice(template_id), is_strict=False)
    return files.put_in(work, plan.channel.preview_for(plan.version.content, PURPOSE, plan.party.values).document)


def send(work: Work, thread_id: int, choice: Choice, *, closes: bool = False) -> int:
    """Send a template as an answer is sent, and return its message's id; the conversation is its sender's if nobody's.

    Raises Refused with every reason, among them that somebody answered, the person wrote again, or the template has
    another version than the one that was looked at.
    """
    thread = threads.find(work, thread_id, lock=True)
    threads.check_seen(work, thread, choice.seen)
    plan = _planned(work, thread, choice, is_strict=True)
    if faults := _objections(work, plan):
        raise Refused(*faults)
    way, version, contact = plan.way, plan.version, plan.party.contact
    message_id = singles.queue(
        work, channel=plan.channel, sender=plan.sender, address=way.address, content=version.content, purpose=PURPOSE,
        values=plan.party.values, contact_id=contact.id if contact is not None else None, category=version.category,
        connection_id=_back(plan), refusing=plan.refusing,
    )  # fmt: skip
    answering.note(work, thread, message_id, closes=closes)
    audit.record(
        work, "thread.template_sent", thread, message=message_id, channel=plan.channel.name,
        template=version.template_id, version=version.number,
    )  # fmt: skip
    if closes:
        audit.record(work, "thread.done", thread)
    return message_id


def _planned(work: Work, thread: Thread, choice: Choice, *, is_strict: bool) -> _Plan:
    party = threads.party(work, thread)
    version = _version(work, party, choice)
    if is_strict and choice.version_id not in (None, version.id):
        raise Refused("This is not what you looked at: the template was changed, or another one chosen. Look again.")
    channel = work.registry.channel(version.template.channel)
    offered = ways.over(work, thread, party, channel, version.content)
    is_known = is_strict or any(way.key == choice.way for way in offered)
    way = ways.chosen(offered, choice.way if is_known else "")
    wanted = choice.sender if is_strict or choice.sender in way.identities else ""
    sender = ways.identity(way, wanted) if way.identities else ""
    return _Plan(party, channel, version, offered, way, sender, templates.refusing(work, version.id))


def _version(work: Work, party: Party, choice: Choice) -> TemplateVersion:
    """Return the version that is sent of a template; raise Refused for one that cannot be chosen for a person."""
    try:
        template = records.find(work, Template, choice.template_id)
    except NotFound:
        raise Refused(_GONE) from None
    if template.is_archived or template.channel not in {channel.name for channel in ways.channels(work, party)}:
        raise Refused(_GONE)
    return templates.approved(work, template.id, PURPOSE)


def _objections(work: Work, plan: _Plan) -> list[str]:
    """Return one sentence per thing that keeps a template from a person, what to do in each."""
    found = allowances.objections(work, work.organisation_id, plan.channel.name)
    found += _unapproved(plan)
    found += plan.way.obstacles or _stopped(work, plan)
    if plan.sender:
        found += [*plan.channel.objections(_facts(work, plan)), *_remarks(work, plan)[0], *_unrouted(work, plan)]
    found += [_unknown(plan.party, name) for name in _missing(plan)]
    return list(dict.fromkeys(found))


def _unapproved(plan: _Plan) -> list[str]:
    version = plan.version
    if not plan.channel.needs(version.content, PURPOSE).approved_template or version.approval == Approval.APPROVED:
        return []
    if version.approval != Approval.REJECTED:
        return ["The provider has not approved this template yet. Choose another one, or wait for its word."]
    why = f": {version.approval_reason}" if version.approval_reason else "."
    return [f"The provider did not approve this template{why} Choose another one, or change it and submit it again."]


def _stopped(work: Work, plan: _Plan) -> list[str]:
    """Return why a template that may be a promotion does not go to somebody who stopped those."""
    channel, address = plan.channel, plan.way.address
    if channel.category(plan.version.content, PURPOSE):  # then its channel objects to promotions itself
        return []
    if not suppressions.objections(work, channel, Purpose.PROMOTIONAL, [address]):
        return []
    return [f"{address} gets no promotions any more, and this template may be one. Answer in your own words."]


def _facts(work: Work, plan: _Plan) -> CampaignFacts:
    held = senders.kind_held(work, work.organisation_id, plan.channel.name, plan.sender)
    return CampaignFacts(PURPOSE, held, frozenset({PURPOSE}), plan.version.content, sender=plan.sender)


def _remarks(work: Work, plan: _Plan) -> tuple[Sequence[str], Sequence[str]]:
    """Return what the organisation's own records say of this template and sender: objections, and warnings."""
    if not plan.sender:
        return (), ()
    said = plan.channel.remarks(work, _facts(work, plan))
    return said.objections, said.warnings


def _back(plan: _Plan) -> int | None:
    """Return the connection that goes back to who wrote, where it may carry this template."""
    connection_id = plan.way.returns(plan.sender)
    return None if connection_id in plan.refusing else connection_id


def _unrouted(work: Work, plan: _Plan) -> list[str]:
    """Return why no connection carries it; empty if one does."""
    if _back(plan) is not None:
        return []
    channel, address = plan.channel, plan.way.address
    number = plan.party.contact.id if plan.party.contact is not None else 0
    rules = connections.rules(work, channel.name, work.organisation_id)
    approving = [rule for rule in rules if rule.connection_id not in plan.refusing]
    if chooser(approving, plan.sender)(address, number):
        return []
    if chooser(rules, plan.sender)(address, number):
        return [f"No connection that carries {channel.title} messages to {address} has approved this template."]
    return connections.objections(work, channel.name, work.organisation_id) or [
        f"No route carries {channel.title} messages to {address}. A platform administrator has to add one."
    ]


def _missing(plan: _Plan) -> list[str]:
    values: Mapping[str, Any] = plan.party.values
    return sorted(name for name in plan.channel.required_values(plan.version.content) if not values.get(name))


def _unknown(party: Party, name: str) -> str:
    first = "fill it in on the contact's page" if party.contact is not None else "add them to the contacts first"
    return f"{{{{ {name} }}}} is not known of this person: {first}, or choose another template."


def _category(plan: _Plan) -> str:
    return plan.version.category or plan.channel.category(plan.version.content, PURPOSE)
