"""A backtest on the terminal: the verdict, then who flips and why, then what proves it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastbrand.cli import present
from rules.wording import pick

if TYPE_CHECKING:
    from fastbrand.service.backtesting import BacktestResult

CAUSES, LINES, ROWS = 8, 5, 8
"""Most causes, flips of each, and rows of other tables; ``--html``, ``--flips`` and ``--json`` have the rest."""


def show(result: BacktestResult, lang: str, html: Path | None) -> None:
    """Print ``result`` in ``lang``."""
    from fastbrand.service.backtest_report import view_of

    view = view_of(result, lang)

    def t(en: str, zh: str) -> str:
        return pick((en, zh), lang)

    print(view["verdict"])
    for book in view["books"]:
        sha = "" if book["label"] == book["sha"] else f"{book['sha']}; "
        print(f"  {book['side']}: {book['label']} ({sha}{book['versions']})")
    print(f"  {t('tried on', '样本')}: {view['over']}")
    _matrix(view["matrix"], t("live \\ candidate", "现行 \\ 候选"))
    _causes(view["causes"], t)
    _table(
        t("Where they go", "去向"),
        (t("step", "环节"), t("live", "现行"), t("candidate", "候选"), t("change", "变化")),
        [[row["name"], *(side["count"] for side in row["sides"]), row["change"]] for row in view["funnel"]],
    )
    moved = [row for row in view["criteria"] if row["moved"]]
    if moved:
        _table(
            t("Criteria that change", "有变化的指标"),
            (
                t("criterion", "指标"),
                t("fail", "不通过"),
                t("change", "变化"),
                t("unknown", "未知"),
                t("change", "变化"),
            ),
            [
                [row["id"], *(text for cell in row["cells"] for text in (_moved(cell), cell["change"]))]
                for row in moved[:ROWS]
            ],
        )
    if view["bonus"]["paid"]:
        _bonus(view, t)
    print()
    for line in view["proof"]:
        print(line)
    if html is not None:
        print(t(f"report: {html}", f"报告：{html}"))


def _matrix(matrix: dict[str, Any], corner: str) -> None:
    _table(
        "",
        (corner, *(column["name"] for column in matrix["columns"])),
        [[row["name"], *(cell["count"] for cell in row["cells"])] for row in matrix["rows"]],
    )


def _causes(causes: Sequence[dict[str, Any]], t: Any) -> None:
    for cause in causes[:CAUSES]:
        where = f" ({cause['place']})" if cause["place"] else ""
        print(f"\n{cause['count']}, {cause['tone_word']}: {cause['title']}{where}")
        for change in cause["changes"]:
            print(f"  {change}")
        for line in cause["lines"][:LINES]:
            told = [line["observed"], line["distance"]]
            seen = ", ".join(text for text in told if text)
            bonus = f"; {t('bonus', '激励')} {line['bonus']}" if line["bonus"] != "0" else ""
            print(present.printable(f"  {line['id']}: {line['old_word']} -> {line['new_word']}: {seen or '-'}{bonus}"))
        if len(cause["lines"]) > LINES or cause["more"]:
            print(t("  ... (`--flips FILE` lists all)", "  ……（--flips FILE 可列出全部）"))
    if len(causes) > CAUSES:
        print(t("\n... and further causes: see `--html` or `--json`", "\n……其余起因见 --html 或 --json"))


def _bonus(view: dict[str, Any], t: Any) -> None:
    bonus = view["bonus"]
    _table(
        t(f"Bonus {bonus['period']}, {bonus['unit']}", f"激励（{bonus['period']}，{bonus['unit']}）"),
        (t("category", "类目"), t("grants", "笔数"), t("live", "现行"), t("candidate", "候选"), t("change", "变化")),
        [
            [row["name"], " -> ".join(side["grants"] for side in row["sides"]), *_amounts(row), row["change"]]
            for row in view["categories"][:ROWS]
        ]
        + [
            [
                t("in all", "合计"),
                " -> ".join(bonus["grants"].values()),
                bonus["live"],
                bonus["candidate"],
                bonus["units"],
            ]
        ],
    )
    for pool in view["pools"]:
        lasts = " -> ".join(side["months"] for side in pool["sides"])
        share = " -> ".join(side["share"] for side in pool["sides"])
        print(
            t(
                f"pool {pool['name']}: a year takes {share} of {pool['budget']}; it lasts {lasts}",
                f"流量池 {pool['name']}：每年占 {pool['budget']} 的 {share}；可用 {lasts}",
            )
        )


def _amounts(row: dict[str, Any]) -> list[str]:
    return [side["amount"] for side in row["sides"]]


def _moved(cell: dict[str, Any]) -> str:
    return f"{cell['live']} -> {cell['candidate']}"


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table whose first column is text and whose others are numbers as text, right-aligned."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    out = present.console()
    out.print()
    if title:
        out.print(title, style="bold")
    table = Table(show_edge=False, pad_edge=False, box=SIMPLE_HEAD, header_style="")
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place else "left", no_wrap=bool(place), overflow="fold")
    for row in rows:
        table.add_row(*(present.printable(cell) for cell in row))
    out.print(table)
