"""Templates: a name, and versions of a text that never change once written."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from ..domain import form
from ..domain.contracts import Preview, Purpose
from ..domain.provider import Approval
from ..errors import Refused
from ..storage.models import Template, TemplateReview, TemplateVersion
from . import contacts, files, jobs, records
from .work import Work

REVIEW = "review_template"
"""The job that submits a version to the connections that would carry it."""
APPROVALS = tuple(Approval)
"""What a provider may say about a template version."""


def create(work: Work, name: str, channel: str, raw: Mapping[str, Any]) -> Template:
    """Make a template with its first version; raise Refused with every fault of its content."""
    if not name.strip():
        raise Refused("Give the template a name.")
    content = read_content(work, channel, raw)
    template = records.create(work, Template(name=name.strip()[:120], channel=channel), "template.created")
    _write_version(work, template, 1, content)
    return template


def revise(work: Work, template_id: int, raw: Mapping[str, Any], name: str = "") -> TemplateVersion:
    """Write a new version; return the newest one if nothing changed. Campaigns keep the version they have."""
    template = records.find(work, Template, template_id, lock=True)
    content = read_content(work, template.channel, raw)
    newest = current(work, template.id)
    template.name = name.strip()[:120] or template.name  # after every query: what was flushed is no change any more
    if form.settled(work.registry.channel(template.channel).content_form, newest.content) == content:
        records.update(work, template, "template.updated")
        return newest
    records.update(work, template, "template.updated", version=newest.number + 1)
    return _write_version(work, template, newest.number + 1, content)


def archive(work: Work, template_id: int, is_archived: bool = True) -> None:
    """Hide a template from choices, or show it again; what uses it goes on."""
    template = records.find(work, Template, template_id, lock=True)
    template.is_archived = is_archived
    records.update(work, template, "template.archived" if is_archived else "template.restored")


def current(work: Work, template_id: int) -> TemplateVersion:
    """Return a template's newest version."""
    statement = (
        select(TemplateVersion)
        .where(TemplateVersion.template_id == template_id)
        .order_by(TemplateVersion.number.desc())
        .limit(1)
    )
    version = work.session.scalars(statement).unique().one_or_none()
    if version is None:
        raise Refused("This template has no text yet.")
    return version


def approved(work: Work, template_id: int, purpose: Purpose) -> TemplateVersion:
    """Return the version that may be sent now: the newest, or the newest approved where its content needs that.

    Where none is approved, it is the newest, whose `approval` says how it stands.
    """
    newest = current(work, template_id)
    needs = work.registry.channel(newest.template.channel).needs(newest.content, purpose)
    if not needs.approved_template or newest.approval == Approval.APPROVED:
        return newest
    statement = (
        select(TemplateVersion)
        .where(TemplateVersion.template_id == template_id, TemplateVersion.approval == Approval.APPROVED)
        .order_by(TemplateVersion.number.desc())
        .limit(1)
    )
    return work.session.scalars(statement).unique().one_or_none() or newest


def refusing(work: Work, version_id: int) -> frozenset[int]:
    """Return the connections whose provider decides about templates and has not approved this version."""
    statement = select(TemplateReview.connection_id).where(
        TemplateReview.version_id == version_id, TemplateReview.state != Approval.APPROVED
    )
    return frozenset(work.session.scalars(statement))


def read_content(work: Work, channel: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a content as its channel stores it; raise Refused with every fault."""
    offered = work.registry.channel(channel)
    content = form.read(offered.content_form, raw)
    files.check(work, offered.content_form, content)
    offered.check_content(content, contacts.known_names(work))
    return content


def preview(work: Work, channel: str, raw: Mapping[str, Any]) -> tuple[Preview, list[str]]:
    """Return what the editor shows beside a content, and its faults, while it is being written."""
    offered = work.registry.channel(channel)
    content = form.blank(offered.content_form) | {
        name: value for name, value in raw.items() if name in form.names(offered.content_form)
    }
    content = form.settled(offered.content_form, content)
    try:
        content = read_content(work, channel, raw)
        faults: list[str] = []
    except Refused as error:
        faults = list(error.problems)
    return offered.preview(content), faults


def document(work: Work, channel: str, raw: Mapping[str, Any]) -> str:
    """Return how a content looks while it is being written: an HTML document, empty if its channel shows none."""
    shown, _ = preview(work, channel, raw)
    return files.put_in(work, shown.document)


def record_approval(
    work: Work, version_id: int, approval: str, reference: str = "", reason: str = "", category: str = ""
) -> None:
    """Write down a provider's word on a template version: pending, approved or rejected.

    `reference` is the provider's name for the template: what it says later is found by it. `category` is what it
    bills the template as. Campaigns whose channel needs an approved template can be launched with approved
    versions only.
    """
    if approval not in APPROVALS:
        raise Refused(f"{approval!r} is not one of {', '.join(APPROVALS)}.")
    version = records.find(work, TemplateVersion, version_id, lock=True)
    version.approval, version.approval_reason = str(approval), reason[:300]
    version.approval_reference = reference[:120] or version.approval_reference
    version.category = category[:40] or version.category
    records.update(work, version, "template.reviewed", approval=str(approval))


def pending(work: Work, channel: str, after: int = 0, limit: int = 100) -> list[TemplateVersion]:
    """Return template versions of a channel that no provider has decided about, oldest first, after the id `after`.

    Those without an `approval_reference` were not submitted yet. In platform scope: of every organisation.
    """
    statement = (
        select(TemplateVersion)
        .join(TemplateVersion.template)
        .where(TemplateVersion.id > after, TemplateVersion.approval == "pending", Template.channel == channel)
        .order_by(TemplateVersion.id)
        .limit(limit)
    )
    return list(work.session.scalars(statement).unique())


def usable(work: Work, channel: str) -> list[Template]:
    """Return the templates a campaign of this channel may choose from, the newest first."""
    statement = (
        select(Template)
        .where(Template.channel == channel, Template.is_archived.is_(False))
        .order_by(Template.id.desc())
        .limit(500)
    )
    return list(work.session.scalars(statement))


def _write_version(work: Work, template: Template, number: int, content: dict[str, Any]) -> TemplateVersion:
    needs = work.registry.channel(template.channel).needs(content, Purpose.PROMOTIONAL)
    version = TemplateVersion(
        template_id=template.id,
        number=number,
        content=content,
        approval="pending" if needs.approved_template else "not_needed",
        created_by=work.actor.name,
    )
    work.session.add(version)
    work.session.flush()
    if needs.approved_template:
        jobs.submit(work, REVIEW, version.id)
    files.use_in(work, version, files.named(work.registry.channel(template.channel).content_form, content))
    return version
