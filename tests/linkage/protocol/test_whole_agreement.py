"""All sections of an agreement: their rules, their canonical form, and who has signed."""

import json
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkage.errors import InputError, LinkageError, NotReadyError, PolicyError, VerificationError
from linkage.protocol.agreement import parse_agreement, parse_content
from linkage.protocol.binding import require_signable, require_successor, unsettled
from linkage.protocol.canonical import canonical_json
from linkage.protocol.cards import card_toml, parse_card
from linkage.protocol.differences import Difference, differences
from linkage.protocol.sections.disclosure import DisclosureRule
from linkage.protocol.signing import sign
from linkage.protocol.standing import (
    SIGNATURE_KIND,
    require_in_force,
    sign_agreement,
    standing,
    verify_agreement_signature,
)
from tests.linkage.protocol.agreements import (
    AGREEMENT,
    EXAMPLE,
    ROLES,
    SCHEME,
    TEXT,
    changed,
    parse,
    second,
)
from tests.linkage.protocol.parties import CARE, MATCHER, POLICE, identity

TODAY = date(2026, 6, 1)
SIGNATURES = {f"{own.name}.signed": sign_agreement(AGREEMENT, own) for own in ROLES}


def stand(signatures=SIGNATURES, today=TODAY, agreement=AGREEMENT, successor=None):
    return standing(agreement, signatures, today, successor)


def test_a_whole_agreement_can_be_signed():
    assert unsettled(AGREEMENT) == []
    assert AGREEMENT.names("agency") == ["police", "care", "health"]
    assert AGREEMENT.approvers == ("police", "care", "health")
    assert AGREEMENT.identity("care") == CARE.public


def test_the_canonical_form_reads_the_same_and_has_one_form():
    content = AGREEMENT.content()
    assert parse_content(content, "it") == AGREEMENT
    assert json.loads(content)["agreement"]["starts"] == "2026-01-01"
    table = json.loads(content)
    table["agreement"]["version"] = 1
    with pytest.raises(VerificationError, match="one form"):
        parse_content(canonical_json(table), "it")
    with pytest.raises(VerificationError, match="canonical"):
        parse_content(content + b"\n", "it")


def test_comments_and_order_do_not_change_the_digest():
    assert parse("# a comment\n" + TEXT).digest() == AGREEMENT.digest()
    moved = changed(('id = "trial"\ntitle = "A trial"', 'title = "A trial"\nid = "trial"'))
    assert parse(moved).digest() == AGREEMENT.digest()
    assert parse(changed(("quorum = 2", "quorum = 3"))).digest() != AGREEMENT.digest()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("ends = 2026-12-31", "ends = 2025-12-31", "ends before it starts"),
        ("ends = 2026-12-31", "ends = 2026-13-31", "not valid TOML"),
        ("ends = 2026-12-31", "ends = 'soon'", "agreement.ends"),
        ("quorum = 2", "quorum = 4", "protected_quorum can't be below"),
        ("protected_quorum = 3", "protected_quorum = 4", "can't be met by 3 approvers"),
        ("quorum = 2", 'quorum = 2\napprovers = ["police"]', "can't be met by 1"),
        ("quorum = 2", 'quorum = 2\napprovers = ["hub"]', "approvers names hub"),
        ("quorum = 2", "quorum = 0", "disclosure.quorum"),
        ('"hub"]\nquorum', '"care"]\nquorum', "recipients names care"),
        ('"given_name", "surname"]', '"shoe_size"]', "fields names shoe_size"),
        ('agencies = ["police"]', 'agencies = ["fire"]', "rule.agencies names fire"),
        ('category = "missing"', 'category = "lost"', "rule.category names lost"),
        ('category = "missing"', 'category = "sex.x"', "rule.category names sex.x"),
        ("least_agencies = 3", "least_agencies = 4", "asks for 4 of 3"),
        ("least_agencies = 3", "", "rule missing allows nothing that rule several doesn't"),
        ('name = "several"', 'name = "missing"', "stands twice"),
        ('roles = ["matcher"]', 'roles = ["matcher", "agency"]', "can't be matcher and agency"),
        ('roles = ["analyst"]', 'roles = ["analyst", "recipient"]', "analyst and recipient"),
        ('roles = ["dpo"]', "roles = []", "at least one role"),
        ('roles = ["dpo"]', 'roles = ["chair"]', "party.6.roles"),
        ('coarsen = "year"', 'coarsen = "outward_postcode"', "can't be coarsened"),
        (', coarsen = "year"', "", "is made coarse"),
        ('vocabulary = "sex"', 'vocabulary = "gender"', "no vocabulary gender"),
        (', vocabulary = "sex"', "", "category has a vocabulary"),
        ("born = {", "person = {", "can't be named person"),
        ("born = {", "District = {", "can't be named District"),
        ('missing = { date = "month" }', 'sex = { date = "month" }', "an attribute and an event"),
        (
            "[disclosure]", "[payload.associations]\nmissing = {}\n\n[disclosure]",
            "an event and an association",
        ),
        (
            "[disclosure]", '[payload.associations]\nsex = { date = "day" }\n\n[disclosure]',
            "an attribute and an association",
        ),
        ("encodings_days = 100", "encodings_days = 0", "retention.encodings_days"),
        ("[retention]", "[retention]\nfor_ever = true", "not a known setting"),
        ("[disclosure]", "[disclosure]\nhurry = true", "not a known setting"),
        ('purpose_codes = ["safeguarding"]', 'purpose_codes = ["a", "a"]', "twice"),
        ('title = "A trial"', 'title = "A trial"\nepoch = 2', "epoch can't be above"),
        ('title = "A trial"', f'title = "A trial"\nprevious = "{"0" * 64}"', "no previous"),
        (str(CARE.public.signing_key), str(POLICE.public.signing_key), "the same key"),
        (str(CARE.public.signing_key), "ed25519:AAAA", "party.1.signing_key"),
        (f'sealing_key = "{CARE.public.sealing_key}"\n', "", "needs both keys"),
    ],
)  # fmt: skip
def test_contradictions_are_refused(old, new, complaint):
    with pytest.raises(InputError) as caught:
        parse(changed((old, new)))
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_associations_and_place_tokens_are_signed_only_where_they_are_used():
    assert b"association" not in AGREEMENT.content()
    assert b"place_tokens" not in AGREEMENT.content()
    extra = '[payload.associations]\ntogether = { date = "month" }\n\n[disclosure]'
    assert (
        b'"associations":{"together":{"date":"month"}}'
        in parse(changed(("[disclosure]", extra))).content()
    )


def test_unused_vocabularies_are_refused():
    extra = '[payload.vocabularies.risk]\nversion = "1"\nterms = { high = "high" }\n\n[disclosure]'
    with pytest.raises(InputError, match="nothing uses the vocabulary risk"):
        parse(changed(("[disclosure]", extra)))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('lawful_basis = "A law."', ""), "agreement.lawful_basis is missing"),
        (("ends = 2026-12-31", ""), "agreement.ends is missing"),
        (('purpose_codes = ["safeguarding"]', ""), "purpose_codes is empty"),
        (('title = "A trial"', 'title = "A trial"\nversion = 2'), "agreement.previous"),
        (('roles = ["matcher"]', 'roles = ["dpo"]'), "one party has the role matcher"),
        (('roles = ["dpo"]', 'roles = ["agency"]'), "role dpo"),
        (('roles = ["analyst"]', 'roles = ["dpo"]'), "nobody with the role analyst"),
        (("payload_days = 100", ""), "payload_days is missing"),
        (
            (
                f'signing_key = "{CARE.public.signing_key}"\n'
                f'sealing_key = "{CARE.public.sealing_key}"\n', ""
            ), "no keys of care",
        ),
    ],
)  # fmt: skip
def test_what_is_left_to_settle_is_named_and_stops_signing(change, complaint):
    agreement = parse(changed(change))
    assert any(complaint in sentence for sentence in unsettled(agreement))
    with pytest.raises(PolicyError, match="can't be signed as it is"):
        require_signable(agreement)
    with pytest.raises(PolicyError):
        sign_agreement(agreement, POLICE)


def test_an_offline_agreement_runs_and_cannot_be_signed():
    agreement = parse(EXAMPLE)
    agreement.require_party("police")
    found = " ".join(unsettled(agreement))
    for missing in ("purpose", "starts", "[retention]", "matcher", "dpo", "keys of education"):
        assert missing in found


def test_only_agencies_may_encode():
    with pytest.raises(InputError, match="'matcher' is not a party"):
        AGREEMENT.require_party("matcher")


def test_in_force_only_when_all_have_signed():
    assert stand().state == "in force"
    require_in_force(AGREEMENT, stand())
    for absent in SIGNATURES:
        some = {name: own for name, own in SIGNATURES.items() if name != absent}
        found = stand(some)
        assert found.state == "unsigned"
        assert found.missing == (absent.removesuffix(".signed"),)
        with pytest.raises(NotReadyError, match=f"signature of {found.missing[0]}"):
            require_in_force(AGREEMENT, found)


@pytest.mark.parametrize(
    ("today", "state", "error"),
    [
        (date(2025, 12, 31), "not yet", NotReadyError),
        (date(2026, 1, 1), "in force", None),
        (date(2026, 12, 31), "in force", None),
        (date(2027, 1, 1), "ended", PolicyError),
    ],
)
def test_in_force_only_between_its_dates(today, state, error):
    found = stand(today=today)
    assert found.state == state
    if error:
        with pytest.raises(error):
            require_in_force(AGREEMENT, found)


def test_nobody_signs_a_trial_into_force():
    dated = "version = 1\nstarts = 2026-01-01\nends = 2026-12-31"
    alone = parse(f'[agreement]\nid = "a"\ntitle = "A"\n{dated}\n{SCHEME}')
    for agreement in (alone, parse(EXAMPLE)):
        assert stand({}, agreement=agreement).state == "unsigned"
    with pytest.raises(NotReadyError, match="everybody"):
        require_in_force(alone, stand({}, agreement=alone))


def test_what_nobody_should_have_signed_is_not_in_force():
    loose = parse(changed(('lawful_basis = "A law."', "")))
    signatures = {own.name: sign(SIGNATURE_KIND, loose.content(), own) for own in ROLES}
    found = stand(signatures, agreement=loose)
    assert found.state == "in force"
    with pytest.raises(PolicyError, match="lawful_basis is missing"):
        require_in_force(loose, found)


@pytest.mark.parametrize(
    ("rule", "other", "covers"),
    [
        ({}, {}, True),
        ({}, {"least_agencies": 3, "agencies": ("a",), "category": "c"}, True),
        ({"least_agencies": 3}, {}, False),
        ({"agencies": ("a",)}, {}, False),
        ({"agencies": ("a",)}, {"agencies": ("a", "b")}, True),
        ({"category": "c"}, {}, False),
        ({"category": "c"}, {"category": "d"}, False),
        ({"category": "c"}, {"category": "c", "least_agencies": 4}, True),
    ],
)
def test_a_rule_covers_another_if_it_asks_for_no_more(rule, other, covers):
    assert DisclosureRule("r", **rule).covers(DisclosureRule("o", **other)) == covers


def test_a_signature_under_another_version_is_refused():
    later = parse(second(("link = 0.5", "link = 0.6")))
    other = sign_agreement(later, CARE)
    with pytest.raises(VerificationError, match=r"care\.signed.*'care'.*step 7"):
        stand({**SIGNATURES, "care.signed": other})
    with pytest.raises(VerificationError, match="step 7"):
        stand(agreement=later)


def test_signatures_of_strangers_and_of_other_kinds_are_refused():
    mallory = identity("mallory", 99)
    forged = sign(SIGNATURE_KIND, AGREEMENT.content(), mallory)
    with pytest.raises(VerificationError, match=r"'mallory'.*step 4"):
        verify_agreement_signature(forged, "mallory.signed", AGREEMENT)
    upload = sign("upload", AGREEMENT.content(), POLICE)
    with pytest.raises(VerificationError, match="step 3"):
        verify_agreement_signature(upload, "police.signed", AGREEMENT)
    with pytest.raises(PolicyError, match="other keys for 'police'"):
        sign_agreement(AGREEMENT, identity("police", 98))
    with pytest.raises(InputError, match="no party 'mallory'"):
        sign_agreement(AGREEMENT, mallory)


def test_a_party_that_signs_twice_counts_once():
    found = stand({"a": SIGNATURES["police.signed"], "b": SIGNATURES["police.signed"]})
    assert found.signed == ("police",)


def test_a_version_follows_its_predecessor_by_digest():
    later = parse(second())
    require_successor(later, AGREEMENT)
    assert stand(successor=later).state == "replaced"
    with pytest.raises(PolicyError, match="replaced by a later version"):
        require_in_force(AGREEMENT, stand(successor=later))
    for change, complaint in (
        (("version = 2", "version = 3"), "version 3 and not 2"),
        (('id = "trial"', 'id = "other"'), "the id 'other'"),
        ((AGREEMENT.digest(), "0" * 64), "its previous is not"),
        (("version = 2", "version = 3\nepoch = 3"), "epoch is 3 after 1"),
    ):
        with pytest.raises(PolicyError, match=complaint):
            require_successor(parse(second(change)), AGREEMENT)
    stranger = parse(second((AGREEMENT.digest(), "0" * 64)))
    assert stand(successor=stranger).state == "in force"


def test_differences_are_named_by_their_places():
    later = parse(
        second(
            ("link = 0.5", "link = 0.6"),
            ('name = "several"', 'name = "many"'),
            ("payload_days = 100\n", "payload_days = 50\n"),
            (str(CARE.public.signing_key), str(identity("care", 7).public.signing_key)),
        )
    )
    found = {change.place: change for change in differences(AGREEMENT, later)}
    assert found["matching.link"] == Difference("matching.link", "0.5", "0.6")
    assert found["retention.payload_days"] == Difference("retention.payload_days", "100", "50")
    assert set(found) == {
        "agreement.previous", "agreement.version", "disclosure.rule.many.least_agencies",
        "disclosure.rule.many.name", "disclosure.rule.several.least_agencies",
        "disclosure.rule.several.name", "matching.link", "party.care.signing_key",
        "retention.payload_days",
    }  # fmt: skip
    assert differences(AGREEMENT, AGREEMENT) == []


def test_a_difference_deep_in_a_long_text_is_seen():
    long = "x" * 300
    one = parse(changed(("To find children", f"{long} To find children")))
    other = parse(changed(("To find children", f"{long} To find adults")))
    (change,) = differences(one, other)
    assert "children" in change.before
    assert "adults" in change.after
    assert len(change.before) < 80


def test_cards():
    assert parse_card(card_toml(POLICE.public), "card") == POLICE.public
    assert card_toml(MATCHER.public) in f"{card_toml(MATCHER.public)}"
    for text in ("", "[[party]]", card_toml(POLICE.public) * 2, "party = 1", "a = [" * 5000):
        with pytest.raises(InputError):
            parse_card(text, "card")


LINES = TEXT.splitlines()


@given(
    st.integers(0, len(LINES) - 1), st.text(max_size=40), st.sampled_from(["drop", "line", "end"])
)
def test_any_changed_agreement_is_read_or_refused(at, text, how):
    lines = list(LINES)
    if how == "drop":
        del lines[at]
    else:
        lines[at] = text if how == "line" else lines[at] + text
    try:
        agreement = parse_agreement("\n".join(lines), "agreement.toml")
    except LinkageError:
        return
    content = agreement.content()
    assert parse_content(content, "it") == agreement


TABLE = json.loads(AGREEMENT.content())
VALUES = st.none() | st.integers() | st.text(max_size=9) | st.lists(st.integers(), max_size=2)


@given(st.data())
def test_any_changed_canonical_agreement_is_read_or_refused(data):
    table = json.loads(AGREEMENT.content())
    section = data.draw(st.sampled_from(sorted(table)))
    inner = table[section] if isinstance(table[section], dict) else table[section][0]
    inner[data.draw(st.sampled_from(sorted(inner)))] = data.draw(VALUES)
    with suppress(LinkageError):
        parse_content(canonical_json(table), "it")
