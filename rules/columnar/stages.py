"""Columns of a query in stages: each column is computed once, after those it needs."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import polars as pl

from fastbrand.domain.errors import InputError


class Stages:
    """Collects the columns of one query over ``frame``; columns with the same key are computed once."""

    def __init__(self, frame: pl.LazyFrame) -> None:
        self.schema: Mapping[str, pl.DataType] = dict(frame.collect_schema())
        """Columns of the frame as it was given."""
        self._frame = frame
        self._layers: list[list[pl.Expr]] = []
        self._depth: dict[str, int] = {}
        self._made: dict[Hashable, pl.Expr] = {}
        self._prefix = "_"
        while any(name.startswith(self._prefix) for name in self.schema):
            self._prefix += "_"

    def find(self, key: Hashable) -> pl.Expr | None:
        """The column that was put under ``key``, or None."""
        return self._made.get(key)

    def put(self, key: Hashable, expr: pl.Expr) -> pl.Expr:
        """``expr`` as a column of its own, full length; the one that is there already where ``key`` was put before."""
        made = self._made.get(key)
        if made is not None:
            return made
        depth = 1 + max((self._depth.get(root, -1) for root in expr.meta.root_names()), default=-1)
        name = f"{self._prefix}{len(self._made)}"
        while len(self._layers) <= depth:
            self._layers.append([])
        self._layers[depth].append(expr.alias(name))
        self._depth[name] = depth
        column = self._made[key] = pl.col(name)
        return column

    def select(self, outputs: Mapping[str, pl.Expr], keep: Sequence[str]) -> pl.LazyFrame:
        """The columns ``keep`` of the frame as they are, and ``outputs``, in this order."""
        twice = [name for name in keep if name in outputs]
        if twice:
            raise InputError(f"the column `{twice[0]}` would be there twice", hint="do not keep it", code="column")
        frame = self._frame
        for layer in self._layers:
            frame = frame.with_columns(layer)
        # not a bare select: an output that is the same for all would make a single row of a frame of none
        return frame.with_columns(expr.alias(name) for name, expr in outputs.items()).select(*keep, *outputs)
