"""Making the folder of a new matcher: its settings, its keys, its folder of encodings."""

from __future__ import annotations

import shutil
import socket
import tempfile
from pathlib import Path

from linkage.audit.failures import MalformedError
from linkage.audit.keys import Signer, VerifierKey
from linkage.errors import InputError
from matcher.config.identity_key import new_key_file
from matcher.config.loading import FILE_NAME
from matcher.config.log_key import create_signer, key_bytes
from matcher.config.settings import (
    MARKER_TEXT,
    OBJECTS_MARKER,
    UploadSettings,
    WorkerSettings,
)
from matcher.durable import sync_folder, write_new

KEY_NAME = "log.key"
IDENTITY_NAME = "identity.key"
OBJECTS_NAME = "objects"

_TEMPLATE = """\
# Settings of a Concord matcher. Relative paths start from this folder. A setting is overruled by a
# variable, [database] url by CONCORD_DATABASE_URL, and that by a command's flag if it has one.

[log]
# The public key of the log, which names it for good. Hand it to every agency and every data
# protection officer; they compare its fingerprint with you:
# {fingerprint}
verifier_key = "{verifier_key}"
# The private key that signs the log. Back it up apart from the database: whoever has it can forge
# the log, and without it the log can't go on.
key_file = "{key_name}"

[identity]
# The private keys by which this matcher is a party of agreements: with them it signs what it says
# of clusters. 'matcher identity' shows their public halves. Back them up apart from the database:
# whoever has them can sign as the matcher.
key_file = "{identity_name}"

[database]
# A file of this folder, or PostgreSQL: postgresql://USER@HOST/NAME. A password is best kept out of
# here, in the variable CONCORD_DATABASE_URL or in PostgreSQL's own password file.
url = "sqlite:///matcher.sqlite"

[objects]
# Where encodings and runs are kept: a folder, or s3://BUCKET/PREFIX. In a folder a file
# {objects_marker} says so; move it along with the others. For S3, credentials, region and endpoint
# come from the usual variables: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION,
# AWS_ENDPOINT_URL.
url = "{objects_name}"

[uploads]
# The largest file of encodings that is taken, in bytes, and the size of the parts it comes in.
most_bytes = {most_bytes}
part_size = {part_size}
# How many uploads an agency can have open at a time, and after how many days one that was never
# committed is given up.
most_open = {most_open}
days = {days}

[service]
# Where the matcher listens. Only this machine reaches 127.0.0.1; put a proxy with TLS before it.
host = "127.0.0.1"
port = 8400
# The address that agencies use, if it is another, as behind a proxy. Their signatures cover it.
# public_url = "https://matcher.example"
# How many requests a second a party may send on average, and how many at once after a pause.
requests_per_second = 50
burst = 200
# How many connections there may be at a time, and for how many seconds a body may be waited for.
connections = 400
body_seconds = 30

[worker]
# How many processes of 'matcher serve' link; 0 if 'matcher worker' does it, here or elsewhere. Each
# needs the memory of one linkage.
processes = {processes}
# How many threads of each compare records; 0 is one per core.
threads = {threads}
# After how many seconds without a sign of life a run is taken from its process by another.
lease_seconds = {lease_seconds}

[logging]
# What the service does, on standard error, one line an event: "json" for machines, "text" for
# people. From which level on: "debug", "info", "warning", "error". Never anybody's data.
format = "json"
level = "info"

[metrics]
# Who may read /metrics, for Prometheus: "loopback" are programs on this machine that ask the
# matcher itself and not through a proxy; "always" is everybody who reaches it; "never".
serve = "loopback"

[console]
# Whether the parties can sign in with a browser, by 'agency-client console', and see what they may.
enabled = true
"""


def default_log_name(folder: Path) -> str:
    """Return the name for the log of a folder if the operator gives none."""
    return f"{socket.gethostname()}/{folder.absolute().name}"


def plan_matcher(folder: Path, log_name: str) -> Signer:
    """Return a new key for the log of a folder, after all that could refuse it was asked.

    Raises `InputError` for a folder that holds something, or a name that no log can have.
    """
    if not folder.absolute().parent.is_dir():
        raise InputError(f"The folder {folder.absolute().parent} doesn't exist; make it first.")
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(f"{folder} is not a folder; choose another name.")
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty and nothing is overwritten; choose another.")
    try:
        return create_signer(log_name)
    except MalformedError as error:
        raise InputError(f"The log can't have the name {log_name!r}: {error}") from None


def create_matcher(folder: Path, signer: Signer) -> None:
    """Make the folder, whole or not at all, readable by its owner only.

    It is made beside its place and renamed, which fails if something has come to be there.
    """
    parent = folder.absolute().parent
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.absolute().name}.", dir=parent))
    try:
        write_new(draft / KEY_NAME, key_bytes(signer))
        write_new(draft / IDENTITY_NAME, new_key_file())
        write_new(draft / FILE_NAME, settings_text(signer.verifier).encode())
        (draft / OBJECTS_NAME).mkdir(mode=0o700)
        write_new(draft / OBJECTS_NAME / OBJECTS_MARKER, MARKER_TEXT)
        sync_folder(draft / OBJECTS_NAME)
        sync_folder(draft)
        draft.rename(folder.absolute())
        sync_folder(parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def settings_text(key: VerifierKey) -> str:
    """Return a ``matcher.toml`` with comments, for a log with this key."""
    # A name may hold quotes and backslashes, which TOML escapes as JSON does.
    verifier_key = str(key).replace("\\", "\\\\").replace('"', '\\"')
    return _TEMPLATE.format(
        fingerprint=key.fingerprint,
        verifier_key=verifier_key,
        key_name=KEY_NAME,
        identity_name=IDENTITY_NAME,
        objects_name=OBJECTS_NAME,
        objects_marker=OBJECTS_MARKER,
        **UploadSettings().model_dump(),
        **WorkerSettings().model_dump(),
    )


def create_identity(path: Path) -> None:
    """Make the file of new keys for a matcher that has none; raises `InputError` if it is there."""
    try:
        write_new(path, new_key_file())
    except FileExistsError:
        raise InputError(f"{path} is there already, and keys are never overwritten.") from None
    sync_folder(path.parent)
