"""Pages for policy people, carried out in a shell: what they show is what is printed, and their examples work."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fastbrand.service import rule_tests
from fastbrand.service.mapping import load_mapping
from rules.loader import load_directory
from tests.cli.driver import ROOT, clean_environment
from tests.docs.console import commands, untrue

PAGES = ROOT / "docs" / "rules"
ENDS_WITH_FINDINGS = ("rules check", "rules test", "rules diff")
"""Commands that end with exit code 1 where they find something."""

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("readme")]


@pytest.mark.parametrize(("page", "at_least"), [("guide.md", 12), ("testing.md", 5), ("comparing.md", 4)])
def test_a_page_is_true(tmp_path: Path, page: str, at_least: int) -> None:
    """Each command prints what the page shows; no server and nothing outside the directory is needed."""
    for name in ("rules/book", "rules/schema", "examples/first-steps"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "people.yaml", tmp_path)
    programs = Path(sys.prefix) / "bin"
    environment = clean_environment(PATH=f"{programs}:{os.defpath}", FASTBRAND_STATE=str(tmp_path / "var"))
    typed = list(commands((PAGES / page).read_text(encoding="utf-8")))
    assert len(typed) >= at_least
    for shown in typed:
        ran = subprocess.run(
            ["bash", "-c", shown.command],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        expected = (0, 1) if any(each in shown.command for each in ENDS_WITH_FINDINGS) else (0,)
        assert ran.returncode in expected, f"$ {shown.command}\n{ran.stdout}{ran.stderr}"
        missing = untrue(shown.lines, ran.stdout)
        assert not missing, f"$ {shown.command}\nis not true: {missing}\nit printed:\n{ran.stdout}"


def example(page: str, begins: str) -> str:
    """The YAML block of a page that begins so."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", (PAGES / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return str(next(block for block in blocks if block.startswith(begins)))


def test_the_rule_tests_of_the_page_pass(tmp_path: Path) -> None:
    rule_tests.init(tmp_path / "policy")
    for path in (tmp_path / "policy" / "tests").iterdir():
        path.unlink()
    (tmp_path / "policy" / "tests" / "page.yaml").write_text(example("testing.md", "# tests/fast-brand.yaml"))
    run = rule_tests.run(tmp_path / "policy")
    assert [str(mistake) for mistake in run.mistakes] == []
    assert [line for line in run.lines() if "failed" in line] == []
    assert len(run.results) == 4


def test_the_mapping_of_the_page_is_one(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(example("facts-and-mappings.md", "kind: mapping"), encoding="utf-8")
    mapping = load_mapping(path, load_directory(ROOT / "rules" / "book"))
    assert (mapping.track, mapping.party, mapping.prefix) == ("M", "seller_id", "olist-")
    assert {each.fact.name for each in mapping.facts} == {"gmv_90d", "late_delivery_rate_90d", "category"}
