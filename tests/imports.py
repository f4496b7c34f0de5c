"""Imports whole packages, for processes that fork others: those begin with everything in memory."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable


def import_packages(packages: Iterable[str], modules: Iterable[str]) -> None:
    """Import every module that stands directly in each of ``packages``, and each of ``modules``."""
    for name in packages:
        package = importlib.import_module(name)
        for module in pkgutil.iter_modules(package.__path__, f"{name}."):
            importlib.import_module(module.name)
    for name in modules:
        importlib.import_module(name)
