"""Tests that share something heavy (a server, a walk through the product) stay on one worker of pytest-xdist."""

from __future__ import annotations

import pytest

DEAREST = ("simulate", "workflows-people", "chaos", "workflows-timers", "workflows-upkeep")
"""Groups that take minutes: they begin first, so that at the end no worker sits over one while the others are done."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Write each test's ``xdist_group`` where pytest looks for it; groups first, then what belongs to none.

    ``--dist loadgroup`` tells a group by the ending ``@group`` of a test's id. pytest-xdist 3.8 writes it to
    ``_nodeid``, which pytest 9.2 does not read any more: without a word, groups are spread over the workers, and each
    worker sets everything up again. It hands groups out in this order with ``--no-loadscope-reorder``, else by how many
    tests they have.
    """
    if not getattr(config.option, "loadgroup", False):
        return
    order = {}
    for item in items:
        groups = sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")})
        ending = "@" + "_".join(groups)
        if groups and not item.nodeid.endswith(ending):
            item._id = type(item._id).parse(item.nodeid + ending)
        name = groups[0] if groups else ""
        order[item] = DEAREST.index(name) if name in DEAREST else len(DEAREST) + (not groups)
    items.sort(key=order.__getitem__)
