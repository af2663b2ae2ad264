"""The settings of a matcher, and which values they may have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    SecretStr,
    model_validator,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from linkage.audit.failures import LogError
from linkage.audit.keys import SignatureType, VerifierKey, parse_verifier_key
from linkage.protocol.upload import MOST_PARTS

_PUBLIC_URL = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?")
SQLITE = "sqlite"
POSTGRESQL = "postgresql+psycopg"
_BUCKET = re.compile(
    r"s3://(?P<name>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>[A-Za-z0-9_-][A-Za-z0-9._/-]*))?"
)
MOST_PART = 64 * 2**20
_DRIVERS = {SQLITE: SQLITE, "postgresql": POSTGRESQL, POSTGRESQL: POSTGRESQL}


def _log_key(text: object) -> VerifierKey:
    if not isinstance(text, str):
        raise ValueError("must be a verifier key in text form")  # noqa: TRY004 - pydantic's
    try:
        key = parse_verifier_key(text)
    except LogError as error:
        raise ValueError(str(error)) from None
    if key.type is not SignatureType.LOG:
        raise ValueError("must be the key of a log, not of a witness")
    return key


def parse_url(text: str) -> URL:
    """Parse a database URL; raises `ValueError` that holds nothing of it."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError("must be a URL such as sqlite:///matcher.sqlite") from None
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise ValueError("must begin with sqlite:// or postgresql://")
    if driver == SQLITE and (url.database in {None, "", ":memory:"} or url.host or url.query):
        raise ValueError("must name a file, as sqlite:///matcher.sqlite does, and nothing else")
    return url.set(drivername=driver)


def _require_database_url(secret: SecretStr) -> SecretStr:
    parse_url(secret.get_secret_value())
    return secret


def _objects_place(text: str) -> str:
    if "://" in text and not _BUCKET.fullmatch(text):
        raise ValueError("must be a folder of this machine or s3://BUCKET/PREFIX")
    return text


def _whole(value: object) -> object:
    """Let a variable or a flag, which is text, stand for a whole number."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:18])
    return value


def _yes_or_no(value: object) -> object:
    """Let a variable, which is text, stand for a boolean."""
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


_Whole = Annotated[int, BeforeValidator(_whole)]


def _http_url(text: str | None) -> str | None:
    """Raise `ValueError` unless it is the beginning of the address of every endpoint."""
    if text is not None and not _PUBLIC_URL.fullmatch(text):
        raise ValueError("must be a URL such as https://matcher.example, without a path or a slash")
    return text


OBJECTS_MARKER = ".concord-objects"
"""The file that a folder of objects has: without it, its disk is missing or the path is wrong."""
MARKER_TEXT = b"A Concord matcher keeps its encodings and runs in this folder.\n"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class LogSettings(_Section):
    """Whose log it is, and the file of the key that signs it."""

    verifier_key: Annotated[InstanceOf[VerifierKey], BeforeValidator(_log_key)]
    key_file: Annotated[str, Field(min_length=1)] = "log.key"


class IdentitySettings(_Section):
    """The file of the keys by which the matcher is a party of agreements."""

    key_file: Annotated[str, Field(min_length=1)] = "identity.key"


class DatabaseSettings(_Section):
    """Where the state is kept. The URL may hold a password."""

    url: Annotated[SecretStr, AfterValidator(_require_database_url)] = SecretStr(
        "sqlite:///matcher.sqlite"
    )


class ObjectSettings(_Section):
    """Where encodings are kept: a folder of this machine, or ``s3://BUCKET/PREFIX``."""

    url: Annotated[str, Field(min_length=1), AfterValidator(_objects_place)] = "objects"


class UploadSettings(_Section):
    """What an upload may be.

    ``most_bytes`` of a whole file, ``part_size`` in bytes of all its parts but the last;
    ``most_open`` uploads of one agency at a time, each given up when it is ``days`` old.
    """

    most_bytes: Annotated[_Whole, Field(ge=1, le=2**40)] = 4 * 2**30
    part_size: Annotated[_Whole, Field(ge=2**16, le=MOST_PART)] = 8 * 2**20
    most_open: Annotated[_Whole, Field(ge=1, le=100)] = 3
    days: Annotated[_Whole, Field(ge=1, le=365)] = 7

    @model_validator(mode="after")
    def _few_enough_parts(self) -> Self:
        if self.most_bytes > MOST_PARTS * self.part_size:
            raise ValueError(
                f"part_size must be larger, so that most_bytes make at most {MOST_PARTS:,} parts"
            )
        return self


class ServiceSettings(_Section):
    """Where the matcher is reached, and how much it takes at a time."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[_Whole, Field(ge=1, le=65535)] = 8400
    public_url: Annotated[str | None, AfterValidator(_http_url)] = None
    requests_per_second: Annotated[_Whole, Field(ge=1, le=10_000)] = 50
    burst: Annotated[_Whole, Field(ge=1, le=10_000)] = 200
    connections: Annotated[_Whole, Field(ge=1, le=10_000)] = 400
    body_seconds: Annotated[_Whole, Field(ge=1, le=3600)] = 30

    @property
    def address(self) -> str:
        """The URL that callers use, which their signatures cover: scheme, host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"


class WorkerSettings(_Section):
    """How runs are carried out.

    ``processes`` that ``matcher serve`` starts, each of which compares on ``threads`` (0: one per
    core); a run is taken from one that hasn't been heard of for ``lease_seconds``.
    """

    processes: Annotated[_Whole, Field(ge=0, le=64)] = 1
    threads: Annotated[_Whole, Field(ge=0, le=1024)] = 0
    lease_seconds: Annotated[_Whole, Field(ge=5, le=3600)] = 60


class LoggingSettings(_Section):
    """How the service says what it does, on standard error."""

    format: Literal["json", "text"] = "json"
    level: Literal["debug", "info", "warning", "error"] = "info"


class MetricsSettings(_Section):
    """Who may read ``/metrics``: callers on this machine that no proxy stands for, all, nobody."""

    serve: Literal["loopback", "always", "never"] = "loopback"


class ConsoleSettings(_Section):
    """Whether the matcher serves the console, to be read in a browser, beside its API."""

    enabled: Annotated[bool, BeforeValidator(_yes_or_no)] = True


class Sections(_Section):
    """What stands in ``matcher.toml``."""

    log: LogSettings
    identity: IdentitySettings = IdentitySettings()
    database: DatabaseSettings = DatabaseSettings()
    objects: ObjectSettings = ObjectSettings()
    uploads: UploadSettings = UploadSettings()
    service: ServiceSettings = ServiceSettings()
    worker: WorkerSettings = WorkerSettings()
    logging: LoggingSettings = LoggingSettings()
    metrics: MetricsSettings = MetricsSettings()
    console: ConsoleSettings = ConsoleSettings()


@dataclass(frozen=True)
class Settings:
    """The settings of the matcher in a folder, to which relative paths belong."""

    folder: Path
    sections: Sections

    @property
    def log_key(self) -> VerifierKey:
        """The public key of the log."""
        return self.sections.log.verifier_key

    @property
    def log_key_file(self) -> Path:
        """The file of the log's private key."""
        return self.folder / self.sections.log.key_file

    @property
    def identity_key_file(self) -> Path:
        """The file of the matcher's own keys."""
        return self.folder / self.sections.identity.key_file

    @property
    def objects_folder(self) -> Path:
        """The folder of objects, where they are kept in one."""
        return self.folder / self.sections.objects.url

    @property
    def objects_bucket(self) -> tuple[str, str] | None:
        """The bucket of objects and the prefix in it, where they are kept in one."""
        found = _BUCKET.fullmatch(self.sections.objects.url)
        return None if found is None else (found["name"], found["prefix"] or "")

    @property
    def service(self) -> ServiceSettings:
        """Where the matcher is reached, and how much it takes at a time."""
        return self.sections.service

    @property
    def work_folder(self) -> Path:
        """The folder that runs are worked in."""
        return self.folder / "work"

    @property
    def database_url(self) -> URL:
        """The database, with the driver that is used and an absolute path if it is a file."""
        url = parse_url(self.sections.database.url.get_secret_value())
        if url.drivername != SQLITE or url.database is None:
            return url
        return url.set(database=str((self.folder / url.database).absolute()))
