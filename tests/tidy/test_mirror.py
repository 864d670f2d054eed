"""The tests mirror the source file for file: whoever looks for the tests of a module knows where they are."""

from pathlib import Path

from support.checkout import PACKAGES, files, modules

WITHOUT_TESTS: dict[str, str] = {
    "server/src/syncline_server/storage/interface.py": "types only; acceptance.py beside its tests is its suite",
    "server/src/syncline_server/projections/model.py": "values only; the tests of inbox, search and facts look at them",
}
"""Modules without a test file of their own, each with the reason."""

SELF_EVIDENT = {"__init__.py", "__main__.py"}


def mirror_of(package: str, module: Path) -> Path:
    """Where the tests of a module are."""
    inside = module.relative_to(PACKAGES[package])
    return Path("tests", package, *inside.parent.parts, f"test_{inside.name}")


def expected() -> dict[Path, Path]:
    """The test file of every module that must have one, with its module."""
    return {
        mirror_of(package, module): module
        for package in PACKAGES
        for module in modules(package)
        if module.name not in SELF_EVIDENT and str(module) not in WITHOUT_TESTS
    }


def test_every_module_has_its_tests() -> None:
    present = set(files())
    assert not [f"{module} has no {test}" for test, module in expected().items() if test not in present]


def test_every_test_file_has_its_module() -> None:
    mirrored = expected()
    assert not [
        f"{path} tests no module of {path.parts[1]}"
        for path in files()
        if path.parts[0] == "tests"
        and path.parts[1] in PACKAGES
        and path.name.startswith("test_")
        and path not in mirrored
    ]


def test_exemptions_are_needed() -> None:
    present = set(files())
    exempt = {module: package for package in PACKAGES for module in modules(package) if str(module) in WITHOUT_TESTS}
    assert {str(module) for module in exempt} == set(WITHOUT_TESTS)
    assert not [module for module, package in exempt.items() if mirror_of(package, module) in present]
