"""The page on hooks, written from the specifications: `python -m tests.house.hooks_page > docs/hooks.md`."""

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from connectpulse.core import hookspecs
from connectpulse.core.domain import (
    acts,
    audit,
    contracts,
    doors,
    faces,
    form,
    jobs,
    limits,
    provider,
    retention,
    roles,
    trial,
)
from connectpulse.core.hookspecs import ALWAYS, BY_HOOK, BY_KIND, SERVING, Hooks

HOOKS: dict[str, Callable[..., Any]] = {
    name: member for name, member in vars(Hooks).items() if name.startswith("pulse_")
}

HANDED_OVER: tuple[type[Any], ...] = (
    contracts.PluginInfo, retention.RetentionRule, retention.SubjectHandler, retention.Subject, audit.AuditAction,
    contracts.Channel, contracts.SenderKind, contracts.Measure, contracts.Rendered, contracts.Preview, contracts.Needs,
    contracts.CampaignFacts, contracts.Remarks, provider.Provider, provider.Disclosure, provider.Submission,
    provider.Receipt, provider.Inbound, provider.TemplateWord, provider.TemplateSubmission, provider.Stop,
    provider.Callback, provider.Check, provider.Samples, contracts.Ledger, contracts.Tariff, contracts.Movement,
    faces.PaymentGateway, faces.View, roles.Role, doors.Door,
    doors.Knock, doors.Answer, jobs.Job, jobs.Duty, acts.Act, limits.Limit, limits.Allowance, faces.Report,
    faces.HealthCheck, faces.Health, faces.Card, faces.RestoreCheck, trial.Trial, form.Field, form.Shape,
)  # fmt: skip

INTRODUCTION = """# Hooks

A plugin tells the house what it offers by implementing hooks. They are called once, at start, and hand over typed objects; the objects do the work. Write them on a class, mark each with `hookimpl` from `connectpulse.core.api`, and name the class in the entry-point group `{group}`. The loader refuses a plugin with every fault listed; `connectpulse check` and the panel show them.

A muted plugin keeps its duties: retention rules, subject handlers and audit actions and restore checks go on, everything else falls silent. Names are unique in the house, and begin with the plugin's where the table says so.

A plugin imports `connectpulse.core.api`, for its pages `connectpulse.web.pages`, in its tests `connectpulse.testing`, and nothing else of ours. How to begin: [write a plugin](plugin-tutorial.md). When it is good: [the checklist](plugin-checklist.md).

| hook | returns | owed by | when muted |
|---|---|---|---|
"""  # noqa: E501 - a paragraph of the page is one line


def page() -> str:
    """Return docs/hooks.md as the specifications say it should be."""
    muted = {name: "silent" if name in SERVING else "goes on" for name in HOOKS}
    rows = [f"| [`{name}`](#{name}) | `{returns(name)}` | {owed_by(name)} | {muted[name]} |\n" for name in HOOKS]
    hooks = "\n".join(_hook(name) for name in HOOKS)
    types = "\n".join(_type(cls) for cls in HANDED_OVER)
    beginning = INTRODUCTION.format(group=hookspecs.ENTRY_POINTS) + "".join(rows)
    return f"{beginning}\n{hooks}\n## What hooks hand over\n\n{types}"


def sections(name: str) -> dict[str, str]:
    """Return a hook's docstring by part: "" for its beginning, then Arguments, Returns, Example."""
    text = re.sub(r"\s*\n\s*", " ", inspect.getdoc(HOOKS[name]) or "")
    first, *rest = re.split(r"\b(Arguments|Returns|Example): ", text)
    return {"": first.strip(), **{part: body.strip() for part, body in zip(rest[::2], rest[1::2], strict=True)}}


def signature(function: Callable[..., Any]) -> str:
    """Return a signature with the bare names of its types, a line per argument where it is long."""
    written = _bare(str(inspect.signature(function)))
    if len(written) < 100:
        return written
    arguments, _, answer = written.rpartition(")")
    parts = re.split(r", (?=\*?\w+:|\*, )", arguments.removeprefix("("))
    return "(\n" + "".join(f"    {part},\n" for part in parts) + f"){answer}"


def _bare(written: str) -> str:
    """Return a type as one would write it: without modules, and without the quotes of names known later."""
    written = re.sub(r"ForwardRef\('(\w+)'\)|(?<=[:\[] )'(\w+)'|(?<=[\[])'(\w+)'", r"\1\2\3", written)
    return re.sub(r"(?<![\w'\"])(?:[a-z_]\w*\.)+(?=[A-Za-z])", "", written)


def returns(name: str) -> str:
    """Return what a hook returns, as written."""
    return signature(HOOKS[name]).partition(" -> ")[2]


def owed_by(name: str) -> str:
    """Return which plugins owe a hook, in words."""
    kinds = [f"kind `{kind}`" for kind, owed in BY_KIND.items() if name in owed]
    hooks = [f"plugins with `{hook}`" for hook, owed in BY_HOOK.items() if name in owed]
    return "all" if name in ALWAYS else ", ".join(kinds + hooks) or "nobody, it is optional"


def _hook(name: str) -> str:
    parts = sections(name)
    lines = [f"### {name}", "", "```python", f"def {name}{signature(HOOKS[name])}", "```", "", parts[""], ""]
    lines += [f"- **{part}**: {parts[part]}" for part in ("Arguments", "Returns") if part in parts]
    lines += [f"- **Owed by**: {owed_by(name)}.", "", "```python", parts["Example"].strip("`"), "```", ""]
    return "\n".join(lines)


def _type(cls: type[Any]) -> str:
    lines = [f"### {cls.__name__}", "", *_prose(cls)]
    if inspect.isabstract(cls):
        lines += ["```python", *_members(cls), "```", ""]
    else:
        lines += ["```python", f"{cls.__name__}{signature(cls).removesuffix(' -> None')}", "```", ""]
    return "\n".join(lines)


def _prose(cls: type[Any]) -> Iterator[str]:
    for paragraph in (inspect.getdoc(cls) or "").split("\n\n"):
        if not paragraph.startswith(f"{cls.__name__}("):
            yield paragraph.replace("\n", " ") + "\n"


def _members(cls: type[Any]) -> Iterator[str]:
    for name, annotation in vars(cls)["__annotations__"].items():
        kind = _bare(inspect.formatannotation(annotation))
        yield f"{name}: {kind.removeprefix('ClassVar[').removesuffix(']') if kind.startswith('ClassVar[') else kind}"
    for name, member in vars(cls).items():
        function = member.__func__ if isinstance(member, classmethod) else member
        if inspect.isfunction(function) and not name.startswith("_"):
            kind = "async def" if inspect.iscoroutinefunction(function) else "def"
            kind = f"@classmethod\n{kind}" if isinstance(member, classmethod) else kind
            first = (inspect.getdoc(function) or "").partition("\n")[0]
            must = "  # required" if getattr(member, "__isabstractmethod__", False) else ""
            yield f"\n# {first}\n{kind} {name}{signature(function)}{must}"


if __name__ == "__main__":
    sys.stdout.write(page())
