"""From a view to HTML."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from fastbrand.domain.errors import InputError
from fastbrand.service.backtest_report.view import view_of
from rules.wording import pick

if TYPE_CHECKING:
    from jinja2 import Environment

    from fastbrand.service.backtesting import BacktestResult

_TONES = {"eligible": "t-pass", "refer": "t-warn", "ineligible": "t-fail"}


def render(result: BacktestResult, lang: str) -> str:
    """The page in ``lang`` (``en`` or ``zh``)."""
    from markupsafe import Markup

    css = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")

    def t(en: str, zh: str) -> str:
        return pick((en, zh), lang)

    template = _environment().get_template("report.html.jinja")
    return template.render(**view_of(result, lang), t=t, tones=_TONES, css=Markup(css))  # our own file


def write(result: BacktestResult, path: Path, lang: str) -> None:
    """Write the page to ``path``. Raises ``InputError`` where it cannot be written."""
    try:
        path.write_text(render(result, lang), encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise InputError(
            f"`{path}` cannot be written: {reason}", hint="choose another place for the report", code="unwritable"
        ) from None


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(Path(__file__).parent)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=False)
