"""The keystore: a folder that only its owner can enter, and in it the party's private keys.

::

    keystore/            0700
      keys.json          0600, under the passphrase: name, two seeds, a storage key
      agreements.json    0600, under the storage key: the newest version of each agreement
      secrets/           0700, each file 0600, under the storage key

Files are written beside their places and renamed, so that a process killed at any moment leaves
the old state or the new one.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass as message

from agency_client.keystore.wrapping import (
    KEY_BYTES,
    Argon2Parameters,
    require_sound,
    unwrap_with_passphrase,
    wrap_under_passphrase,
)
from agency_client.outputs import write_alone
from linkage.errors import InputError, PolicyError, VerificationError
from linkage.protocol.canonical import (
    canonical_json,
    decode_base64,
    encode_base64,
    parse_message,
)
from linkage.protocol.keys import SEED_BYTES, Identity, OpeningKey, PublicIdentity, SigningKey
from linkage.protocol.signing import PartyName

KEYS_FILE = "keys.json"
KEYS_KIND = "party-keys"
_FOLDER_MODE = 0o700


@message(frozen=True, repr=False, config=ConfigDict(extra="forbid", strict=True))
class _Keys:
    """What is wrapped: base64 of 32 bytes each."""

    name: PartyName
    opening_seed: str
    signing_seed: str
    storage_key: str


_KEYS = TypeAdapter(_Keys)
_NAME = TypeAdapter(PartyName)


@dataclass(frozen=True, repr=False)
class OpenKeystore:
    """A keystore whose passphrase was given: the party's keys, and the key of its other files."""

    folder: Path
    identity: Identity
    storage_key: bytes

    def __repr__(self) -> str:
        return f"OpenKeystore({str(self.folder)!r}, hidden)"


def create_keystore(
    folder: Path, name: str, passphrase: bytes, parameters: Argon2Parameters
) -> PublicIdentity:
    """Draw keys for a party and write them to a new keystore.

    Raises `PolicyError` where there is one already: its keys could not be had again.
    """
    refuse_existing(folder)
    require_name(name)
    seeds = [secrets.token_bytes(SEED_BYTES) for _ in range(2)]
    content = canonical_json(
        {
            "name": name,
            "signing_seed": encode_base64(seeds[0]),
            "opening_seed": encode_base64(seeds[1]),
            "storage_key": encode_base64(secrets.token_bytes(KEY_BYTES)),
        }
    )
    wrapped = wrap_under_passphrase(KEYS_KIND, content, passphrase, parameters)
    make_private_folder(folder)
    write_alone(folder / KEYS_FILE, wrapped)
    return Identity(name, SigningKey(seeds[0]), OpeningKey(seeds[1])).public


def open_keystore(folder: Path, passphrase: bytes) -> OpenKeystore:
    """Open a keystore, or raise `VerificationError` where it is damaged or not under this."""
    source = str(folder / KEYS_FILE)
    content = unwrap_with_passphrase(KEYS_KIND, _read(folder), source, passphrase)
    keys = parse_message(_KEYS, content, source)
    seeds = [_key(own, source) for own in (keys.signing_seed, keys.opening_seed)]
    identity = Identity(keys.name, SigningKey(seeds[0]), OpeningKey(seeds[1]))
    return OpenKeystore(folder, identity, _key(keys.storage_key, source))


def require_sound_keystore(folder: Path) -> None:
    """Raise a `LinkageError` where there is no keystore, or a damaged one; needs no passphrase."""
    require_sound(KEYS_KIND, _read(folder), str(folder / KEYS_FILE))


def refuse_existing(folder: Path) -> None:
    """Raise `PolicyError` where a keystore stands already."""
    if (folder / KEYS_FILE).exists():
        raise PolicyError(
            f"There is a keystore in {folder} already and keys are never overwritten; choose "
            "another folder with --keystore."
        )


def require_name(name: str) -> None:
    """Raise `InputError` unless a party may be called that."""
    try:
        _NAME.validate_python(name)
    except ValueError:
        raise InputError(
            f"{name!r} can't be a party's name: it begins with a letter and has at most 64 "
            "letters, digits, hyphens and underscores."
        ) from None


def make_private_folder(folder: Path) -> None:
    """Make a folder that only its owner can enter, or close the one that is there to others."""
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    folder.chmod(_FOLDER_MODE)


def _key(text: str, source: str) -> bytes:
    key = decode_base64(text, source)
    if len(key) != KEY_BYTES:
        raise VerificationError(f"{source} holds a key of another length; it was replaced.")
    return key


def _read(folder: Path) -> bytes:
    try:
        return (folder / KEYS_FILE).read_bytes()
    except FileNotFoundError:
        raise InputError(
            f"There is no keystore in {folder}; make one with 'agency-client init'."
        ) from None
