"""The lock files belong to the project file: told offline, and what to do is said."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from scripts import setup

ROOT = Path(__file__).resolve().parents[1]
RUN, DEV, BUILD = "requirements.lock", "requirements-dev.lock", "requirements-build.lock"
BENCH = "requirements-bench.lock"
ALL = [RUN, DEV, BUILD, BENCH]


def project() -> dict[str, Any]:
    """The project file."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def pins(lock: str) -> dict[str, Version]:
    """Name and version of everything that a lock file pins."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return {
        canonicalize_name(name): Version(version)
        for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^ ]+)", text, re.MULTILINE)
    }


@pytest.mark.parametrize("lock", ALL)
def test_lock_is_fresh(lock: str) -> None:
    first = (ROOT / lock).read_text(encoding="utf-8").partition("\n")[0]
    assert first.endswith(setup.dependencies_digest(project())), f"{lock} is stale: run `make lock` and commit it"


@pytest.mark.parametrize("lock", ALL)
def test_lock_has_hashes_and_no_addresses(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    # a package may be pinned twice, for one Python each
    assert len({entry.partition("==")[0] for entry in entries}) == len(pins(lock)) > 3
    assert [entry.partition(" ")[0] for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize(
    ("lock", "groups"),
    [(RUN, []), (DEV, ["dev"]), (BUILD, ["build"]), (BENCH, ["bench"])],
    ids=["run", "dev", "build", "bench"],
)
def test_every_dependency_is_pinned_within_its_bounds(lock: str, groups: list[str]) -> None:
    asked = [] if lock in (BUILD, BENCH) else list(project()["project"]["dependencies"])
    for group in groups:
        asked += project()["dependency-groups"][group]
    pinned = pins(lock)
    for text in asked:
        wanted = Requirement(text)
        version = pinned.get(canonicalize_name(wanted.name))
        assert version is not None, f"`{wanted.name}` is not in {lock}: run `make lock`"
        assert version in wanted.specifier, f"{lock} pins {wanted.name} {version}: run `make lock`"


def test_build_backend_is_pinned() -> None:
    for text in project()["build-system"]["requires"]:
        assert canonicalize_name(Requirement(text).name) in pins(BUILD)


def test_developers_have_what_the_product_has() -> None:
    run, dev = pins(RUN), pins(DEV)
    assert {name: dev.get(name) for name in run} == run


def test_change_of_dependencies_is_seen() -> None:
    before = project()
    after = project()
    after["project"]["dependencies"].append("six")
    assert setup.dependencies_digest(before) != setup.dependencies_digest(after)
    renamed = project()
    renamed["project"]["description"] = "something else"
    assert setup.dependencies_digest(before) == setup.dependencies_digest(renamed)
