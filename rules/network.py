"""Comparisons gathered into a network, each with the source of its integers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from fastbrand.domain.decision import Verdict
from rules.comparisons import FAIL, PASS, UNKNOWN, UNKNOWN_VALUE, Comparison
from rules.rete import Network

VERDICTS: Mapping[int, Verdict] = {PASS: "pass", FAIL: "fail", UNKNOWN: "unknown"}


class Source(NamedTuple):
    """Where an integer of a record comes from: ``read`` finds it in what a network is asked about.

    Sources of one ``key`` find the same integer, which the network is then given once. What ``read`` is given is up to
    the user of the ``NetworkBuilder``. ``fact``: it is given ``Facts``, and finds the number that this fact is.
    """

    key: Hashable
    read: Callable[[Any], int]
    fact: str | None = None


class NetworkBuilder:
    """Collects comparisons with their sources; equal ones are asked once."""

    def __init__(self) -> None:
        self._places: dict[tuple[Comparison, tuple[int, ...]], int] = {}
        self._slots: dict[Hashable, int] = {}
        self._sources: list[Source] = []

    def add(self, comparison: Comparison, sources: Sequence[Source]) -> int:
        """The place of the comparison's answer among the answers; ``sources``: one for each integer it reads."""
        if len(sources) != comparison.slots:
            raise ValueError(f"a comparison of {comparison.slots} integers was given {len(sources)} sources")
        return self._places.setdefault((comparison, tuple(map(self._slot, sources))), len(self._places))

    def _slot(self, source: Source) -> int:
        slot = self._slots.setdefault(source.key, len(self._sources))
        if slot == len(self._sources):
            self._sources.append(source)
        return slot

    def build(self) -> AskedNetwork:
        """The network with its sources."""
        asked = list(self._places)
        network = Network([comparison for comparison, _ in asked], [slots for _, slots in asked])
        return AskedNetwork(network, tuple(self._sources), tuple([slots[0] for _, slots in asked]))


class AskedNetwork:
    """A network and where its integers come from. ``firsts``: where among them the value of each comparison is."""

    def __init__(self, network: Network, sources: Sequence[Source], firsts: Sequence[int]) -> None:
        self.network = network
        self.firsts = firsts
        self._of_facts = any(source.fact is not None for source in sources)
        self._reads = tuple([(source.fact, source.read) for source in sources])

    def numbers(self, given: Any) -> list[int]:
        """The integers of one record."""
        if not self._of_facts:
            return [read(given) for _, read in self._reads]
        values = given.values
        return [  # most are numbers of facts, and a call for each would cost as much as all the rest
            read(given) if fact is None else UNKNOWN_VALUE if (value := values[fact]) is None else value
            for fact, read in self._reads
        ]

    def ask(self, given: Any) -> list[int]:
        """The answers for one record, one a comparison. Raises ``EngineFault``."""
        return self.network.run(self.numbers(given))
