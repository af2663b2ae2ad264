"""The matcher's own keys: made once, for its owner alone, and shown by their public halves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from linkage.errors import InputError, PolicyError
from linkage.protocol.cards import parse_card
from matcher.config.identity_key import PartyKeys, new_key_file, parse_keys, read_keys
from tests.linkage.protocol.agreements import AGREEMENT, TEXT, parse
from tests.linkage.protocol.parties import MATCHER, POLICE


@pytest.fixture
def folder(tmp_path: Path, matcher) -> Path:
    folder = tmp_path / "service"
    assert matcher("init", folder, "--log-name", "concord.example/north-east")[0] == 0
    return folder


def test_what_was_made_is_read_back():
    content = new_key_file()
    one, other = parse_keys(content, "it"), parse_keys(content, "it")
    assert one.named("hub").public == other.named("hub").public
    assert parse_keys(new_key_file(), "it").named("hub").public != one.named("hub").public
    assert "hidden" in repr(one)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content[:-1],
        lambda content: content + b" ",
        lambda content: content.replace(b"concord.party-keys/1", b"concord.party-keys/2"),
        lambda content: content.replace(b'"signing":"', b'"signing":"AAAA'),
        lambda _: b"",
    ],
)
def test_what_holds_no_keys_is_refused_without_showing_it(change):
    content = new_key_file()
    with pytest.raises(InputError, match="put them back from your copy") as refused:
        parse_keys(change(content), "identity.key")
    assert json.loads(content)["signing"] not in str(refused.value)


def test_keys_that_others_may_read_are_refused(tmp_path: Path):
    path = tmp_path / "identity.key"
    assert read_keys(path) is None
    path.write_bytes(new_key_file())
    path.chmod(0o640)
    with pytest.raises(PolicyError, match="chmod 600"):
        read_keys(path)
    path.chmod(0o600)
    assert read_keys(path) is not None


def test_an_agreement_says_which_party_the_matcher_is():
    own = PartyKeys(MATCHER.signing_key, MATCHER.opening_key)
    found = own.matcher_of(AGREEMENT)
    assert found is not None
    assert found.public == MATCHER.public
    for keys in (
        PartyKeys(POLICE.signing_key, POLICE.opening_key),
        PartyKeys(MATCHER.signing_key, POLICE.opening_key),
    ):
        assert keys.matcher_of(AGREEMENT) is None


def test_identity_prints_a_card_and_admit_signs_with_it(folder: Path, matcher, tmp_path: Path):
    code, card, _ = matcher("identity", folder)
    assert code == 0
    public = parse_card(card, "the card")
    said = json.loads(matcher("identity", folder, "--name", "matcher", "--format", "json")[1])
    assert (said["name"], said["fingerprint"]) == ("matcher", public.fingerprint)
    text = TEXT.replace(str(MATCHER.public.signing_key), str(public.signing_key))
    path = tmp_path / "agreement.toml"
    path.write_text(text.replace(str(MATCHER.public.sealing_key), str(public.sealing_key)))
    assert matcher("migrate", folder)[0] == 0
    code, out, _ = matcher("admit", folder, path, "--format", "json")
    assert (code, json.loads(out)["signatures"]) == (0, ["matcher"])
    own = read_keys(folder / "identity.key").matcher_of(parse(path.read_text()))
    assert own is not None


def test_a_matcher_without_keys_says_how_to_get_some(folder: Path, matcher):
    (folder / "identity.key").unlink()
    code, out, err = matcher("identity", folder)
    assert (code, out) == (1, "")
    assert "--make" in err
    code, card, _ = matcher("identity", folder, "--make")
    assert code == 0
    assert matcher("identity", folder)[1] == card
    assert (folder / "identity.key").stat().st_mode & 0o777 == 0o600
    code, _, err = matcher("identity", folder, "--make")
    assert code == 1
    assert "never overwritten" in err
    assert matcher("identity", folder)[1] == card
