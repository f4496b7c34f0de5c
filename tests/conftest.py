"""Tests that share something heavy (a server, a walk through the product) stay on one worker of pytest-xdist."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Write each test's ``xdist_group`` where pytest looks for it.

    ``--dist loadgroup`` tells a group by the ending ``@group`` of a test's id. pytest-xdist 3.8 writes it to
    ``_nodeid``, which pytest 9.2 does not read any more: without a word, groups are spread over the workers, and each
    worker sets everything up again.
    """
    if not getattr(config.option, "loadgroup", False):
        return
    for item in items:
        groups = sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")})
        ending = "@" + "_".join(groups)
        if groups and not item.nodeid.endswith(ending):
            item._id = type(item._id).parse(item.nodeid + ending)
