"""The rules engine itself: durable_rules' C module, used in the one way that holds.

This is the only importer of ``durable_rules_engine``. A ``Network`` compiles *comparisons* into rulesets and answers,
for one record after another, ``PASS``, ``FAIL`` or ``UNKNOWN`` for each of them. What is law in here, and why:

* Only flat conjunctive rules (``rules.rulesets``). Disjunction and nesting explode in the network (a rule fires once
  for each satisfied path), so trees are combined by the callers.
* Only integers reach C, under generated names whose hashes are checked: strings, floats, nulls and missing fields
  compare wrongly there. Unknown is a number of its own, ``UNKNOWN_VALUE``.
* Each group of comparisons has a rule for everything that they can say. Exactly one must fire; anything else is an
  ``EngineFault``. So an engine that lost, doubled or invented an answer can never be taken for a pass.
* No ``Host`` (its two polling threads read freed memory), no Python in actions (an exception there is swallowed and
  still there on the next good record): the names of the started actions are the answer.
* One sid for ever (each live sid keeps memory, and there is a hard limit), and the fact is retracted whatever happens.
* After any exception the ruleset is thrown away: an action that was started but not completed blocks its sid.
"""

from __future__ import annotations

import functools
import itertools
import json
import weakref
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from operator import itemgetter
from typing import Any

from fastbrand.domain.errors import EngineFault, EngineMissing
from rules.comparisons import UNKNOWN, UNKNOWN_VALUE, Comparison
from rules.rulesets import Ruleset, field_of, rulesets
from rules.terms import MAX_INT

_RESERVED = ("id", "sid", "$s", "$m", "$i", "$forward", "$timerName", "$baseTime", "$time", "$pulse")
_RETRACT = '{"id":"r","sid":"s"}'
_NAME_BEGINS, _NAME_ENDS = len('{"'), len('{"r000')
_INTEGERS = frozenset({int})
_OPEN = -1  # no rule that answers this comparison has fired yet

Meaning = tuple[tuple[int, int], ...]
"""What a firing says: place of a comparison and its answer, each."""


@functools.cache
def engine_version() -> str:
    """Version of the installed durable_rules, ``0`` where it is not installed."""
    try:
        return metadata.version("durable_rules")
    except metadata.PackageNotFoundError:
        return "0"


def field_hash(name: str) -> int:
    """The 32-bit FNV-1a hash by which the engine tells field names apart."""
    value = 2166136261
    for byte in name.encode():
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value


class Network:
    """Compiled comparisons. Not thread-safe: one thread, one process.

    ``run`` takes the integers of one record and answers one of ``PASS``, ``FAIL``, ``UNKNOWN`` a comparison, in order.
    ``reads`` says at which places among the integers each comparison's are: value, then the operands where they are
    by record (without it: those of one comparison behind those of the other). A value that is ``UNKNOWN_VALUE`` is
    unknown; give it for a known value whose operands are not known, too.
    """

    def __init__(self, comparisons: Sequence[Comparison], reads: Sequence[Sequence[int]] | None = None) -> None:
        if reads is None:
            ends = [*itertools.accumulate((comparison.slots for comparison in comparisons), initial=0)]
            reads = [range(ends[place], ends[place + 1]) for place in range(len(comparisons))]
        self._comparisons = len(comparisons)
        self._shards = tuple([_Shard(ruleset) for ruleset in rulesets(comparisons, reads)])
        self.slots = max((slot + 1 for slots in reads for slot in slots), default=0)
        """How many integers ``run`` takes."""

    def run(self, values: Sequence[int]) -> list[int]:
        """One answer a comparison. Raises ``EngineFault`` where the engine is absent, fails or contradicts itself."""
        if len(values) != self.slots:
            raise EngineFault(f"the rules engine was given {len(values)} numbers instead of {self.slots}")
        if values and not (_INTEGERS.issuperset(map(type, values)) and _within(sorted(values))):
            raise EngineFault("the rules engine was given something else than integers within 2^53")
        answers = [_OPEN] * self._comparisons
        for shard in self._shards:
            for said in shard.run(values):
                for place, answer in said:
                    answers[place] = answer
        if _OPEN in answers:  # otherwise one rule of each group has fired: there are as many firings as groups
            for shard in self._shards:
                shard.throw_away()
            raise EngineFault("no rule of a comparison fired")
        return answers


class _Shard:
    """One ruleset of the engine. ``run`` is given all integers of a record, and says what each firing means."""

    def __init__(self, ruleset: Ruleset) -> None:
        fields = [field_of(slot) for slot in ruleset.slots]
        _check_names(fields)
        rules = {f"r{number:03}": rule for number, rule in enumerate(ruleset.likeliest_first())}
        self._meanings = {name: rule.answers for name, rule in rules.items()}
        self._definition = json.dumps({name: {"all": [{"m": _both(rule.conditions)}]} for name, rule in rules.items()})
        self._template = '{"id":"r","sid":"s",' + ",".join(f'"{field}":%d' for field in fields) + "}"
        # of one place `itemgetter` picks the number itself, which the template takes, too
        self._pick: Callable[[Sequence[int]], Any] = itemgetter(*ruleset.slots)
        self._groups = len(ruleset.groups)
        self._handle: int | None = None
        self._release: weakref.finalize[..., _Shard] | None = None

    def run(self, values: Sequence[int]) -> list[Meaning]:
        try:
            engine = _engine()
            handle = self._compiled(engine, len(values)) if self._handle is None else self._handle
            return self._ask(engine, handle, self._template % self._pick(values))
        except EngineFault:
            self.throw_away()
            raise
        except Exception as error:
            self.throw_away()
            raise EngineFault(f"the rules engine failed: {type(error).__name__}: {error}") from error

    def _compiled(self, engine: Any, slots: int) -> int:
        """A ruleset that has shown that it knows what it does not know: what always says yes is found out here."""
        handle: int = engine.create_ruleset("fastbrand", self._definition)
        self._handle = handle
        self._release = weakref.finalize(self, _give_back, engine, handle)
        self._release.atexit = False
        nothing = self._ask(engine, handle, self._template % self._pick([UNKNOWN_VALUE] * slots))
        if any(answer != UNKNOWN for meaning in nothing for _, answer in meaning):
            raise EngineFault("the rules engine has an answer where nothing is known")
        return handle

    def throw_away(self) -> None:
        """Never use the ruleset again. Its memory is not given back: what failed in there is better not touched."""
        if self._release is not None:
            self._release.detach()
        self._handle = self._release = None

    def _ask(self, engine: Any, handle: int, record: str) -> list[Meaning]:
        meanings, groups = self._meanings, self._groups
        code, state = engine.assert_fact(handle, record)
        if code != 0:
            raise EngineFault(f"the rules engine did not take the record (code {code})")
        try:
            started = engine.start_action_for_state(handle, state)
            further = iter(functools.partial(engine.complete_and_start_action, handle, state), None)
            messages = [started[1], *itertools.islice(further, groups)] if started else []
            # a message is {"NAME": {"m": {the record}}}: the name says it all, and all are of one length
            fired = [meanings[message[_NAME_BEGINS:_NAME_ENDS]] for message in messages]
        finally:
            retracted = engine.retract_fact(handle, _RETRACT)
        if retracted[0] != 0:
            raise EngineFault(f"the rules engine did not give the record back (code {retracted[0]})")
        if len(fired) != groups:
            raise EngineFault(f"{'more than one' if len(fired) > groups else 'no'} rule of a comparison fired")
        return fired


def _both(conditions: Sequence[Any]) -> Any:
    """All of ``conditions``, as the engine wants to read them."""
    return conditions[0] if len(conditions) == 1 else {"$and": [*conditions]}


def _within(ordered: list[int]) -> bool:
    return ordered[0] >= -MAX_INT and ordered[-1] <= MAX_INT  # sorting is the quickest way to both ends


def _give_back(engine: Any, handle: int) -> None:
    """Free a ruleset that nobody uses any more, its one state first (the engine does not do that by itself)."""
    engine.delete_state(handle, "s")
    engine.delete_ruleset(handle)


@functools.cache
def _engine() -> Any:
    """The C module, imported when it is first needed."""
    try:
        import durable_rules_engine
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # even a SystemExit must not look like an end in peace
        raise EngineMissing(
            f"the rules engine cannot be loaded: {type(error).__name__}: {error}",
            hint="install durable-rules again (it needs a C compiler and the Python headers)",
        ) from error
    return durable_rules_engine


def _check_names(fields: Iterable[str]) -> None:
    """Raise ``EngineFault`` where two field names have the same hash: the engine would read the wrong one."""
    seen: dict[int, str] = {}
    for name in (*_RESERVED, *fields):
        other = seen.setdefault(field_hash(name), name)
        if other != name:
            raise EngineFault(f"the rules engine cannot tell the fields `{other}` and `{name}` apart")
