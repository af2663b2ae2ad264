"""What each package may know, tested where it counts: in a running interpreter."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

BLOCK = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {forbidden!r}:
            raise ImportError(f"{{name}} is not to be had here")
sys.meta_path.insert(0, Refuse())
import pkgutil, importlib, {package}
for module in pkgutil.walk_packages({package}.__path__, "{package}."):
    importlib.import_module(module.name)
loaded = {{name.split(".")[0] for name in sys.modules}}
assert not loaded & {forbidden!r}, loaded
{then}
"""


def run_without(package: str, forbidden: set[str], then: str = "") -> None:
    code = BLOCK.format(package=package, forbidden=forbidden, then=then)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_the_matcher_starts_without_hashing_and_agency_client():
    start = "from matcher.cli import cli; cli(['link', '--help'], standalone_mode=False)"
    run_without("matcher", {"hashing", "agency_client", "clkhash"}, start)


def test_the_client_starts_without_the_matcher():
    run_without("agency_client", {"matcher"})


def test_linkage_stands_alone():
    run_without("linkage", {"hashing", "agency_client", "matcher"})


def test_hashing_knows_no_matcher_and_no_client():
    run_without("hashing", {"matcher", "agency_client"})


def test_the_blocker_blocks():
    with pytest.raises(AssertionError, match="not to be had here"):
        run_without("agency_client", {"hashing"})


@pytest.mark.parametrize("package", ["linkage", "hashing"])
def test_pure_packages_do_no_network_or_terminal(package):
    """`linkage` touches nothing outside; `hashing` only reads the secret's file."""
    forbidden = {"socket", "requests", "httpx", "click", "rich", "subprocess"}
    for path in Path(package).rglob("*.py"):
        words = path.read_text(encoding="utf-8")
        for name in forbidden:
            assert f"import {name}" not in words, path
            assert f"from {name}" not in words, path
        assert not re.search(r"\bprint\(", words), path
