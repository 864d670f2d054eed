"""`syncline report`: figures of a period, as the server computes them."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.table import Table
from syncline_protocol.documents.labels import Labels, spoken

from syncline_client.terminal import Access, View, command, connected, console, print_json, run
from syncline_client.wording import one_line

METRICS_PATH: Final = "/v1/metrics"
ANSWER_WAIT_S: Final = 60.0
"""Figures of years take some seconds."""

RATES: Final = frozenset({"reopen_rate", "repeat_rate"})

IN_PARTS: Final = ("opened", "resolved", "open", "first_response", "resolution", "reopen_rate", "satisfaction")
"""The figures that are shown of each part: what fits beside each other."""

WORDS: Final[Mapping[str, Labels]] = {
    "spread": {
        "zh": "中位数 {median}，九成在 {p90} 内，平均 {mean}",
        "en": "median {median}, nine of ten within {p90}, mean {mean}",
    },
    "business": {"zh": "（工作时间中位数 {median}）", "en": " (median in working hours {median})"},
    "promise": {"zh": "，按时 {share}", "en": ", {share} in time"},
    "scores": {"zh": "平均 {mean}，{count} 个评分（{share}）", "en": "mean {mean} of {count} scores ({share})"},
}
NOTHING: Final = "–"

UNITS_MS: Final = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000))

app = typer.Typer()


class Part(msgspec.Struct):
    """The figures of one group, assignee, …; None: of what has none."""

    key: str | None
    figures: dict[str, Any]


class Report(msgspec.Struct):
    """What the server answers, as far as it is shown: figures by name, and what people call them."""

    definition: int
    names: dict[str, dict[str, str]]
    figures: dict[str, Any]
    by: str | None = None
    parts: tuple[Part, ...] = ()


@command(app, "syncline report --from 2026-11-01T00:00:00+08:00 --by group")
def report(  # noqa: PLR0913 - one parameter per option
    *,
    since: Annotated[str | None, typer.Option("--from", help="RFC 3339 date with its zone. Default: 30 days.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Up to before then. Default: now.")] = None,
    by: Annotated[
        str | None, typer.Option(help="Break down by group, assignee, issue_type, channel or language.")
    ] = None,
    group: Annotated[str | None, typer.Option(help="Only what this group had.")] = None,
    assignee: Annotated[str | None, typer.Option(help="Only what this person had.")] = None,
    access: Access,
    view: View,
) -> None:
    """Show figures of a period: response, resolution, reopening, repeat inquiries, satisfaction.

    For supervisors, admins, auditors and integrations. What each figure means stands in the guide.
    """

    async def work() -> None:
        asked = {"from": since, "to": until, "by": by, "group": group, "assignee": assignee}
        async with connected(access) as device:
            answer = await device.rest.read(METRICS_PATH, msgspec.Raw, asked, wait_s=ANSWER_WAIT_S)
        if view.json:
            print_json(answer)
            return
        found = msgspec.json.decode(answer, type=Report)
        console.print(_figures(found, view.language), highlight=False)
        if found.parts:
            console.print()
            console.print(_parts(found, view.language), highlight=False)

    run(work())


def _figures(found: Report, language: str) -> Table:
    """A line for each figure."""
    table = Table.grid(padding=(0, 2))
    for name, value in found.figures.items():
        table.add_row(f"[dim]{_name(found, name, language)}[/dim]", shown(name, value, language))
    return table


def _parts(found: Report, language: str) -> Table:
    """A line for each part."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(one_line(found.by or ""))
    for name in IN_PARTS:
        table.add_column(_name(found, name, language), justify="right")
    for part in found.parts:
        key = NOTHING if part.key is None else one_line(part.key)
        table.add_row(key, *(_short(name, part.figures.get(name)) for name in IN_PARTS))
    return table


def _name(found: Report, name: str, language: str) -> str:
    return one_line(spoken(found.names.get(name) or {"en": name}, language))


def shown(name: str, value: Any, language: str) -> str:
    """A figure in words. What a later version of the server has besides is shown as it is."""
    if value is None:
        return NOTHING
    if name in RATES:
        return percent(value)
    if not isinstance(value, dict):
        return one_line(str(value))
    if "scores" in value:
        said = {"mean": value["mean"], "count": value["count"], "share": percent(value["share"])}
        return spoken(WORDS["scores"], language).format(**said) if value["count"] else NOTHING
    return "".join(_timing(value, language))


def _timing(value: Mapping[str, Any], language: str) -> Iterator[str]:
    spread = value.get("calendar", value)
    if not spread:
        yield NOTHING
        return
    yield spoken(WORDS["spread"], language).format(
        median=length(spread["median_ms"]), p90=length(spread["p90_ms"]), mean=length(spread["mean_ms"])
    )
    if business := value.get("business"):
        yield spoken(WORDS["business"], language).format(median=length(business["median_ms"]))
    if (promise := value.get("promise")) and promise["share"] is not None:
        yield spoken(WORDS["promise"], language).format(share=percent(promise["share"]))


def _short(name: str, value: Any) -> str:
    """A figure in a cell: of times the median, of scores the mean."""
    if isinstance(value, dict):
        spread = value.get("calendar")
        return length(spread["median_ms"]) if spread else one_line(str(value.get("mean") or NOTHING))
    return shown(name, value, "en")


def percent(share: float | None) -> str:
    """A share of the whole."""
    return NOTHING if share is None else f"{100 * share:.3g} %"


def length(ms: int) -> str:
    """A length of time in its two greatest units."""
    parts: list[str] = []
    left = ms
    for unit, size in UNITS_MS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count}{unit}")
    return " ".join(part for part in parts[:2] if not part.startswith("0")) or f"{ms / 1000:.3g}s"
