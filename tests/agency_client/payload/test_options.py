"""What commands about payload and cohorts refuse before they open a keystore or a connection."""

import pytest
from click.testing import CliRunner

from agency_client.cli import cli

PUSH = ("push", "own.arrow", "--agreement", "a.toml")
PULL = ("cohort", "pull", "--agreement", "a.toml", "--out", "new")
PROPOSE = (
    "disclosures",
    "propose",
    "--agreement",
    "a.toml",
    "--reference",
    "r",
    "--necessity",
    "n",
)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((*PUSH, "--events", "e.csv"), "give --map"),
        ((*PUSH, "--map", "m.parquet"), "give --attributes, --events or --associations"),
        ((*PUSH, "--payload-columns", "c.toml"), "give --attributes, --events or --associations"),
        (PULL, "give --reference and --reason"),
        ((*PULL, "--reference", "r"), "give --reference and --reason"),
        ((*PULL, "--cohort", "ab" * 16, "--reason", "w"), "or else --cohort"),
        (PROPOSE, "give --cluster"),
        ((*PROPOSE, "--cohort", "c", "--people", "p.csv"), "together"),
        ((*PROPOSE, "--cohort", "c", "--clusters", "t.csv"), "give --cluster"),
        ((*PROPOSE, "--clusters", "t.csv", "--rule", "r"), "together"),
    ],
)
def test_options_that_do_not_fit_together(words, told):
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert told in " ".join(done.stderr.split())


@pytest.mark.parametrize("command", ["list", "pull"])
def test_every_command_has_help_with_an_example(command):
    done = CliRunner().invoke(cli, ["cohort", command, "--help"])
    assert f"Example:\n    agency-client cohort {command}" in done.output
