"""Agencies at their desks: keystores, cards and one agreement, through the command line."""

import json
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from agency_client.cli import cli
from tests.agency_client.keystore.test_wrapping import CHEAP

ROLES = {
    "police": "agency", "care": "agency", "health": "agency", "linker": "matcher",
    "analyst": "analyst", "hub": "recipient", "officer": "dpo",
}  # fmt: skip
PASSPHRASE = "canary of a passphrase"


@dataclass(frozen=True)
class Office:
    """A folder that stands for all desks; each party has a keystore of its own in it."""

    folder: Path

    @property
    def agreement(self):
        return self.folder / "agreement.toml"

    def run(self, party, *words):
        """Run the client as a party, with its keystore where a command takes one."""
        return CliRunner().invoke(cli, [*map(str, words), *self.keys(party)], obj=CHEAP)

    def plain(self, *words):
        """Run a command that needs no keys."""
        return CliRunner().invoke(cli, list(map(str, words)), obj=CHEAP)

    def keys(self, party):
        passphrase = self.folder / "passphrase"
        return ["--keystore", str(self.folder / party), "--passphrase-file", str(passphrase)]

    def done(self, party, *words):
        """Run a command that must succeed; return its JSON."""
        found = self.run(party, *words, "--format", "json")
        assert found.exit_code == 0, found.output
        return json.loads(found.stdout)


def new_office(folder, parties=ROLES, cards=()):
    """Everybody has keys and a card, and there is an agreement that nobody has signed.

    ``cards`` are options for parties that keep their keys elsewhere.
    """
    office = Office(folder)
    (folder / "passphrase").write_text(PASSPHRASE)
    (folder / "passphrase").chmod(0o600)
    words = []
    for party, role in parties.items():
        office.done(party, "init", "--name", party)
        card = folder / f"{party}.card.toml"
        office.done(party, "identity", "--out", card)
        words += [f"--{role}", card]
    made = office.plain(
        "agreement", "new", "--template", "safeguarding-uk", "--id", "trial", *words, *cards,
        "--out", office.agreement,
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    return office


def sign_all(office, parties=ROLES, file=None):
    for party in parties:
        office.done(party, "agreement", "sign", file or office.agreement, "--yes")
