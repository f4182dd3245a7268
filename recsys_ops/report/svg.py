"""Figures of matplotlib as inline SVG, in the colours of the page and without styles of their own."""

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
MARK, SOFT, _INK = "#020202", "#030303", "#010101"
_COLOURS = {_INK: "currentColor", MARK: "var(--mark)", SOFT: "var(--soft)"}
"""Colours that matplotlib is given -> what the page makes of them, light or dark."""
_LIGHT = {"currentColor": "#1c2024", "var(--mark)": "#0b5cad", "var(--soft)": "#5a6169"}
"""Those of ``templates/style.css``, for files without a page."""
_SETTINGS: Any = {
    "svg.fonttype": "none", "text.color": _INK, "axes.labelcolor": _INK, "axes.edgecolor": SOFT,
    "xtick.color": _INK, "ytick.color": _INK, "axes.spines.top": False, "axes.spines.right": False,
}  # fmt: skip


def has_matplotlib() -> bool:
    """Whether plots can be drawn."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        return False
    return True


def make_axes(across: str, up: str) -> "tuple[Figure, Axes]":
    """A figure and its only axes, with what they show across and up."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(6, 3.2), layout="constrained")
        axes = figure.subplots()
        axes.set_xlabel(across)
        axes.set_ylabel(up)
    return figure, axes


def as_shares(axes: "Axes", which: str) -> None:
    """Numbers of these axes ("x", "y" or "xy") as per cent."""
    from matplotlib.ticker import PercentFormatter

    for name in which:
        getattr(axes, f"{name}axis").set_major_formatter(PercentFormatter(1))


def inline_plot(figure: "Figure", title: str, text: str) -> dict[str, str]:
    """A figure as a page shows it.

    Parameters
    ----------
    figure : Figure
        Made by ``make_axes``; what has a label stands in its legend.
    title : str
        Above it, in fixed words of ours: ids of the SVG are made of it.
    text : str
        The figure's numbers in words.

    Returns
    -------
    dict of str
        ``title``, ``text`` and ``svg``, markup.
    """
    import matplotlib as mpl

    content = io.BytesIO()
    with mpl.rc_context(_SETTINGS | {"svg.hashsalt": title}):
        figure.legend(frameon=False, loc="outside upper left", ncols=4)
        figure.savefig(content, format="svg", transparent=True, metadata={"Date": None})
    return {"title": title, "text": text, "svg": _inline(content.getvalue(), re.sub("[^A-Za-z0-9]+", "-", title))}


def svg_file(plot: Mapping[str, str]) -> bytes:
    """A plot of ``inline_plot`` as a file of its own, in the colours of a light page, with its text for readers."""
    root = ET.fromstring(_in_light(plot["svg"]))
    del root.attrib["aria-hidden"]
    root.set("role", "img")
    root.set("font-family", "sans-serif")
    for tag in ("desc", "title"):
        element = ET.Element(f"{{{_SVG}}}{tag}")
        element.text = plot["title" if tag == "title" else "text"]
        root.insert(0, element)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _in_light(svg: str) -> str:
    for name, colour in _LIGHT.items():
        svg = svg.replace(name, colour)
    return svg


def _inline(svg: bytes, prefix: str) -> str:
    """The SVG for a page whose policy allows no styles: each becomes an attribute, and ids are of this plot only."""
    ET.register_namespace("", _SVG)
    ET.register_namespace("xlink", _LINK)
    root = ET.fromstring(svg)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("}metadata", "}style")):
                parent.remove(child)
    for element in root.iter():
        for name, value in _declarations(element.attrib.pop("style", "")):
            element.set(name, _COLOURS.get(value, value))
        for name, value in list(element.attrib.items()):
            if name == "id":
                element.set(name, f"{prefix}-{value}")
            elif name == f"{{{_LINK}}}href" and value.startswith("#"):
                element.set(name, f"#{prefix}-{value[1:]}")
            elif value.startswith("url(#"):
                element.set(name, f"url(#{prefix}-{value[5:]}")
    for name in ("width", "height"):
        root.attrib.pop(name, None)
    root.set("aria-hidden", "true")
    return ET.tostring(root, encoding="unicode")


def _declarations(style: str) -> list[tuple[str, str]]:
    """``fill: #fff; font: 10px sans`` as attributes of SVG; the family of a font is that of the page."""
    pairs = [part.split(":", 1) for part in style.split(";") if ":" in part]
    found = []
    for name, value in ((name.strip(), value.strip()) for name, value in pairs):
        if name == "font":
            found.append(("font-size", next(word for word in value.split() if word.endswith("px"))))
        elif name != "font-family":
            found.append((name, value))
    return found
