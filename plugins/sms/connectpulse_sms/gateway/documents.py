"""Reading what gateways write: JSON by a small path, XML by the paths ElementTree knows.

A JSON path is names joined by dots with [n] for the n-th of a list: `messages[0].status`. A leading `$`
is allowed. An XML path begins with the root's name: `response/status`, or anywhere: `.//status`; names
are written without their namespace prefix, and `[2]`, `[@id]`, `[@id='7']` or `[name='x']` may follow one.
Documents with a DTD are refused, so entities cannot be defined and nothing is fetched.
"""

import json
import re
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

Steps = tuple[str | int, ...]

_STEP = re.compile(r"([^.\[\]]+)|\[(\d{1,6})\]")
_PATH = re.compile(r"(?:\$(?=[.\[]))?\.?(?:[^.\[\]]+|\[\d{1,6}\])(?:\.[^.\[\]]+|\[\d{1,6}\])*")
_NAME = r"[^\W\d][\w.\-]*"
_XML_STEP = rf"(?:{_NAME}|\*)(?:\[(?:@?{_NAME}(?:='[^']*')?|[1-9]\d*)\])*"
_XML_PATH = re.compile(rf"(?:\.?//|/)?{_XML_STEP}(?://?{_XML_STEP})*")


def json_path(path: str) -> Steps:
    """Return the steps of a JSON path; raise ValueError if it is none."""
    if not _PATH.fullmatch(path):
        raise ValueError(f"{path!r} is not a path like messages[0].status")
    steps = [int(index) if index else name for name, index in _STEP.findall(path)]
    return tuple(steps[1:] if steps[0] == "$" else steps)


def parse_json(body: bytes | str) -> Any:
    """Return the document; raise ValueError if it is not JSON, or nested beyond reason."""
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def json_node(document: Any, steps: Steps) -> Any:
    """Return what lies at `steps`, None if nothing does."""
    for step in steps:
        if isinstance(step, int):
            document = document[step] if isinstance(document, list) and step < len(document) else None
        else:
            document = document.get(step) if isinstance(document, dict) else None
    return document


def as_text(value: Any) -> str | None:
    """Return a JSON value as a gateway's users would write it: true, 7, a text; None for null."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def xml_path(path: str) -> str:
    """Return `path` in ElementTree's form; raise ValueError if it is none."""
    if not _XML_PATH.fullmatch(path):
        raise ValueError(f"{path!r} is not a path like response/status or .//status")
    return "." + path if path.startswith("//") else path.removeprefix("/")


def parse_xml(body: bytes) -> Element:
    """Return a nameless element that holds the document's root; raise ValueError if it is not XML."""
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda tag, attributes: builder.start(_local(tag), attributes)
    parser.EndElementHandler = lambda tag: builder.end(_local(tag))
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse_dtd
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise ValueError(f"not XML ({error})") from None
    document = Element("")
    document.append(builder.close())
    return document


def xml_text(element: Element, path: str) -> str | None:
    """Return the text of the first element at `path`, None if there is none."""
    found = element.find(path)
    return None if found is None else "".join(found.itertext()).strip()


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]


def _refuse_dtd(*declaration: object) -> None:
    raise ValueError("XML with a document type definition is not read")
