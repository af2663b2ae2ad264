"""matcher.toml: what is read, what is refused, and what never shows."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from linkage.audit.keys import parse_verifier_key
from linkage.errors import InputError, PolicyError, VerificationError
from matcher.config import creation
from matcher.config.creation import create_matcher, plan_matcher
from matcher.config.loading import FILE_NAME, load_settings
from matcher.config.log_key import read_signer
from tests.linkage.audit.made_up import LOG, WITNESSES

NAME = "concord.example/north-east"
SECRET = "hunter2-of-the-database"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "service"
    create_matcher(folder, plan_matcher(folder, NAME))
    return folder


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / FILE_NAME
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_what_init_writes_is_read_back(folder: Path):
    settings = load_settings(folder, {}, {})
    assert settings.log_key.name == NAME
    assert settings.database_url.database == str(folder / "matcher.sqlite")
    assert settings.objects_folder.is_dir()
    signer = read_signer(settings.log_key_file, settings.log_key)
    signer.verifier.verify(signer.private.sign(b"x"), b"x")


def test_only_the_owner_can_read_it(folder: Path):
    modes = {path.name: path.stat().st_mode & 0o777 for path in [folder, *folder.iterdir()]}
    keys = {"log.key": 0o600, "identity.key": 0o600}
    assert modes == {"service": 0o700, **keys, FILE_NAME: 0o600, "objects": 0o700}


def test_two_logs_have_different_keys(tmp_path: Path):
    keys = {plan_matcher(tmp_path / "new", NAME).verifier.public for _ in range(5)}
    assert len(keys) == 5


def test_a_name_with_quotes_survives_toml(tmp_path: Path):
    name = 'north"east\\{0}'
    folder = tmp_path / "new"
    create_matcher(folder, plan_matcher(folder, name))
    assert load_settings(folder, {}, {}).log_key.name == name


def test_the_comments_show_the_fingerprint(folder: Path):
    text = (folder / FILE_NAME).read_text(encoding="utf-8")
    key = parse_verifier_key(tomllib.loads(text)["log"]["verifier_key"])
    assert key.fingerprint in text


def test_variables_overrule_the_file_and_flags_the_variables(folder: Path):
    environ = {"CONCORD_DATABASE_URL": "sqlite:////a/b.sqlite", "CONCORD_DEBUG": "1"}
    assert load_settings(folder, environ, {}).database_url.database == "/a/b.sqlite"
    flags = {"database.url": "sqlite:///c.sqlite"}
    database = load_settings(folder, environ, flags).database_url.database
    assert database == str(folder / "c.sqlite")


def test_postgresql_gets_the_driver_that_is_used(folder: Path):
    environ = {"CONCORD_DATABASE_URL": "postgresql://u@db.example/concord"}
    url = load_settings(folder, environ, {}).database_url
    assert (url.drivername, url.host) == ("postgresql+psycopg", "db.example")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[objects]", "[objekts]", "[objects]"),
        ("key_file =", "keyfile =", "log.keyfile is not a setting; there are verifier_key"),
        ("[log]", "debug = true\n[log]", "debug stands outside"),
        ("verifier_key =", "# verifier_key =", "log.verifier_key is missing"),
        ('url = "objects"', "url = 3", "objects.url is wrong"),
        ('url = "objects"', 'url = "s3://b"', "objects.url must be a folder"),
        ('url = "sqlite:///matcher.sqlite"', 'url = "sqlite://"', "must name a file"),
        ('url = "sqlite:///matcher.sqlite"', 'url = "sqlite:///:memory:"', "must name a file"),
        ('url = "sqlite:///matcher.sqlite"', 'url = "mysql://x/y"', "must begin with"),
        ('url = "sqlite:///matcher.sqlite"', 'url = "matcher.sqlite"', "must be a URL"),
        ("[log]", "[log", "is not TOML"),
        (NAME, "concord.example/elsewhere", "its key ID doesn't fit"),
    ],
)
def test_what_is_wrong_is_named(folder: Path, old: str, new: str, said: str):
    edit(folder, old, new)
    with pytest.raises(InputError) as refused:
        load_settings(folder, {}, {})
    assert said in str(refused.value)


def test_a_witnesss_key_is_no_logs(folder: Path):
    with pytest.raises(InputError, match=r"flag for log\.verifier_key must be the key of a log"):
        load_settings(folder, {}, {"log.verifier_key": str(WITNESSES[0].verifier)})


def test_a_variable_that_is_no_setting_is_refused_by_its_name(folder: Path):
    with pytest.raises(InputError, match=r"^CONCORD_DATABASE_ULR is not a setting"):
        load_settings(folder, {"CONCORD_DATABASE_ULR": SECRET}, {})


def test_a_missing_file_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(InputError, match="matcher init"):
        load_settings(tmp_path, {}, {})


def test_text_that_is_not_utf_8_is_refused(folder: Path):
    (folder / FILE_NAME).write_bytes(b"\xff")
    with pytest.raises(InputError, match="UTF-8"):
        load_settings(folder, {}, {})


@pytest.mark.parametrize("scheme", ["postgresql", "mysql", "sqlite", "postgresql+psycopg:"])
def test_the_password_shows_in_no_repr_and_no_error(folder: Path, scheme: str):
    environ = {"CONCORD_DATABASE_URL": f"{scheme}://u:{SECRET}@db.example/concord"}
    if scheme != "postgresql":
        with pytest.raises(InputError) as refused:
            load_settings(folder, environ, {})
        assert SECRET not in f"{refused.value}{refused.value!r}{refused.value.__cause__}"
        return
    settings = load_settings(folder, environ, {})
    assert settings.database_url.password == SECRET
    shown = f"{settings!r}{settings}{settings.database_url!r}{settings.sections.model_dump()}"
    assert SECRET not in shown


def test_no_setting_that_is_refused_shows_its_value(folder: Path):
    for name in ("LOG_VERIFIER_KEY", "DATABASE_URL", "DATABASE_PASSWORD", "LOG_SECRET"):
        with pytest.raises(InputError) as refused:
            load_settings(folder, {f"CONCORD_{name}": SECRET}, {})
        assert SECRET not in str(refused.value)


def test_a_key_that_others_may_read_is_refused(folder: Path):
    settings = load_settings(folder, {}, {})
    settings.log_key_file.chmod(0o640)
    with pytest.raises(PolicyError, match="chmod 600"):
        read_signer(settings.log_key_file, settings.log_key)


def test_another_logs_key_is_refused(folder: Path):
    with pytest.raises(VerificationError, match="not that of the log"):
        read_signer(folder / "log.key", LOG.verifier)


@pytest.mark.parametrize("kind", ["nothing", "x25519", "words"])
def test_a_file_without_an_ed25519_key_is_refused(folder: Path, kind: str):
    other = X25519PrivateKey.generate()
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "log.key").write_bytes({"nothing": b"", "x25519": pem, "words": b"a key"}[kind])
    with pytest.raises(InputError, match="no Ed25519 key"):
        read_signer(folder / "log.key", load_settings(folder, {}, {}).log_key)


def test_nothing_is_overwritten(folder: Path):
    before = (folder / "log.key").read_bytes()
    with pytest.raises(InputError, match="not empty"):
        plan_matcher(folder, NAME)
    with pytest.raises(OSError, match="not empty"):
        create_matcher(folder, LOG)
    assert (folder / "log.key").read_bytes() == before


def test_an_empty_folder_will_do(tmp_path: Path):
    folder = tmp_path / "new"
    folder.mkdir(mode=0o755)
    create_matcher(folder, plan_matcher(folder, NAME))
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["", "two words", "a+b", "x" * 129, "ü"])
def test_names_that_no_log_can_have(tmp_path: Path, name: str):
    with pytest.raises(InputError, match="can't have the name"):
        plan_matcher(tmp_path / "new", name)


def test_a_file_and_a_missing_parent_are_refused(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is not a folder"):
        plan_matcher(tmp_path / "file", NAME)
    with pytest.raises(InputError, match="doesn't exist"):
        plan_matcher(tmp_path / "none" / "new", NAME)


@pytest.mark.parametrize("step", ["write_new", "sync_folder"])
def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str):
    def fail(*_arguments: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(creation, step, fail)
    with pytest.raises(OSError, match="No space"):
        create_matcher(tmp_path / "new", LOG)
    assert not list(tmp_path.iterdir())
