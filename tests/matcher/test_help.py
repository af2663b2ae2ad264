"""Every command's help ends with an example, whose lines stand as they would be typed."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from matcher.cli import cli


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_the_help_of_every_command_ends_with_an_example(name: str):
    told = CliRunner().invoke(cli, [name, "--help"]).output
    assert f"\n  Example:\n    matcher {name} " in told
    assert "\\b" not in told
