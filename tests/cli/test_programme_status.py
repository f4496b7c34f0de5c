"""The board as people read it: every stage, step and pool has its words, in both languages."""

from __future__ import annotations

from pathlib import Path

from fastbrand.cli import board
from fastbrand.domain.lifecycle import Stage
from tests.cli.driver import Cli


def test_the_board_reads_in_both_languages(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    english, chinese = (cli("programme", "status", "--lang", lang).fine().out for lang in ("en", "zh"))
    for words in ("Programme board", "nobody is here yet", "benchmark fast brands", "decided in time", "clawed back"):
        assert words in english
    for words in ("项目看板", "暂无", "标杆快品牌", "按时办结", "已追回", "产业带服务商"):
        assert words in chinese
    assert "_" not in english.replace("fast-brand", "")
    assert "_" not in chinese
    cli("programme", "status", "--lang", "fr").failed(2, "input", "fr")


def test_whatever_the_board_tells_has_words() -> None:
    assert set(board._STAGES) == {str(stage) for stage in Stage}
    for words in (board._FUNNEL, board._STAGES, board._MEASURES, board._POOLS, board._PEOPLE):
        assert all(en and zh for en, zh in words.values())
