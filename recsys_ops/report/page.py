"""One self-contained page of HTML: nothing is loaded from elsewhere, and nothing that data hold can run."""

import base64
import functools
import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from recsys_ops.errors import ConfigError

_ADDRESS = re.compile(r"(https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?)(?:[/?][^\s\"'<>\\#]*)?")
_POLICY = (
    "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; img-src data:; "
    "connect-src {connect}; base-uri 'none'; form-action 'none'"
)


def render(
    template: str, content: Mapping[str, Any], *, scripts: Sequence[str] = ("page.js",), connect: str = "'none'"
) -> str:
    """Fill a template.

    Parameters
    ----------
    template : str
        File of ``recsys_ops/report/templates``.
    content : mapping
        What its names stand for; text is escaped.
    scripts : sequence of str
        Files of that folder that the page runs, in this order.
    connect : str
        The one origin, such as ``https://shop.example``, that the page may send to; by default none.

    Returns
    -------
    str
        A page whose policy allows its own style and script, that origin, and nothing else.
    """
    style, script = _asset("style.css"), "".join(map(_asset, scripts))
    policy = _POLICY.format(style=_digest(style), script=_digest(script), connect=connect)
    return _environment().get_template(template).render(**content, style=style, script=script, policy=policy)


def origin_of(url: str) -> str:
    """The origin of an address that pages send to, as a policy names it.

    Raises
    ------
    ConfigError
        It is no plain address of the web; nothing else may stand in a policy.
    """
    found = _ADDRESS.fullmatch(url)
    if found is None:
        raise ConfigError(
            f"--feedback-url {url}: expected an address such as https://shop.example/feedback, without a user and "
            "password in it. Correct it."
        )
    return found[1].lower()


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
