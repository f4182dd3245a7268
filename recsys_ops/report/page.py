"""One self-contained page of HTML: nothing is loaded from elsewhere, and nothing that data hold can run."""

import base64
import functools
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

_POLICY = (
    "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)


def render(template: str, content: Mapping[str, Any]) -> str:
    """Fill a template.

    Parameters
    ----------
    template : str
        File of ``recsys_ops/report/templates``.
    content : mapping
        What its names stand for; text is escaped.

    Returns
    -------
    str
        A page whose policy allows its own style and script, and nothing else.
    """
    style, script = _asset("style.css"), _asset("page.js")
    policy = _POLICY.format(style=_digest(style), script=_digest(script))
    return _environment().get_template(template).render(**content, style=style, script=script, policy=policy)


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("recsys_ops", "report/templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"percent": _percent, "number": _number}
    return environment


@functools.cache
def _asset(name: str) -> str:
    return (files("recsys_ops") / "report/templates" / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _percent(share: float | None) -> str:
    """Whole per cent; of less than one the first digit, so that a small gain does not read as none."""
    if share is None:
        return "-"
    return f"{100 * share:.1g} %" if 0 < share < 0.01 else f"{100 * share:.0f} %"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:.2f}"
