"""The results as a picture: for each scenario the metrics that matter, one bar for each participant."""

from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.collection import Collection
from benchmarks.scenarios.scenario import Metric, Scenario

COLUMNS: Final = 3
PANEL_INCHES: Final = (5.0, 3.2)
COLOURS: Final = {
    "syncline-full": "#0b6e4f",
    "syncline-normal": "#6bbf9d",
    "syncline-whole": "#2f6f9f",
    "hocuspocus": "#8d6a9f",
    "y-websocket": "#c5832b",
    "pycrdt-websocket": "#4a7ab5",
}
OTHER_COLOUR: Final = "#888888"

mpl.use("Agg")


def draw(collection: Collection, path: Path) -> None:
    """Draw all headline metrics of which something was measured into `path` (PNG)."""
    panels = [
        (scenario, metric)
        for scenario in collection.scenarios
        for metric in scenario.metrics
        if metric.headline and any(collection.summary(scenario, one, metric) for one in scenario.participants)
    ]
    if not panels:
        return
    rows = -(-len(panels) // COLUMNS)
    figure = Figure(figsize=(PANEL_INCHES[0] * COLUMNS, PANEL_INCHES[1] * rows), layout="constrained")
    for place, (scenario, metric) in enumerate(panels, 1):
        draw_panel(figure.add_subplot(rows, COLUMNS, place), collection, scenario, metric)
    figure.savefig(path, dpi=110)


def draw_panel(axes: Axes, collection: Collection, scenario: Scenario, metric: Metric) -> None:
    """One metric: bars with the spread of their runs."""
    measured = [
        (one, summary) for one in scenario.participants if (summary := collection.summary(scenario, one, metric))
    ]
    for place, (one, summary) in enumerate(measured):
        spread = [[summary.median - summary.least], [summary.most - summary.median]]
        axes.barh(place, summary.median, xerr=spread, color=COLOURS.get(one.key, OTHER_COLOUR), capsize=3)
        axes.text(summary.most, place, f" {summary.median:.3g}", va="center", fontsize=8)
    axes.set_yticks(range(len(measured)), [one.title for one, _ in measured], fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_title(f"{scenario.title.partition(':')[0]}\n{metric.title}, {metric.unit}", fontsize=9)
    axes.tick_params(axis="x", labelsize=8)
