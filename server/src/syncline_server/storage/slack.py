"""Bytes in SQLite's file that belong to no row, and how they become zeros.

Under `wiping.py`. `secure_delete` overwrites what is deleted, where it is deleted. But when SQLite moves rows from a
page to its neighbours it builds the page anew, and the gap between its pointers and its cells keeps what happened to
lie there: copies of rows that are elsewhere now, and stay when those are deleted. (Measured: about one deleted row in
3,000 leaves one.) So the gap of each leaf is overwritten in the file itself, around SQLite: no reader gives it a
meaning, and whatever else is in the page stays as it is, so a torn write does no harm either.

The file format: https://sqlite.org/fileformat2.html, section 1.6.
"""

import os
import struct
from collections.abc import Iterator
from typing import Final

LEAF: Final = 0x0D
"""First byte of a leaf of a table, where the rows are. Inner pages and indexes hold no content of documents."""

PAGES_MAX: Final = LEAF << 24
"""From here on (872 GB of 4 KiB pages) an overflow page may begin with the same byte: its first four are a number."""

DATABASE_HEADER_BYTES: Final = 100
"""Before the first page's own header."""

HEADER: Final = struct.Struct(">BHHHB")
"""A leaf's header: its kind, the first free block, how many rows, where they begin, fragments."""

FREE_BLOCK: Final = struct.Struct(">HH")
"""Next and size of a free block, before its bytes."""

PAGE_SIZE_AT: Final = 16
RESERVED_AT: Final = 20
LARGEST_PAGE: Final = 65_536
"""Written as 1 in the database's header, and as 0 in a page's."""


def page_bytes(file: int) -> int:
    """The page size of the database."""
    size = int.from_bytes(os.pread(file, 2, PAGE_SIZE_AT), "big")
    return LARGEST_PAGE if size == 1 else size


def count_pages(file: int) -> int:
    """How many pages the database has; 0 while nothing was written into the file."""
    size = page_bytes(file)
    return os.fstat(file).st_size // size if size else 0


def slack(page: bytes, start: int = 0) -> Iterator[tuple[int, int]]:
    """Of a leaf whose header is at `start`: the ranges that no row is in. Nothing for any other page, or a broken one.

    `page` is without the bytes that SQLite reserves at its end.
    """
    if page[start] != LEAF:
        return
    _, free, cells, content, _ = HEADER.unpack_from(page, start)
    content = content or LARGEST_PAGE
    pointers_end = start + HEADER.size + 2 * cells
    if pointers_end <= content <= len(page):
        yield pointers_end, content
    while content <= free <= len(page) - FREE_BLOCK.size:
        following, size = FREE_BLOCK.unpack_from(page, free)
        if FREE_BLOCK.size <= size <= len(page) - free:
            yield free + FREE_BLOCK.size, free + size
        free = following if following > free else 0


def overwrite(file: int, first: int, pages: int) -> int:
    """Overwrite the slack of `pages` pages of the database from page `first` (from 1 on); returns how many bytes of it
    were no zeros.

    Nobody may write or checkpoint meanwhile, and no connection that writes may have an older copy of a page in its
    memory. Raises `OSError`.
    """
    size = page_bytes(file)
    usable = size - os.pread(file, 1, RESERVED_AT)[0]
    found = 0
    read = os.pread(file, size * pages, size * (first - 1))
    for at in range(0, len(read), size):
        if read[at] != LEAF and (first, at) != (1, 0):
            continue  # most of a large database: overflow pages
        page = read[at : at + usable]
        for start, end in slack(page, DATABASE_HEADER_BYTES if first == 1 and at == 0 else 0):
            left = end - start - page.count(0, start, end)
            if left:
                os.pwrite(file, bytes(end - start), size * (first - 1) + at + start)
                found += left
    return found
