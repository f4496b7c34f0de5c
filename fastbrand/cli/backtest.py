"""``fastbrand rules backtest``: a candidate book against the live one, before anybody releases it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fastbrand.cli import present
from fastbrand.cli.options import JsonOption, LangOption, StateOption, VerboseOption
from fastbrand.domain.errors import EngineFault, UsageError

if TYPE_CHECKING:
    from fastbrand.service.backtesting import BacktestResult, Options, Progress
    from fastbrand.service.office import Office
    from fastbrand.settings import Settings
    from rules.engine import RuleEngine


def register(app: typer.Typer) -> None:
    """Add the command to ``fastbrand rules``."""
    app.command("backtest")(backtest)


def backtest(
    candidate: Annotated[
        str, typer.Option("--candidate", metavar="DIR|SHA", help="The book to try: a directory, or a proposed release.")
    ],
    over: Annotated[
        Path | None, typer.Option("--over", metavar="FILE", help="Facts to try it on: CSV, Parquet, JSON, JSONL.")
    ] = None,
    over_history: Annotated[
        bool, typer.Option("--over-history", help="Try it on every past application in the state directory.")
    ] = False,
    live: Annotated[
        str | None,
        typer.Option(
            "--live",
            metavar="DIR|SHA",
            help="What it is compared with (default: the book in force; without a database the working book).",
            show_default=False,
        ),
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="FILE", help="Mapping for a file with foreign columns.")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option("--where", metavar="COLUMN=VALUE", help="Only rows with this value.")
    ] = None,
    track: Annotated[str, typer.Option("--track", help="Track of a file without a mapping: M or S.")] = "M",
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="DATE",
            help="Decide a file as of this date or time (default: each row's `observed_at`, otherwise now).",
            show_default=False,
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the report as one page.")] = None,
    flips: Annotated[
        Path | None, typer.Option("--flips", metavar="FILE", help="Write every flip to a file, one JSON object a line.")
    ] = None,
    confirm: Annotated[
        int,
        typer.Option(
            "--confirm", min=0, max=100_000, metavar="N", help="Most flips the authoritative engine confirms."
        ),
    ] = 1_000,
    lang: LangOption = "en",
    state: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Whom would a changed book decide otherwise, because of what, and at what cost? Nothing live is touched."""

    def work() -> int:
        from fastbrand.cli.report import Progress
        from fastbrand.service.backtesting import Options

        language = present.check_lang(lang)
        _check(over, over_history=over_history, mapping=mapping, where=where, as_of=as_of)
        options = Options(confirm=confirm, flips=flips, hold_all=as_json)
        with Progress(quiet=as_json) as progress:
            if over is None:
                result = _over_history(candidate, live, state, options, progress)
            else:
                file = {"path": over, "mapping": mapping, "where": tuple(where or ()), "track": track, "as_of": as_of}
                result = _over_file(candidate, live, state, file, options, progress)
        _show(result, html, language, as_json=as_json)
        return result.exit_code()

    present.perform(work, as_json=as_json, verbose=verbose)


def _check(
    over: Path | None, *, over_history: bool, mapping: Path | None, where: list[str] | None, as_of: str | None
) -> None:
    """Options that go together. Raises ``UsageError``."""
    if (over is None) != over_history:
        raise UsageError(
            "say what to try the candidate on",
            hint="`--over FILE` with facts, or `--over-history` for past applications",
        )
    if over is None and (mapping is not None or where or as_of is not None):
        raise UsageError(
            "`--mapping`, `--where` and `--as-of` go with `--over FILE`", hint="leave them out, or name the file"
        )


def _over_history(
    candidate: str, live: str | None, state: Path | None, options: Options, progress: Progress
) -> BacktestResult:
    from fastbrand import wiring
    from fastbrand.service import backtesting

    with wiring.office(wiring.settings_for(state)) as office:
        against = backtesting.find_live(live, office, office.settings.book)
        tried = backtesting.find_candidate(candidate, office)
        return backtesting.over_history(office, tried, live=against, options=options, progress=progress)


def _over_file(
    candidate: str, live: str | None, state: Path | None, file: dict[str, Any], options: Options, progress: Progress
) -> BacktestResult:
    from datetime import UTC, datetime

    from fastbrand import wiring
    from fastbrand.service import backtesting
    from fastbrand.service.candidates import parse_track
    from fastbrand.service.moments import parse_moment

    settings = wiring.settings_for(state)
    with _office_where_there_is_one(settings) as office, _engine(settings, office) as engine:
        against = backtesting.find_live(live, office, settings.book)
        tried = backtesting.find_candidate(candidate, office)
        zone = tried.book.programme.time_zone
        as_of = file.pop("as_of")
        file |= {"track": str(parse_track(file["track"])), "as_of": parse_moment(as_of, zone) if as_of else None}
        source = backtesting.FileSource(now=datetime.now(UTC), **file)
        return backtesting.over_file(against, tried, source, engine, options=options, progress=progress)


@contextmanager
def _office_where_there_is_one(settings: Settings) -> Iterator[Office | None]:
    """The office of a state directory that has a database; none is made for a backtest."""
    from fastbrand import wiring

    if not settings.database_url and not (settings.state / "fastbrand.db").is_file():
        yield None
        return
    with wiring.office(settings) as office:
        yield office


@contextmanager
def _engine(settings: Settings, office: Office | None) -> Iterator[RuleEngine]:
    from fastbrand import wiring

    if office is not None:
        yield office.engine()
        return
    with wiring.build_engine(settings) as engine:
        yield engine


def _show(result: BacktestResult, html: Path | None, lang: str, *, as_json: bool) -> None:
    if html is not None:
        from fastbrand.service.backtest_report import write

        write(result, html, lang)
    if as_json:
        present.print_json(result.document())
    else:
        from fastbrand.cli.backtest_text import show

        show(result, lang, html)
    for notice in result.notices:
        typer.echo(notice, err=True)
    for mistake in result.skipped.mistakes[:20]:
        typer.echo(str(mistake), err=True)
    if len(result.skipped.mistakes) > 20:
        typer.echo("... and more: `--json` tells how many rows", err=True)
    if result.confirmation.mismatches:
        error = EngineFault(
            f"the engines do not agree about {len(result.confirmation.mismatches)} of what was confirmed",
            hint="do not rely on this backtest; report it with the books and the record",
            code="engine_mismatch",
        )
        typer.echo(f"fastbrand: error[{error.instance_code}]: {error.message} ({error.hint})", err=True)
