"""What the pages point to is there: links within the checkout, and files named as code."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.checkout import PACKAGES, ROOT, files, modules, texts

LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
NAMED_FILE = re.compile(r"`((?:protocol|server|client|tests|docs|samples|benchmarks)/[\w./-]+\.\w+)`")
ELSEWHERE = ("http://", "https://", "mailto:")


def pages() -> Iterator[tuple[Path, str]]:
    """Every page of Markdown, without its fenced blocks."""
    for path, content in texts():
        if path.suffix == ".md":
            yield path, FENCE.sub("", content)


def anchors(content: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", content, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def is_broken(page: Path, target: str) -> bool:
    """Whether a link of `page` leads nowhere within the checkout."""
    if target.startswith(ELSEWHERE):
        return False
    name, _, anchor = target.partition("#")
    path = (ROOT / page.parent / name).resolve() if name else ROOT / page
    if not path.exists():
        return True
    return bool(anchor) and anchor not in anchors(path.read_text(encoding="utf-8"))


def test_links_lead_somewhere() -> None:
    assert not [
        f"{page}: {match['target']}"
        for page, content in pages()
        for match in LINK.finditer(content)
        if is_broken(page, match["target"])
    ]


def test_files_named_are_there() -> None:
    present = {str(path) for path in files()}
    assert not [
        f"{page}: {name}" for page, content in pages() for name in NAMED_FILE.findall(content) if name not in present
    ]


def modules_named(page: str, package: str) -> set[str]:
    """The modules in the table under a package's heading."""
    under = re.split(r"^## ", page.split(f"\n## {package}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    return set(re.findall(r"^\| `([\w/]+\.py)` \|", under, re.MULTILINE))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_is_in_the_architecture(package: str) -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    there = {str(path.relative_to(PACKAGES[package])) for path in modules(package) if not path.name.startswith("__")}
    assert sorted(modules_named(page, package) ^ there) == []


def test_links_are_checked(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One\n## Two words\n", encoding="utf-8")
    assert anchors(page.read_text(encoding="utf-8")) == {"one", "two-words"}
    assert is_broken(Path("README.md"), "nowhere.md")
    assert is_broken(Path("README.md"), f"{page}#three")
    assert not is_broken(Path("README.md"), f"{page}#two-words")
    assert not is_broken(Path("README.md"), "https://example.org/nowhere")


def test_every_promise_names_its_tests() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = {match[1]: match[2] for match in re.finditer(r"^\| (P\d+) \|.*\| ([^|]*) \|$", page, re.MULTILINE)}
    assert list(rows) == [f"P{number}" for number in range(1, 12)]
    assert [promise for promise, cell in rows.items() if not NAMED_FILE.search(cell)] == []
