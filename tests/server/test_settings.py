"""Settings: which source weighs more, and that a bad one is named."""

import re
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import pytest
from support.checkout import ROOT
from syncline_server import settings
from syncline_server.settings import Settings, SettingsError, load
from syncline_server.storage.connections import Durability

GIVEN: dict[str, tuple[str, object]] = {
    "data": ("/srv/syncline", Path("/srv/syncline")),
    "host": ("0.0.0.0", "0.0.0.0"),
    "port": ("9000", 9000),
    "durability": ("normal", Durability.NORMAL),
    "origins": ("https://a.example, https://b.example", ("https://a.example", "https://b.example")),
    "outbox_bytes": ("65536", 65_536),
    "document_linger_seconds": ("2.5", 2.5),
    "updates_per_second_device": ("10", 10.0),
    "updates_per_second_tenant": ("1e3", 1000.0),
    "connections_max": ("7", 7),
    "presence_ttl_seconds": ("1", 1.0),
    "shutdown_retry_after_ms": ("0", 0),
    "projections": ("false", False),
    "compaction": ("false", False),
    "log_format": ("json", "json"),
}
"""Every setting: as the environment has it, and what it means. None is a default."""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the environment that runs the tests."""
    for name in Settings.__struct_fields__:
        monkeypatch.delenv(f"SYNCLINE_{name.upper()}", raising=False)


def toml(folder: Path, text: str) -> Path:
    """A file of settings."""
    path = folder / "syncline.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(overrides: dict[str, object], *, file: Path | None = None) -> str:
    """Why these settings cannot be used."""
    with pytest.raises(SettingsError) as caught:
        load(overrides, file=file)
    return str(caught.value)


def test_without_anything_there_are_the_defaults() -> None:
    assert load({}) == Settings()
    assert load({}) != Settings(**{name: value for name, (_, value) in GIVEN.items()})  # type: ignore[arg-type]


def test_examples_are_of_every_setting() -> None:
    assert GIVEN.keys() == set(Settings.__struct_fields__)
    assert not [name for name, (_, value) in GIVEN.items() if getattr(Settings(), name) == value]


@pytest.mark.parametrize("name", GIVEN)
def test_every_setting_has_its_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, value = GIVEN[name]
    monkeypatch.setenv(f"SYNCLINE_{name.upper()}", text)
    assert load({}) == msgspec.structs.replace(Settings(), **{name: value})


@pytest.mark.parametrize("name", GIVEN)
def test_every_setting_can_stand_in_the_file(name: str, tmp_path: Path) -> None:
    _, value = GIVEN[name]
    plain: Any = msgspec.to_builtins(value if not isinstance(value, Path) else str(value))
    file = toml(tmp_path, f"[server]\n{name} = {msgspec.json.encode(plain).decode()}\n")
    assert load({}, file=file) == msgspec.structs.replace(Settings(), **{name: value})


def test_the_command_line_weighs_most_then_the_environment_then_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = toml(tmp_path, '[server]\nport = 1\nhost = "file"\nconnections_max = 1\n[other]\nx = 1\n')
    monkeypatch.setenv("SYNCLINE_PORT", "2")
    monkeypatch.setenv("SYNCLINE_HOST", "environment")
    chosen = load({"port": 3, "host": None}, file=file)
    assert (chosen.port, chosen.host, chosen.connections_max) == (3, "environment", 1)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("port", "http"),
        ("port", "-1"),
        ("port", "65536"),
        ("port", "80.5"),
        ("port", ""),
        ("data", ""),
        ("durability", "maybe"),
        ("outbox_bytes", "0"),
        ("outbox_bytes", "1 MiB"),
        ("document_linger_seconds", "-1"),
        ("document_linger_seconds", "nan"),
        ("updates_per_second_device", "0"),
        ("updates_per_second_device", "nan"),
        ("updates_per_second_tenant", "-5"),
        ("connections_max", "0"),
        ("presence_ttl_seconds", "0"),
        ("shutdown_retry_after_ms", "-1"),
        ("compaction", "perhaps"),
        ("log_format", "xml"),
    ],
)
def test_a_bad_value_names_its_setting(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert name in refusal({name: text})
    monkeypatch.setenv(f"SYNCLINE_{name.upper()}", text)
    assert name in refusal({})


def test_a_setting_that_there_is_not_is_named(tmp_path: Path) -> None:
    assert "prot" in refusal({}, file=toml(tmp_path, "[server]\nprot = 8700\n"))


@pytest.mark.parametrize("text", ["[server", "server = 3", "server = [1]", "port = 1\nport = 2"])
def test_a_file_that_is_no_table_of_settings_is_named(text: str, tmp_path: Path) -> None:
    assert "syncline.toml" in refusal({}, file=toml(tmp_path, text))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert "none.toml" in refusal({}, file=tmp_path / "none.toml")
    assert str(tmp_path) in refusal({}, file=tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'[server]\nhost = "\xe9"\n')
    assert "latin.toml" in refusal({}, file=tmp_path / "latin.toml")


def test_a_file_without_a_table_for_the_server_says_nothing(tmp_path: Path) -> None:
    assert load({}, file=toml(tmp_path, "[client]\nport = 1\n")) == Settings()


def test_no_origin_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCLINE_ORIGINS", "")
    assert load({}).origins == ()


def test_the_guide_has_every_setting_with_its_default() -> None:
    page = (ROOT / "docs/guide.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `SYNCLINE_([A-Z_]+)` \| ([^|]+) \|", page, re.MULTILINE))
    assert {name.lower() for name in rows} == set(Settings.__struct_fields__)
    units = {"MiB": settings.MIB}
    for name, default in msgspec.structs.asdict(Settings()).items():
        written = rows[name.upper()].strip().strip("`").replace(",", "")
        number, _, unit = written.partition(" ")
        if isinstance(default, int | float) and not isinstance(default, bool):
            assert float(number) * units.get(unit, 1) == default, name
        else:
            assert written == {"origins": "none", "compaction": "true", "projections": "true"}.get(
                name, str(default)
            ), name


def test_every_setting_says_its_unit_or_needs_none() -> None:
    numbers = [name for name, kind in get_type_hints(Settings).items() if kind in {int, float}]
    units = ("_bytes", "_seconds", "_ms", "_max")
    assert [name for name in numbers if not name.endswith(units) and "per_second" not in name] == ["port"]
