"""Whether this machine is fit to encode, and what it would set for the fictional list."""

from __future__ import annotations

import platform
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from agency_client.keystore.health import (
    damage,
    is_from_the_future,
    require_working_keys,
    shared_places,
)
from agency_client.keystore.store import OpenKeystore
from agency_client.ready_schemes import DEFAULT, ready_scheme
from hashing.known_answers import PUBLIC_TEST_SECRET, KnownAnswers, answers_agree, known_answers
from hashing.secret import LinkageSecret, read_secret
from linkage.errors import InputError, LinkageError, PolicyError
from linkage.protocol.agreement import Agreement

# The known answers of the default scheme under the public test secret. They change only with a
# new default scheme, or by mistake.
SELF_TEST = "ac579ad79fb184a8ebe85a42e5b12aa867288d61a58c8360303a1d929cd84c9b"
LEAST_PYTHON = (3, 11)
# No machine of this time runs this release; a clock that says so has stopped.
_EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)
_LATEST_YEAR = 2100
_CLOCK_SLACK_SECONDS = 86_400
# What decides bits: these libraries, and Python's Unicode tables.
_LIBRARIES = ("concord-linkage", "cryptography", "jellyfish", "numpy")

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; ``finding`` is a sentence either way."""

    name: str
    passed: bool
    finding: str


@dataclass(frozen=True)
class Diagnosis:
    """What was found. ``own_secret`` is False where the answers are under the public test secret.

    ``agreement`` is '' where none was given. ``answers`` is None without an agreement, and where
    the secret can't be used.
    """

    agreement: str
    checks: tuple[Check, ...]
    answers: KnownAnswers | None
    own_secret: bool
    versions: dict[str, str]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)


def now() -> datetime:
    """Return the time by this machine's clock."""
    return datetime.now(UTC)


def diagnose(
    agreement: Agreement | None,
    secret_file: Path | None,
    expect: str | None,
    clock: Clock = now,
    keystore: Path | None = None,
) -> Diagnosis:
    """Look this machine over and compute the known answers of an agreement, if there is one.

    A ``keystore`` is looked at from outside; `check_keys` needs the passphrase. Raises `OSError`
    where the secret's file can't be read at all, and `InputError` where ``expect`` is no digest.
    """
    if expect is not None:
        _require_digest(expect)
    checks = [_python(), _clock(clock(), secret_file, keystore), _self_test()]
    if keystore is not None:
        checks += [_permissions(keystore), _keystore(keystore)]
    secret: LinkageSecret | None = LinkageSecret(PUBLIC_TEST_SECRET)
    if secret_file is not None:
        secret, check = _secret(secret_file)
        checks.append(check)
    answers = None
    if agreement is not None and secret is not None:
        answers = known_answers(agreement.scheme, secret)
    if expect is not None and answers is not None:
        checks.append(_expected(answers, expect))
    own = agreement and agreement.agreement
    identification = f"{own.id} version {own.version}" if own else ""
    return Diagnosis(
        identification, tuple(checks), answers, secret_file is not None, library_versions()
    )


def library_versions() -> dict[str, str]:
    """Return the versions of what decides bits."""
    found = {"python": platform.python_version(), "unicode": unicodedata.unidata_version}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed as a package"
    return found | {"platform": f"{platform.system()} {platform.machine()} {sys.byteorder}-endian"}


def _python() -> Check:
    found, least = platform.python_version(), ".".join(map(str, LEAST_PYTHON))
    if sys.version_info >= LEAST_PYTHON:
        return Check("python", True, f"Python {found}")
    return Check("python", False, f"This is Python {found}; install {least} or later.")


def check_keys(store: OpenKeystore) -> Check:
    """Sign, verify, seal and open with the keys of an opened keystore."""
    try:
        require_working_keys(store)
    except LinkageError as error:
        return Check("keys", False, str(error))
    own = store.identity.public
    return Check("keys", True, f"those of {own.name} sign and open; fingerprint {own.fingerprint}")


def _permissions(keystore: Path) -> Check:
    if found := shared_places(keystore):
        return Check(
            "permissions",
            False,
            f"Others than you can reach {', '.join(found)}; run 'chmod -R go= {keystore}', and "
            "think of the keys as known if others may have read them.",
        )
    return Check("permissions", True, f"only you can enter {keystore}")


def _keystore(keystore: Path) -> Check:
    if found := damage(keystore):
        return Check("keystore", False, found)
    return Check("keystore", True, f"{keystore} is whole")


def _clock(moment: datetime, secret_file: Path | None, keystore: Path | None) -> Check:
    said = f"{moment:%Y-%m-%d %H:%M} UTC"
    if not (moment >= _EARLIEST and moment.year < _LATEST_YEAR):
        return Check("clock", False, f"The clock says {said}, which can't be; set it.")
    if secret_file is not None:
        made = secret_file.stat().st_mtime
        if made > moment.timestamp() + _CLOCK_SLACK_SECONDS:
            return Check(
                "clock", False, f"The clock says {said}, before the secret's file was made; set it."
            )
    if keystore is not None and is_from_the_future(keystore, moment):
        return Check("clock", False, f"The clock says {said}, before the keys were made; set it.")
    return Check("clock", True, said)


def _self_test() -> Check:
    ready = ready_scheme(DEFAULT).scheme
    found = known_answers(ready, LinkageSecret(PUBLIC_TEST_SECRET))
    if answers_agree(found, SELF_TEST):
        return Check("self-test", True, "this installation sets the bits that this release sets")
    return Check(
        "self-test",
        False,
        "This installation sets other bits than this release should; compare the versions with "
        "another agency's and install the client anew.",
    )


def _secret(path: Path) -> tuple[LinkageSecret | None, Check]:
    try:
        return read_secret(path), Check("secret", True, f"{path} is readable by you alone")
    except PolicyError as error:
        return None, Check("secret", False, str(error))


def _expected(answers: KnownAnswers, expect: str) -> Check:
    if answers_agree(answers, expect):
        return Check("known answers", True, "the same as those expected")
    return Check(
        "known answers",
        False,
        f"These known answers ({answers.short}) are not those expected: compare the scheme's "
        f"digest first (here {answers.scheme_digest[:16]}), which differs if the agreements do, "
        "then the versions below, then whether both have the same secret file.",
    )


def _require_digest(expect: str) -> None:
    digits = expect.replace(" ", "").replace("-", "").replace(":", "").lower()
    if len(digits) not in {32, 64} or not set(digits) <= set("0123456789abcdef"):
        raise InputError(
            "The expected digest isn't one: it has 32 hex digits as read out, or all 64; ask for "
            "it again."
        )
