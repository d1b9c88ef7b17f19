"""What blocks a letter is made of, and what each asks."""

from typing import Final

from connectpulse.core.api import Field, Kind, Shape

MARKS: Final = (
    "An empty line begins a paragraph, “- ” an item of a list. **bold**, *italic*, [label](https://…) for a link, "
    "![what it shows](https://…) for a picture."
)
_SIDES: Final = (("start", "At the beginning of the line"), ("center", "In the middle"))
_SIZES: Final = (("1", "Large"), ("2", "Medium"), ("3", "Small"))
_LINK: Final = "Begins with https://"

SHAPES: Final = (
    Shape(
        "heading",
        "Heading",
        (
            Field("text", "Words", is_required=True, high=300),
            Field("size", "Size", Kind.CHOICE, choices=_SIZES, default="1"),
            Field("side", "Where", Kind.CHOICE, choices=_SIDES, default="start"),
        ),
        "fa-heading",
    ),
    Shape(
        "text",
        "Text",
        (Field("text", "Text", Kind.LONG_TEXT, MARKS, is_required=True, high=50_000),),
        "fa-align-left",
    ),
    Shape(
        "button",
        "Button",
        (
            Field("label", "Words", is_required=True, high=120),
            Field("link", "Leads to", help=_LINK, is_required=True, high=2_000),
            Field("side", "Where", Kind.CHOICE, choices=_SIDES, default="center"),
        ),
        "fa-hand-pointer",
    ),
    Shape(
        "picture",
        "Picture",
        (
            Field("address", "Address", help=f"Where it lies on the web. {_LINK}", is_required=True, high=2_000),
            Field("alt", "What it shows", high=300, help="Read out, and shown where pictures are not."),
            Field("link", "Leads to", help=f"{_LINK}; may stay empty.", high=2_000),
            Field("width", "Width in pixels", Kind.NUMBER, default=600, low=16, high=600),
        ),
        "fa-image",
    ),
    Shape(
        "columns",
        "Two columns",
        (
            Field("left", "First column", Kind.LONG_TEXT, MARKS, is_required=True, high=20_000),
            Field("right", "Second column", Kind.LONG_TEXT, "Stands below the first on a phone.", is_required=True,
                  high=20_000),
        ),
        "fa-table-columns",
    ),
    Shape("line", "Line", icon="fa-minus"),
    Shape(
        "space", "Space", (Field("height", "Pixels", Kind.NUMBER, default=24, low=4, high=200),), "fa-arrows-up-down"
    ),
)  # fmt: skip
"""In the order in which they are offered."""
