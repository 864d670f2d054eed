"""Builds repeat: every package that is installed is pinned in the root pyproject.toml, at the version installed."""

import json
import re
import tomllib
from importlib import metadata

from support.checkout import PACKAGES, ROOT, files

OURS = {f"syncline-{package}" for package in PACKAGES}


def normal(name: str) -> str:
    """A distribution's name as indexes compare them (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return dict(pin.split("==") for pin in settings["tool"]["uv"]["constraint-dependencies"])


def test_every_installed_package_is_pinned() -> None:
    installed = {normal(found.name): found.version for found in metadata.distributions()}
    pinned = pins()
    assert not {name: at for name, at in installed.items() if name not in OURS and pinned.get(name) != at}


def test_pins_are_in_order() -> None:
    assert list(pins()) == sorted(pins())


def test_every_folder_of_node_packages_is_set_up() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    listed = re.search(r"^NODE_FOLDERS = (.*)$", makefile, re.MULTILINE)
    assert listed is not None
    assert set(listed[1].split()) == {str(path.parent) for path in files() if path.name == "package.json"}


def test_node_packages_have_one_version() -> None:
    for path in files():
        if path.name == "package.json":
            wanted = json.loads((ROOT / path).read_text(encoding="utf-8")).get("dependencies", {})
            assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values()), path
