"""The image for operators, as far as it can be had without building one.

The Containerfile's own lines are read: from just the files that it copies a wheel is built and
installed, and the matcher runs there without what the file takes out again.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path, PurePosixPath

import pytest

from matcher.config.creation import create_matcher, plan_matcher
from matcher.config.loading import load_settings

FILE = Path("Containerfile")
# Distributions that the file uninstalls, and the modules that they bring.
MODULES = {
    "bashplotlib": "bashplotlib",
    "clkhash": "clkhash",
    "jellyfish": "jellyfish",
    "phonenumbers": "phonenumbers",
    "python-calamine": "python_calamine",
    "recordlinkage": "recordlinkage",
}
STRANGERS = {"hashing", "agency_client", *MODULES.values()}
RUN = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {strangers!r}:
            raise ImportError(f"{{name}} is not in the image")
sys.meta_path.insert(0, Refuse())
import importlib, pkgutil, linkage, matcher
all_of_it = (linkage, matcher) if "--help" in sys.argv else ()
assert linkage.__file__.startswith({target!r}) and matcher.__file__.startswith({target!r})
for package in all_of_it:
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if module.name != "matcher.store.migrations.env":  # Alembic alone can run it
            importlib.import_module(module.name)
from matcher.cli import main
sys.argv = ["matcher", *sys.argv[1:]]
main()
"""


def instructions() -> list[str]:
    """Return the file's instructions, each on one line and without comments."""
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines()
             if not line.lstrip().startswith("#")]  # fmt: skip
    return [one for one in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines() if one.strip()]


def documented() -> list[list[str]]:
    """Return what the file's comment gives the image to do: the words after its name."""
    lines = [line.lstrip("# ") for line in FILE.read_text(encoding="utf-8").splitlines()
             if line.startswith("#   ")]  # fmt: skip
    commands = " ".join(lines).replace("\\ ", "").split("docker run ")[1:]
    return [one.split(" concord-matcher")[1].split() for one in commands]


def copied() -> list[str]:
    """Return the paths that are copied from the project."""
    found = [one.split()[1:-1] for one in instructions() if one.startswith("COPY ")]
    return [path for paths in found for path in paths if not path.startswith("--from")
            and not path.startswith("/")]  # fmt: skip


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the wheel that the image holds."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("image")
    context, wheels, target = folder / "context", folder / "wheels", folder / "target"
    context.mkdir()
    for path in copied():
        copy = shutil.copytree if Path(path).is_dir() else shutil.copy
        copy(path, context / path)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, context],
        check=True, timeout=120,
    )  # fmt: skip
    (wheel,) = wheels.iterdir()
    subprocess.run(
        [*pip, "install", "--no-deps", "--no-index", "--target", target, wheel],
        check=True, timeout=120,
    )  # fmt: skip
    return target


def run(target: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed matcher; without site, so that this project's own folder isn't seen."""
    packages = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    code = f"import sys; sys.path[:0] = {[str(target), *packages]!r}\n"
    code += RUN.format(strangers=STRANGERS, target=str(target))
    return subprocess.run(
        [sys.executable, "-S", "-I", "-c", code, *arguments],
        capture_output=True, text=True, check=False, timeout=120, cwd=target,
    )  # fmt: skip


def test_only_what_the_matcher_may_know_is_copied():
    folders = {path for path in copied() if Path(path).is_dir()}
    assert folders == {"linkage", "matcher"}
    assert all(Path(path).exists() for path in copied())


def test_the_wheel_holds_the_two_packages(target: Path):
    tops = {path.name for path in target.iterdir() if path.is_dir()}
    assert {name for name in tops if not name.endswith(".dist-info")} - {"bin"} == {
        "linkage", "matcher"
    }  # fmt: skip
    assert (target / "matcher" / "store" / "migrations" / "versions" / "0001_log.py").exists()


def test_the_matcher_runs_without_what_is_taken_out(target: Path, tmp_path: Path):
    done = run(target, "--help")
    assert done.returncode == 0, done.stderr
    assert "verify-log" in done.stdout
    for arguments in (("init", "--log-name", "a.example"), ("migrate",), ("verify-log",)):
        done = run(target, arguments[0], str(tmp_path / "made"), *arguments[1:])
        assert done.returncode == 0, done.stderr
    assert "VERIFIED. Events: 0" in done.stdout


def test_what_is_documented_works_within_the_volume(target: Path, tmp_path: Path):
    """'init' renames a folder onto its place, so neither that nor the one above can be a mount."""
    said = instructions()
    (volume,) = [one.split()[1] for one in said if one.startswith("VOLUME ")]
    (default,) = [json.loads(one[4:]) for one in said if one.startswith("CMD [")]
    (user,) = [one.split()[1].split(":")[0] for one in said if one.startswith("USER ")]
    made = next(one for one in said if one.startswith("RUN install "))
    assert volume in made.split()
    assert f"--owner {user} " in made

    first, *others = documented()
    assert (first[0], [one[:1] for one in others]) == ("init", [["migrate"], []])
    assert default == ["serve", first[1]]
    assert others[0][1] == first[1]
    place = PurePosixPath(first[1])
    assert place.parent.is_relative_to(volume)
    (tmp_path / "volume").mkdir()
    for words in (first, others[0]):
        mapped = tmp_path / "volume" / place.relative_to(volume)
        done = run(target, words[0], str(mapped), *words[2:])
        assert done.returncode == 0, done.stderr


def test_the_address_that_agencies_use_is_given(tmp_path: Path):
    """Signatures cover it, and what the image listens on is nobody's address."""
    said = FILE.read_text(encoding="utf-8")
    environ = dict(re.findall(r"(CONCORD_[A-Z_]+)=(\S+)", said))
    create_matcher(tmp_path / "made", plan_matcher(tmp_path / "made", "a.example"))
    service = load_settings(tmp_path / "made", environ, {}).sections.service
    assert (service.host, service.address) == ("0.0.0.0", "https://matcher.example")


def test_what_is_taken_out_is_what_is_refused_here():
    (said,) = re.findall(r"pip uninstall --yes (.*?) &&", " ".join(instructions()))
    assert set(said.split()) == set(MODULES)


def test_it_runs_as_nobody_in_particular_and_is_watched():
    said = instructions()
    (user,) = [one.split()[1] for one in said if one.startswith("USER ")]
    assert int(user.split(":")[0]) > 0
    assert said.index(f"USER {user}") > max(n for n, one in enumerate(said) if "RUN " in one)
    assert any(one.startswith("HEALTHCHECK ") and "/healthz" in one for one in said)


def test_no_registry_is_named():
    froms = [one.split()[1] for one in instructions() if one.startswith("FROM ")]
    (base,) = [one.removeprefix("ARG BASE=") for one in instructions() if one.startswith("ARG ")]
    assert set(froms) == {"${BASE}"}
    assert "/" not in base
    assert "://" not in " ".join(one for one in instructions() if "HEALTHCHECK" not in one)


def test_nothing_is_left_that_only_agencies_need(target: Path):
    """The wheel's own list names what the file takes out, so that both stay in step."""
    (metadata,) = target.glob("*.dist-info/METADATA")
    required = set(
        re.findall(r"^Requires-Dist: ([a-z-]+)", metadata.read_text("utf-8"), re.MULTILINE)
    )
    assert set(MODULES) - {"bashplotlib"} <= required
