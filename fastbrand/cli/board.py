"""The programme board for people, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastbrand.cli import present
from fastbrand.domain.grant import GrantState

Words = Mapping[str, tuple[str, str]]

_TITLES: Words = {
    "board": ("Programme board", "项目看板"),
    "rules": ("rules", "规则版本"),
    "funnel": ("How far parties are", "各阶段数量"),
    "stages": ("Where parties stand", "当前状态"),
    "targets": ("Targets", "目标"),
    "baseline": ("Since the programme began", "与起点相比"),
    "pools": ("Pools", "流量池"),
    "M": ("M: merchants and fast brands", "M：商家与快品牌"),
    "S": ("S: brands", "S：品牌"),
    "wanted": ("wanted", "目标"),
    "reached": ("reached", "已达成"),
    "share": ("share", "完成率"),
    "began": ("began with", "起点"),
    "now": ("now", "当前"),
    "nobody": ("nobody is here yet", "暂无"),
    "none": ("the programme names none", "项目未设定"),
}
_FUNNEL: Words = {
    "known": ("known", "已登记"),
    "newcomers": ("not applied yet", "尚未申请"),
    "applied": ("applied", "已申请"),
    "screened": ("screened", "已筛查"),
    "in_vetting": ("with a reviewer or asked", "审核中"),
    "standing": ("in standing", "资格有效"),
    "slipping": ("on watch or below", "观察期、降级或暂停"),
    "ended": ("ended", "已结束"),
    "granted": ("ever given bonus", "曾获流量激励"),
}
_STAGES: Words = {
    "none": ("none", "无"),
    "nominated": ("nominated", "已提名"),
    "lead": ("lead", "线索"),
    "invited": ("invited", "已邀请"),
    "applied": ("applied", "申请"),
    "screening": ("screening", "筛查中"),
    "vetting": ("vetting", "审核"),
    "info_requested": ("asked for information", "补充资料"),
    "endorsement_proposed": ("endorsement proposed", "拟背书"),
    "approval_proposed": ("approval proposed", "拟通过"),
    "endorsed": ("endorsed", "背书"),
    "benchmark": ("benchmark", "标杆"),
    "graduated": ("graduated", "已成长为品牌"),
    "approved": ("approved", "已通过"),
    "active": ("active", "合作中"),
    "watch": ("watch", "观察期"),
    "demoted": ("demoted", "降级"),
    "suspended": ("suspended", "暂停"),
    "revoked": ("revoked", "取消资格"),
    "terminated": ("terminated", "已退出"),
    "appealing": ("appealing", "申诉"),
    "rejected": ("rejected", "未通过"),
    "withdrawn": ("withdrawn", "已撤回"),
    "expired": ("expired", "已到期"),
}
_MEASURES: Words = {
    "benchmark_fast_brands": ("benchmark fast brands", "标杆快品牌"),
    "users_covered": ("users covered", "覆盖用户"),
    "brands_over_100m": ("brands over 100 million GMV", "GMV 过亿的品牌"),
    "brands_over_50m": ("brands of 50 to 100 million GMV", "GMV 五千万至一亿的品牌"),
    "brand_gmv": ("brand GMV", "品牌 GMV"),
    "brands_introduced": ("brands introduced", "引入品牌"),
    "providers mcn": ("providers: MCN", "MCN 机构"),
    "providers industrial_belt": ("providers: industrial belt", "产业带服务商"),
    "providers merchant": ("providers: merchants", "商家服务商"),
    "providers brand": ("providers: brands", "品牌服务商"),
}
_HOW: Words = {
    "deduplicated": ("each user once", "用户已去重"),
    "upper_bound": ("at most: users of two sellers count twice", "上限：未去重"),
    "part_deduplicated_upper_bound": ("at most: some sellers gave no user ids", "上限：部分商家未提供用户标识"),
    "unknown": ("unknown", "未知"),
}
_POOLS: Words = {
    "budget": ("budget", "总量"),
    "top_ups": ("top-ups", "追加"),
    "available": ("available", "可用"),
    "reserved": ("reserved", "已预留"),
    "released_unspent": ("released, not spent", "已发放未使用"),
    "consumed": ("consumed", "已使用"),
    "clawed_back": ("clawed back", "已追回"),
    "debt": ("debt", "待抵扣"),
}
_PEOPLE: Words = {
    "grants": ("grants", "流量激励"),
    "waiting": ("grants in line", "排队中的激励"),
    "open": ("open cases", "待办案件"),
    "overdue": ("overdue", "已超时"),
    "in_time": ("decided in time", "按时办结"),
    "overrides": ("rules overruled", "人工改判"),
    "appeals": ("appeals upheld", "申诉成功"),
    "of": ("of", "/"),
}


def show_board(result: Mapping[str, Any], lang: str = "en") -> None:
    """The board as tables, in ``en`` or ``zh``."""
    say = _Speech(lang)
    print(f"{say(_TITLES, 'board')} {result['at']} ({say(_TITLES, 'rules')} {result['version']})\n")
    tracks = sorted(result["funnel"])
    heads = ("", *(say(_TITLES, track) for track in tracks))
    funnel = [(say(_FUNNEL, key), *(result["funnel"][track][key] for track in tracks)) for key in _FUNNEL]
    present.print_table(say(_TITLES, "funnel"), heads, funnel, empty="")
    print()
    held = [key for key in _STAGES if any(key in result["stages"][track] for track in tracks)]
    stages = [(say(_STAGES, key), *(result["stages"][track].get(key, 0) for track in tracks)) for key in held]
    present.print_table(say(_TITLES, "stages"), heads, stages, empty=say(_TITLES, "nobody"))
    print()
    present.print_table(
        say(_TITLES, "targets"),
        ("", *(say(_TITLES, key) for key in ("wanted", "reached", "share")), ""),
        [_target(each, say) for each in result["targets"]],
        empty=say(_TITLES, "none"),
    )
    print()
    _show_baseline(result["baseline"], say)
    print()
    _show_pools(result["pools"], say)
    print()
    present.print_pairs(_people(result, say))


class _Speech:
    """Words in one language; a name that has none reads as it is, without underscores."""

    def __init__(self, lang: str) -> None:
        self._at = ("en", "zh").index(lang)

    def __call__(self, words: Words, key: str) -> str:
        return words[key][self._at] if key in words else key.replace("_", " ")


def _target(each: Mapping[str, Any], say: _Speech) -> tuple[Any, ...]:
    scale = 100 if "currency" in each else 1
    unit = f" {each['currency']}" if "currency" in each else ""
    actual = "-" if each["actual"] is None else f"{each['actual'] // scale:,}{unit}"
    unknown = f"{each['unknown']:,} {say(_HOW, 'unknown')}" if each.get("unknown") else ""
    remark = say(_HOW, each["how"]) if "how" in each else unknown
    share = "-" if each["share"] is None else f"{float(each['share']):.1%}"
    return say(_MEASURES, each["name"]), f"{each['target'] // scale:,}{unit}", actual, share, remark


def _show_baseline(baseline: Mapping[str, Any], say: _Speech) -> None:
    rows = []
    for name, was in baseline.items():
        parts = was.items() if "baseline" not in was else [("", was)]
        rows += [(say(_MEASURES, f"{name} {part}".strip()), each["baseline"], each["now"]) for part, each in parts]
    heads = ("", say(_TITLES, "began"), say(_TITLES, "now"))
    present.print_table(say(_TITLES, "baseline"), heads, rows, empty=say(_TITLES, "none"))


def _show_pools(pools: list[dict[str, Any]], say: _Speech) -> None:
    shown = [key for key in _POOLS if key != "top_ups" or any(each[key] for each in pools)]
    present.print_table(
        say(_TITLES, "pools"),
        ("", *(f"{each['pool_id']} ({each['unit']})" for each in pools)),
        [(say(_POOLS, key), *(each[key] for each in pools)) for key in shown],
        empty=say(_TITLES, "none"),
    )


def _people(result: Mapping[str, Any], say: _Speech) -> dict[str, str]:
    cases, appeals, grants = result["cases"], result["appeals"], result["grants"]
    units = {each["unit"] for each in result["pools"]}
    amount = f" ({grants['amount']:,} {units.pop()})" if len(units) == 1 else ""

    def share(part: int, whole: int, rate: str | None) -> str:
        return f"{part:,} {say(_PEOPLE, 'of')} {whole:,}" + (f" ({float(rate):.1%})" if rate else "")

    decided = appeals["upheld"] + appeals["dismissed"]
    told = {
        "grants": f"{grants['count']:,}{amount}",
        "waiting": f"{grants['states'].get(str(GrantState.WAITING), 0):,}",
        "open": f"{cases['open']:,} ({cases['overdue']:,} {say(_PEOPLE, 'overdue')})",
        "in_time": share(cases["in_time"], cases["timed"], cases["sla_hit_rate"]),
        "overrides": share(cases["overrides"], cases["decided_by_people"], cases["override_rate"]),
        "appeals": share(appeals["upheld"], decided, appeals["upheld_rate"]),
    }
    return {say(_PEOPLE, key): text for key, text in told.items()}
