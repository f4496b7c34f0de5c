"""Facts: read from a file or from ``NAME=VALUE``, store, show."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import rfc8785

from fastbrand.domain.errors import InputError, NotFound, shown
from fastbrand.domain.grant import TrancheState
from fastbrand.domain.lifecycle import Track
from fastbrand.domain.names import check_label, check_party_id
from fastbrand.domain.people import Action
from fastbrand.service.commands import Envelope, Order, carry_out
from fastbrand.service.office import Office
from fastbrand.service.views import fact_view
from fastbrand.service.who import Asker
from fastbrand.store import books, facts, parties
from fastbrand.store.facts import FactRow, NewFact
from rules.loader import load_closure
from rules.model import Book, FactDef
from rules.values import parse_fact, to_text

SOURCE_MAX = 120
"""Characters of where a fact comes from."""


def live_book(office: Office) -> Book:
    """The book in force now. Raises ``NotFound``."""
    with office.db.read() as conn:
        row = books.live_at(conn, office.now())
    if row is None:
        raise NotFound("no released book is in force", hint="see `fastbrand rules list`")
    return load_closure(row.closure)


def read_for(office: Office, party_id: str, path: Path) -> list[NewFact]:
    """The facts of ``party_id`` in a facts file: its only row, or the row with this party id.

    Raises ``InputError`` where the file has mistakes: what one person brings in by hand is taken whole or not at all.
    """
    from fastbrand.service.facts_files import read_facts_file

    book = live_book(office)
    file = read_facts_file(path, book.facts, time_zone=book.programme.time_zone, not_after=office.now())
    if file.mistakes:
        first = file.mistakes[0]
        more = f" (and {len(file.mistakes) - 1} more)" if len(file.mistakes) > 1 else ""
        raise InputError(f"`{path}`: {first}{more}", hint=first.hint)
    rows = [row for row in file.rows if row.party_id == party_id]
    if not rows and len(file.rows) == 1 and file.rows[0].party_id is None:
        rows = file.rows
    if len(rows) != 1:
        raise InputError(
            f"`{path}` has no row for party `{party_id}`" if not rows else f"`{path}` has {len(rows)} rows for it",
            hint="give one row, with this `party_id` or with none",
        )
    if file.ignored_columns:
        names = ", ".join(f"`{shown(name)}`" for name in file.ignored_columns[:20])
        raise InputError(f"`{path}`: no such fact: {names}", hint="see `fastbrand facts show`, or mend the name")
    observed = rows[0].observed_at or office.now()
    return [NewFact(name, text, observed, f"file:{path.name}"[:SOURCE_MAX]) for name, text in rows[0].facts.items()]


def parse_pairs(office: Office, values: list[str], *, source: str, observed_at: str | None) -> list[NewFact]:
    """``NAME=VALUE`` pairs as facts; an empty value makes the fact unknown. Raises ``InputError``."""
    book = live_book(office)
    at = moment_of(office, observed_at) if observed_at else office.now()
    news = []
    for pair in values:
        name, equals, text = pair.partition("=")
        if not equals:
            raise InputError(f"`{pair}` is not NAME=VALUE", hint="write for example `owns_brand=true`")
        fact = book.facts.get(name)
        if fact is None:
            raise no_such_fact(book, name)
        if fact.derivation is not None:
            raise InputError(
                f"`{name}` is derived from other facts and cannot be set",
                hint=f"set {', '.join(f'`{each}`' for each in _sources(book, name))}",
            )
        value = parse_fact(fact, text)
        news.append(NewFact(name, None if value is None else to_text(fact, value), at, source))
    return news


def _sources(book: Book, name: str) -> list[str]:
    """The facts that ``name`` is derived from in the end, in order."""
    derivation = book.facts[name].derivation
    if derivation is None:
        return [name]
    return list(dict.fromkeys(each for arg in derivation.args for each in _sources(book, arg)))


def no_such_fact(book: Book, name: str) -> InputError:
    """The error for a name that is no fact, with the nearest one."""
    near = get_close_matches(name, list(book.facts), n=1)
    meant = f"did you mean `{near[0]}`?" if near else f"facts are {', '.join(sorted(book.facts)[:12])}, ..."
    return InputError(f"`{name}` is not a fact", hint=meant)


def digest(news: list[NewFact]) -> str:
    """Hash of what is brought in (times left out: a repeated command has a later clock)."""
    return hashlib.sha256(rfc8785.dumps([[each.name, each.text] for each in news])).hexdigest()


def store(office: Office, party_id: str, track: Track, news: list[NewFact], envelope: Envelope) -> None:
    """Store ``news`` under the command, once; a party that is not known yet is registered.

    Raises ``CommandConflict`` where other facts were stored under this command.
    """
    if not news:
        return
    at = office.now()
    with office.db.write() as conn:
        parties.register(conn, party_id=party_id, track=track, at=at, actor=envelope.who())
        kept = {row.name: row.text for row in facts.history(conn, party_id) if row.batch == envelope.command_id}
        if kept and kept == {each.name: each.text for each in news}:
            return  # the same command again, by a later clock: the first moment of observation stands
        facts.record(
            conn,
            party_id,
            news,
            key=envelope.command_id,
            at=at,
            actor=envelope.who(),
            reason=envelope.order.reason or None,
        )


async def set_facts(
    office: Office,
    party_id: str,
    values: list[str],
    *,
    facts_file: Path | None,
    source: str,
    observed_at: str | None,
    who: Asker,
) -> dict[str, Any]:
    """Add newer facts; an open case is screened again. Gives the party's stage after it."""
    party = _known(office, party_id)
    check_label(source, "source", SOURCE_MAX)
    news = read_for(office, party_id, facts_file) if facts_file else []
    news += parse_pairs(office, values, source=source, observed_at=observed_at)
    if not news:
        raise InputError("nothing to set", hint="give NAME=VALUE pairs or `--facts FILE`")
    order = Order(
        action=Action.FACTS_SET,
        subject_kind="party",
        subject_id=party_id,
        party_id=party_id,
        params={"facts": digest(news)},
        **who.order(),
    )

    async def send(envelope: Envelope) -> dict[str, Any]:
        await office.connect()  # nothing is stored while nobody could act on it
        store(office, party_id, party.track, news, envelope)
        await tell_party(office, party_id, envelope)
        after = _known(office, party_id)
        return {
            "party_id": party_id,
            "facts": [each.name for each in news],
            "stage": str(after.stage),
            "screening": after.screening,
            "revision": after.revision,
            "command_id": envelope.command_id,
        }

    return await carry_out(office, order, send)


async def tell_party(office: Office, party_id: str, envelope: Envelope, *, suffix: str = "") -> None:
    """Tell the party's lifecycle and its open grants that facts changed; nothing under way is fine.

    ``suffix`` sets the commands apart where one command of a person brings facts of many parties.
    """
    from fastbrand.domain import names
    from fastbrand.service.temporal_calls import signal_workflow, update_party
    from fastbrand.store import grants
    from workflows.brand_lifecycle import BrandLifecycle
    from workflows.messages import FactsChanged

    try:
        command = envelope.fill(FactsChanged)
        command = command.model_copy(update={"command_id": command.command_id + suffix})
        await update_party(office, party_id, BrandLifecycle.facts_changed, command)
    except NotFound:
        return
    with office.db.read() as conn:
        tranches = grants.tranches_of_many(conn, [each.grant_id for each in grants.of_parties(conn, [party_id])])
    client = await office.connect()
    for grant_id, plan in tranches.items():
        if any(tranche.state is TrancheState.FROZEN for tranche in plan):
            await signal_workflow(client, names.grant_workflow_id(grant_id), "facts_changed")


def show_facts(office: Office, party_id: str, *, history: bool, lang: str) -> list[dict[str, Any]]:
    """What is known of a party, with titles in ``lang``; ``history``: every value there ever was, as recorded.

    To what ``fact_view`` gives come ``age_s`` (whole seconds since it was observed), ``title``, ``state``: ``known``,
    ``unknown`` (there is no value), ``expired`` (it holds no more), ``stale`` (older than the book lets it count), and
    in the history ``superseded`` (a newer one counts).
    """
    _known(office, party_id)
    book, now = live_book(office), office.now()
    with office.db.read() as conn:
        newest = facts.latest(conn, party_id, now)
        rows = facts.history(conn, party_id) if history else list(newest.values())
    counting = {row.fact_id for row in newest.values()}
    views = []
    for row in rows:
        fact = book.facts.get(row.name)
        title = (fact.title.zh if lang == "zh" else fact.title.en) if fact else ""
        state = _state(row, fact, now) if row.fact_id in counting else "superseded"
        age = int((now - row.observed_at).total_seconds())
        views.append({**fact_view(row), "age_s": age, "state": state, "title": title})
    return views


def _state(row: FactRow, fact: FactDef | None, now: datetime) -> str:
    if row.valid_until is not None and now >= row.valid_until:
        return "expired"
    if row.text is None:
        return "unknown"
    longest = fact.max_age_ms if fact else None
    if longest is not None and now - row.observed_at > timedelta(milliseconds=longest):
        return "stale"
    return "known"


def _known(office: Office, party_id: str) -> parties.PartyRow:
    from fastbrand.service.parties import known

    check_party_id(party_id)
    return known(office, party_id)


def moment_of(office: Office, text: str) -> datetime:
    """When something was observed, as people type it; a day begins in the programme's time zone.

    Raises ``InputError`` on what is no time, and on one in the future.
    """
    from fastbrand.service.moments import parse_moment

    at = parse_moment(text, live_book(office).programme.time_zone)
    if at > office.now():
        raise InputError(f"`{text}` is in the future", hint="a fact is observed before it is brought in")
    return at
