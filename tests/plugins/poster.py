"""A channel whose contents have files and a look: posters with a picture and leaflets, in a document of their own."""

import base64
from collections.abc import Mapping
from html import escape
from typing import Any, ClassVar

from connectpulse.core.api import Channel, Field, Form, Kind, PluginInfo, PluginKind, Preview, Work, files, hookimpl
from tests.plugins.postcard import PostcardChannel

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""A picture of one point."""
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
MOST = 2000


class PosterChannel(PostcardChannel):
    name = "poster"
    title = "Poster"
    is_shared = True
    content_form: ClassVar[Form] = (
        Field("body", "Text", Kind.LONG_TEXT, is_required=True),
        Field("picture", "Picture", Kind.FILE, accept=("image/*",), high=MOST),
        Field("leaflets", "Leaflets", Kind.FILES, accept=("application/pdf", "image/png")),
    )

    def preview(self, content: Mapping[str, Any]) -> Preview:
        picture = content.get("picture")
        seen = f'<img alt="" src="file:{picture}" width="40" height="40">' if picture else ""
        return Preview(
            (("Leaflets", str(len(content.get("leaflets") or ()))),),
            document="<!doctype html><meta charset=utf-8><title>Poster</title><style>h1 { color: rgb(1, 2, 3) }</style>"
            f"<h1>{escape(str(content.get('body') or ''))}</h1>{seen}<script>document.title = 'ran'</script>",
        )

    def share(self, work: Work, sender: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"picture": files.read(work, content["picture"])}


class PosterPlugin:
    @hookimpl
    def pulse_plugin(self) -> PluginInfo:
        return PluginInfo("poster", "1.0", "Posters", "test@example.com", frozenset({PluginKind.CHANNEL}))

    @hookimpl
    def pulse_retention_rules(self) -> list[Any]:
        return []

    @hookimpl
    def pulse_subject_data(self) -> list[Any]:
        return []

    @hookimpl
    def pulse_channels(self) -> list[Channel]:
        return [PosterChannel()]

    @hookimpl
    def pulse_providers(self) -> list[Any]:
        return []
