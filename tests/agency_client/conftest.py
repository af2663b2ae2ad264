import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
AGREEMENT = HERE / "agreement_x6.toml"
# Appears in the secret and in no output.
CANARY = "canary-of-the-linkage-secret-0123456789"
HEADER = "record_id,given_name,middle_name,surname,date_of_birth,sex,address,city,postcode\n"
ROWS = (
    "r1,Mary,Anne,O'Connor,14/03/2011,f,1 High Street,Leeds,LS1 1AA\n"
    "r2,Ali,,Hassan,2005-02-07,m,2 Low Road,Leeds,LS1 2BB\n"
    "r3,Zo\u00eb,,Smith,,f,,,\n"
)


@dataclass(frozen=True)
class Desk:
    """A folder with everything that an agency needs."""

    folder: Path

    @property
    def outputs(self):
        return self.folder / "out.arrow", self.folder / "out.map.parquet"

    @property
    def reports(self):
        return self.folder / "out.leakage.html", self.folder / "out.leakage.json"

    def extract(self, content=HEADER + ROWS, name="police.csv"):
        data = content if isinstance(content, bytes) else content.encode()
        (self.folder / name).write_bytes(data)

    def agreement(self, **changes):
        text = AGREEMENT.read_text(encoding="utf-8")
        for old, new in changes.values():
            assert old in text
            text = text.replace(old, new)
        (self.folder / "agreement.toml").write_text(text, encoding="utf-8")

    def arguments(self, **changes):
        """The command line of an encoding, some of its options changed (None: left out)."""
        options = {
            "agreement": "agreement.toml",
            "agency": "health",
            "secret_file": "secret.key",
            "out": "out.arrow",
            "overrule": "these people are invented",
        }
        options |= changes
        words = ["encode", str(self.folder / options.pop("extract", "police.csv"))]
        for name, value in options.items():
            if value is None:
                continue
            is_path = name not in {"agency", "bad_rows", "format", "overrule"}
            words += [f"--{name.replace('_', '-')}", str(self.folder / value if is_path else value)]
        return words

    def run(self, *words, env=None):
        """Run the client in a process of its own."""
        return subprocess.run(
            [sys.executable, "-c", "from agency_client.cli import main; main()", *words],
            capture_output=True,
            encoding="utf-8",
            cwd=HERE.parents[1],
            env=env,
            check=False,
        )

    def leftovers(self):
        """What lies in the folder beside what was given and the leakage report."""
        given = {"police.csv", "agreement.toml", "secret.key", "columns.toml"}
        given |= {path.name for path in self.reports}
        return sorted(path.name for path in self.folder.iterdir() if path.name not in given)


@pytest.fixture
def desk(tmp_path):
    return new_desk(tmp_path)


def new_desk(folder):
    desk = Desk(folder)
    desk.extract()
    desk.agreement()
    secret = folder / "secret.key"
    secret.write_text(CANARY)
    secret.chmod(0o600)
    return desk
