"""`docs/guide.md` names every setting, endpoint and metric there is, and none that is not."""

import ast
import re
from collections.abc import Iterator

import pytest
from support.checkout import PACKAGES, ROOT, modules, tree
from support.commands import commands
from syncline_server.rest.operations import OPERATIONS
from syncline_server.rest.problems import STATUS_OF
from syncline_server.settings import ENVIRONMENT_PREFIX, Settings

ENDPOINT = re.compile(r"^\| `(GET|POST|PUT|PATCH|DELETE|WebSocket) (/[^`?\s]*)[^`]*` \|", re.MULTILINE)
METRIC = re.compile(r"syncline_[a-z_]+")


@pytest.fixture(scope="module")
def page() -> str:
    return (ROOT / "docs/guide.md").read_text(encoding="utf-8")


def calls(name: str) -> Iterator[ast.Call]:
    """Every call in the server's source of something called `name`."""
    for path in modules("server"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield node


def first_texts(*names: str) -> set[str]:
    """The first argument, where it is a text, of every call of these."""
    return {
        argument.value
        for name in names
        for call in calls(name)
        for argument in call.args[:1]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def variables_of_commands() -> set[str]:
    """Every environment variable that stands for an option of a command."""
    parameters = (parameter for command in commands().values() for parameter in command.params)
    return {parameter.envvar for parameter in parameters if isinstance(parameter.envvar, str)}


def metrics() -> set[str]:
    """Names of all metrics, as they are exposed: counters with their suffix."""
    counters = {f"{name}_total" for name in first_texts("_counter", "CounterMetricFamily")}
    found = counters | first_texts("_gauge", "GaugeMetricFamily", "HistogramMetricFamily", "_histogram")
    return {name for name in found if METRIC.fullmatch(name)}


def test_settings_and_variables(page: str) -> None:
    there = {ENVIRONMENT_PREFIX + name.upper() for name in Settings.__struct_fields__} | variables_of_commands()
    assert set(re.findall(rf"`({ENVIRONMENT_PREFIX}[A-Z_]+)`", page)) == there


def test_endpoints(page: str) -> None:
    sockets = {re.sub(r"\{(\w+)(?::\w+)?\}", r"{\1}", path) for path in first_texts("WebSocketRoute")}
    assert sockets
    operations = {(operation.method, operation.path) for operation in OPERATIONS}
    assert set(ENDPOINT.findall(page)) == operations | {("WebSocket", path) for path in sockets}


def test_problems(page: str) -> None:
    codes = re.findall(r"^\| `([a-z_]+)` \| ([0-9]{3}) \|", page, re.MULTILINE)
    assert {code: int(status) for code, status in codes} == {code.value: STATUS_OF[code] for code in STATUS_OF}


def test_metrics(page: str) -> None:
    there = metrics()
    assert there
    documented = set(METRIC.findall(page)) - {path.name for path in PACKAGES.values()}
    assert documented == there
