"""What a WhatsApp message is made of: the fields an author fills in, and the words they may choose from."""

from typing import Final

from connectpulse.core.api import Field, Form, Kind

TEMPLATE: Final = "template"
TEXT: Final = "text"
MARKETING: Final = "marketing"
UTILITY: Final = "utility"
AUTHENTICATION: Final = "authentication"
NAMED: Final = "named"
POSITIONAL: Final = "positional"

LANGUAGES: Final = (
    ("en", "English"), ("en_GB", "English (UK)"), ("en_US", "English (US)"), ("ur", "Urdu"), ("ar", "Arabic"),
    ("af", "Afrikaans"), ("sq", "Albanian"), ("az", "Azerbaijani"), ("bn", "Bengali"), ("bg", "Bulgarian"),
    ("ca", "Catalan"), ("zh_CN", "Chinese (China)"), ("zh_HK", "Chinese (Hong Kong)"), ("zh_TW", "Chinese (Taiwan)"),
    ("hr", "Croatian"), ("cs", "Czech"), ("da", "Danish"), ("nl", "Dutch"), ("et", "Estonian"), ("fil", "Filipino"),
    ("fi", "Finnish"), ("fr", "French"), ("ka", "Georgian"), ("de", "German"), ("el", "Greek"), ("gu", "Gujarati"),
    ("ha", "Hausa"), ("he", "Hebrew"), ("hi", "Hindi"), ("hu", "Hungarian"), ("id", "Indonesian"), ("ga", "Irish"),
    ("it", "Italian"), ("ja", "Japanese"), ("kn", "Kannada"), ("kk", "Kazakh"), ("rw_RW", "Kinyarwanda"),
    ("ko", "Korean"), ("ky_KG", "Kyrgyz"), ("lo", "Lao"), ("lv", "Latvian"), ("lt", "Lithuanian"),
    ("mk", "Macedonian"), ("ms", "Malay"), ("ml", "Malayalam"), ("mr", "Marathi"), ("nb", "Norwegian"),
    ("fa", "Persian"), ("pl", "Polish"), ("pt_BR", "Portuguese (Brazil)"), ("pt_PT", "Portuguese (Portugal)"),
    ("pa", "Punjabi"), ("ro", "Romanian"), ("ru", "Russian"), ("sr", "Serbian"), ("sk", "Slovak"),
    ("sl", "Slovenian"), ("es", "Spanish"), ("es_AR", "Spanish (Argentina)"), ("es_ES", "Spanish (Spain)"),
    ("es_MX", "Spanish (Mexico)"), ("sw", "Swahili"), ("sv", "Swedish"), ("ta", "Tamil"), ("te", "Telugu"),
    ("th", "Thai"), ("tr", "Turkish"), ("uk", "Ukrainian"), ("uz", "Uzbek"), ("vi", "Vietnamese"), ("zu", "Zulu"),
)  # fmt: skip
"""Languages a template may be in, by Meta's code."""

MEDIA: Final = {"image": "Image", "video": "Video", "document": "Document"}
"""Headers that are a file."""

ACCEPTED: Final = {
    "image": ("image/jpeg", "image/png"),
    "video": ("video/mp4", "video/3gpp"),
    "document": ("application/pdf",),
}
"""Media types by header, as WhatsApp takes them."""

LARGEST: Final = {"image": 5 << 20, "video": 16 << 20, "document": 100 << 20}
"""Bytes of a file by header, as WhatsApp takes them."""

_BY_TEMPLATE: Final = ("kind", (TEMPLATE,))
_EXISTING: Final = "A template that WhatsApp has already …"
_UNLESS_CODE: Final = ("category", (MARKETING, UTILITY))

FORM: Final[Form] = (
    Field("kind", "Kind", Kind.CHOICE, "A template begins a conversation and must be approved by WhatsApp first. A "
          "text may only answer people who wrote to us within the last 24 hours.", default=TEMPLATE,
          choices=((TEMPLATE, "Template"), (TEXT, "Text, as an answer"))),
    Field("category", "Category", Kind.CHOICE, "Decides what WhatsApp charges, and is judged by WhatsApp.",
          default=MARKETING, only=_BY_TEMPLATE,
          choices=((MARKETING, "Marketing"), (UTILITY, "Utility"), (AUTHENTICATION, "Authentication code"))),
    Field("language", "Language", Kind.CHOICE, default="en", choices=LANGUAGES, only=_BY_TEMPLATE),
    Field("body", "Text", Kind.LONG_TEXT, help='{{ name }} or {{ name | default("friend") }} stands for a contact\'s '
          "field; *bold*, _italic_, ~struck~ and ```monospace``` are shown so. For an authentication code write the "
          "placeholder of the code alone: WhatsApp writes the sentence.", is_required=True, high=4096),
    Field("header", "Header", Kind.CHOICE, default="none", only=_UNLESS_CODE,
          choices=(("none", "None"), ("text", "A line of text"), *MEDIA.items())),
    Field("header_text", "Text of the header", help="At most 60 characters, with one placeholder at most.", high=200,
          only=("header", ("text",))),
    Field("header_file", "File of the header", Kind.FILE, "A JPEG or PNG of at most 5 MB, an MP4 of 16 MB, a PDF of "
          "100 MB.", accept=tuple(kind for kinds in ACCEPTED.values() for kind in kinds), high=LARGEST["document"],
          only=("header", tuple(MEDIA))),
    Field("footer", "Footer", help="At most 60 characters, without placeholders.", high=200,
          only=_UNLESS_CODE),
    Field("buttons", "Buttons", Kind.LONG_TEXT, help="One a line: reply: Yes please · stop: Stop these messages · "
          "link: Open shop | https://example.com/{{ code }} · call: Call us | +923001234567 · code: SALE25", high=4000,
          only=_UNLESS_CODE),
    Field("examples", "Examples", Kind.LONG_TEXT, help="What WhatsApp's reviewers see instead of placeholders, one a "
          "line: name = Amina", high=4000, only=_BY_TEMPLATE),
    Field("expiry", "Code valid, minutes", Kind.NUMBER, "Shown below the code.", low=1,
          high=90, only=("category", (AUTHENTICATION,))),
    Field("template_name", "Name at WhatsApp", help="Leave empty: each text gets a name of its own. Write the name of "
          "a template that WhatsApp has approved already to use that one.", high=512, only=_BY_TEMPLATE,
          group=_EXISTING),
    Field("variables", "Placeholders at WhatsApp", Kind.CHOICE, "Numbered in the order of "
          "the text, or named like the fields.", default=POSITIONAL, only=_BY_TEMPLATE, group=_EXISTING,
          choices=((POSITIONAL, "Numbered, like {{1}}"), (NAMED, "Named, like {{first_name}}"))),
)  # fmt: skip
