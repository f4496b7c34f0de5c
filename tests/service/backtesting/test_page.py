"""The report as a page: it needs nothing from outside, says the same in both languages, and fits a phone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from fastbrand.domain.errors import InputError
from fastbrand.service import backtesting
from fastbrand.service.backtest_report import render, view_of, write
from fastbrand.service.backtesting import BacktestResult, Compared, FileSource, Options
from rules.engine import RuleEngine
from rules.loader import load_directory
from tests.service.backtesting import lying, made_population, tried_books
from tests.service.backtesting.tried_books import LOOSER

AT = datetime(2022, 8, 17, tzinfo=UTC)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
VOID = {"meta", "br"}


class Page(HTMLParser):
    """What is on a page: its tags, which must close, their attributes, and its texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self._open[-1:] != ["style"]:
            self.texts.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        """All texts, one after another."""
        return " ".join(self.texts)

    def all(self, attribute: str) -> list[str]:
        """The values of an attribute, wherever it is."""
        return [value for _, attrs in self.tags if (value := attrs.get(attribute)) is not None]


def run(candidate: Path, path: Path, engine: RuleEngine, label: str = "candidate") -> BacktestResult:
    """The shipped book against ``candidate``."""
    live, tried = Compared(tried_books.shipped(), "live"), Compared(load_directory(candidate), label)
    options = Options(confirm=50, hold_all=True)
    return backtesting.over_file(live, tried, FileSource(path, now=AT, as_of=AT), engine, options=options)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory, sellers: Path, engine: RuleEngine) -> BacktestResult:
    """A run with something in every section: flips both ways, a score that moved, caps, rows left out."""
    folder = tmp_path_factory.mktemp("page")
    wrong = pl.when(pl.int_range(pl.len()) == 2).then(pl.lit("castles")).otherwise("category")
    pl.read_parquet(sellers).with_columns(wrong.alias("category")).write_parquet(folder / "sellers.parquet")
    return run(tried_books.much_changed(folder / "book"), folder / "sellers.parquet", engine)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_page_needs_nothing_from_outside(result: BacktestResult, lang: str) -> None:
    html = render(result, lang)
    page = Page(html)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "form", "base"}
    assert not [name for name in ("src", "href", "srcset", "action") if page.all(name)]
    assert not [value for _, attrs in page.tags for value in attrs if value.startswith("on")]
    assert not re.search(r"url\(|@import|https?:", html)
    policy = next(attrs for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert str(policy["content"]).startswith("default-src 'none'")
    assert page.all("lang") == ["zh-CN" if lang == "zh" else "en"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_names_something_names_what_is_there(result: BacktestResult, lang: str) -> None:
    page = Page(render(result, lang))
    ids = page.all("id")
    assert len(ids) == len(set(ids))
    assert set(page.all("aria-labelledby")) <= set(ids)
    assert sum(tag == "h1" for tag, _ in page.tags) == 1
    for tag, attrs in page.tags:
        if tag == "svg":  # a picture has a name, or is decoration beside its number
            assert attrs.get("aria-hidden") == "true" or attrs.get("aria-label")
        if tag == "th":
            assert attrs.get("scope") in {"col", "row"}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_number_of_the_result_is_on_the_page(result: BacktestResult, lang: str) -> None:
    text, document = Page(render(result, lang)).text, result.document()
    for counts in document["matrix"].values():
        for count in counts.values():
            assert f"{count:,}" in text
    for side in ("live", "candidate"):
        assert f"{document['bonus'][side]:,}" in text
        assert document[side]["sha256"] in text
        assert document["scores"]["trust"][side]["mean"] in text
        for each in document["bonus"]["by_category"]:
            assert f"{each[side]['amount']:,}" in text
    for cause in document["causes"][:3]:
        assert str(cause["flips"]) in text
    assert "castles" in text


def test_both_languages_are_whole(result: BacktestResult) -> None:
    english, chinese = Page(render(result, "en")), Page(render(result, "zh"))
    assert not re.search(r"[\u4e00-\u9fff，。：；（）]", english.text)
    words = set(re.findall(r"[A-Za-z]{3,}", re.sub(r"\b[0-9a-f]{16,}\b", "", chinese.text)))
    # names, ids, files and units stay as they are
    names = {name for each in result.document()["reasons"] for name in re.findall(r"[a-z]{3,}", each["criterion"])}
    names |= set(re.findall(r"[A-Za-z]{3,}", " ".join(result.books["live"].book.versions())))
    known = {"Fastbrand", "CNY", "sha", "live", "candidate", "sellers", "parquet", "yaml", "eligibility", "flips"}
    known |= {"FILE", "castles", "category", "fast", "brand", "json"}
    assert words - names - known <= {"the", "is", "not", "choice", "of", "are"}  # what is wrong with a row
    assert len(english.tags) == len(chinese.tags)


def test_a_flip_is_told_with_what_was_observed_and_asked_for(result: BacktestResult) -> None:
    causes = {cause["title"]: cause for cause in view_of(result, "en")["causes"]}
    cause = causes["Goes live regularly"]
    assert cause["changes"] == ("Days with a live session in 30 days: at least 8 → 6",)
    assert re.fullmatch(r"fast-brand\.eligibility\.yaml:\d+", cause["place"])
    book = result.books["candidate"].book
    at = Path(book.eligibility["fast-brand"].head.path).parent / cause["place"].partition(":")[0]
    line = at.read_text(encoding="utf-8").splitlines()[int(cause["place"].partition(":")[2]) - 1]
    assert "content.live_days" in line
    for told in cause["lines"]:
        if told["observed"]:
            assert told["observed"] in {"6", "7"}
            assert told["distance"] in {"was 2 short", "was 1 short"}
    assert any(told["observed"] for told in cause["lines"])


def test_a_score_whose_threshold_moved_is_told_at_its_row(result: BacktestResult) -> None:
    cause = next(each for each in view_of(result, "en")["causes"] if each["title"] == "Trust (score)")
    assert cause["changes"] == ("Trust (score): at least 60 → 85",)
    eligibility = result.books["candidate"].book.eligibility["fast-brand"]
    assert cause["place"] == f"fast-brand.eligibility.yaml:{eligibility.outcomes[3].mark.line}"


def test_nothing_that_a_book_or_a_file_says_becomes_markup(tmp_path: Path, sellers: Path, engine: RuleEngine) -> None:
    hostile = "<img src=x onerror=alert(1)>&amp;\"'"
    folder = tried_books.tried(tmp_path / "book", LOOSER)
    tried_books.rewritten(
        folder,
        "fast-brand.eligibility.yaml",
        ("en: Goes live regularly", f"en: {json.dumps(hostile)}"),
    )
    html = render(run(folder, sellers, engine, label=hostile), "en")
    assert "<img" not in html
    page = Page(html)
    assert page.text.count(hostile) >= 3  # the label, the cause, the criterion


def test_a_run_that_flips_nobody_is_a_page(tmp_path: Path, sellers: Path, engine: RuleEngine) -> None:
    text = Page(render(run(tried_books.tried(tmp_path / "book", {}), sellers, engine), "en")).text
    assert "Nobody: every record keeps its outcome." in text
    assert "bonus unchanged" in text
    made_population.frame(tried_books.shipped(), 5).head(0).write_parquet(tmp_path / "nobody.parquet")
    nobody = run(tried_books.tried(tmp_path / "again", {}), tmp_path / "nobody.parquet", engine)
    assert "there is nothing to compare" in Page(render(nobody, "en")).text


def test_engines_that_disagree_are_an_alarm(tmp_path: Path, sellers: Path) -> None:
    with RuleEngine(work=lying.too_kind) as engine:
        result = run(tried_books.tried(tmp_path / "book", LOOSER), sellers, engine)
    page = Page(render(result, "en"))
    assert "alert" in page.all("role")
    assert "the engines do not agree: do not rely on this page" in page.text
    assert "engines agree" not in page.text


def test_a_page_that_cannot_be_written_says_so(result: BacktestResult, tmp_path: Path) -> None:
    write(result, tmp_path / "page.html", "en")
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    with pytest.raises(InputError, match="cannot be written"):
        write(result, tmp_path / "no" / "page.html", "en")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_page_is_wider_than_a_phone(result: BacktestResult, tmp_path: Path, lang: str) -> None:
    """Tables may be moved sideways in their frames; the page may not."""
    write(result, tmp_path / "page.html", lang)
    widths = (320, 375, 1280)
    frames = "".join(f'<iframe src="page.html" width="{width}" height="800"></iframe>' for width in widths)
    script = (
        "onload = () => document.body.textContent = Array.from(frames)"
        ".map(frame => frame.document.documentElement.scrollWidth).join()"
    )
    (tmp_path / "frame.html").write_text(f"<body>{frames}<script>{script}</script></body>", encoding="utf-8")
    told = _dom(tmp_path / "frame.html")
    assert tuple(map(int, re.findall(r"<body[^>]*>([\d,]+)</body>", told)[0].split(","))) == widths


def _dom(page: Path) -> str:
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--allow-file-access-from-files"]
    done = subprocess.run(
        [str(CHROMIUM), *options, f"--user-data-dir={page.parent / 'profile'}", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout
