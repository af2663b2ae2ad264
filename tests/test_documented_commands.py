"""Every command that the documents show is one, with options that it has."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from agency_client.cli import cli as client
from matcher.cli import cli as matcher

PROGRAMS = {"agency-client": client, "matcher": matcher}
# Each page, and how many commands it has at least: none found would prove nothing.
PAGES = {
    "README.md": 50,
    "docs/analysts.md": 1,
    "docs/console.md": 1,
    "docs/disclosures.md": 10,
    "docs/operating.md": 10,
}


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the words of each command of ours that stands in a block of a page."""
    for block in re.findall(r"```\w*\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True) if is_ours(line) else []
            if words:
                yield words


def is_ours(line: str) -> bool:
    return line.removeprefix("$ ").partition(" ")[0] in PROGRAMS


def resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that is meant, and the words after its name."""
    command: click.Command = PROGRAMS[words[0]]
    left = words[1:]
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), left[0])
        assert found is not None, words
        command, left = found, left[1:]
    return command, left


def test_no_page_is_forgotten():
    pages = {str(page) for page in [Path("README.md"), *Path("docs").glob("*.md")]}
    assert {page for page in pages if any(commands(Path(page)))} == set(PAGES)


@pytest.mark.parametrize(("page", "least"), PAGES.items())
def test_every_command_is_one(page: str, least: int):
    shown = list(commands(Path(page)))
    assert len(shown) >= least
    for words in shown:
        command, left = resolve(words)
        known = {name for own in command.params for name in (*own.opts, *own.secondary_opts)}
        given = {word.partition("=")[0] for word in left if word.startswith("--")}
        assert given <= known | {"--help"}, words
