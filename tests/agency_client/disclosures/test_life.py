"""A disclosure from the proposal to what is given back, over the commands of every party."""

from __future__ import annotations

import csv
import json
import stat
from dataclasses import replace

import pytest
from click.testing import CliRunner

from agency_client.cli import cli
from agency_client.cli.disclosures import disclosures
from agency_client.disclosures import moving, proposing
from agency_client.disclosures.proposing import Wish, all_clusters, draft, propose
from agency_client.disclosures.reading import read_disclosure
from linkage.errors import InputError, MissingError, NotReadyError, PolicyError, VerificationError
from tests.agency_client.disclosures.scene import ONE, THREE, TWO, Scene

WHY = "Missing together with a child at high risk."
DAY = 86_400


def wish(*clusters, **changes):
    chosen = dict.fromkeys(clusters or (ONE,), "several")
    return Wish(**({"clusters": chosen, "reference": "MACE 12", "necessity": WHY} | changes))


def proposed(scene: Scene, *clusters, **changes) -> str:
    analyst = scene.office("analyst")
    return propose(analyst, draft(analyst, wish(*clusters, **changes))).case.digest


def approved(scene: Scene, *clusters, **changes) -> str:
    digest = proposed(scene, *clusters, **changes)
    for party in ("police", "care"):
        office = scene.office(party)
        moving.approve(office, read_disclosure(office, digest).case)
    return digest


def released(scene: Scene, *clusters, by=("police", "care", "health")) -> str:
    digest = approved(scene, *clusters)
    for agency in by:
        done = scene.run(agency, "release", digest[:8], *files(scene, agency), "--yes")
        assert done.exit_code == 0, done.output
    return digest


def files(scene: Scene, agency: str) -> tuple:
    return (
        "--extract", scene.extract(agency), "--map", scene.own_map(agency),
        "--columns", scene.folder / "columns.toml",
    )  # fmt: skip


def done(found):
    assert found.exit_code == 0, found.output
    return found


def test_a_whole_disclosure_by_commands(scene: Scene):
    listed = json.loads(done(scene.run("analyst", "clusters", "--format", "json")).stdout)
    assert [entry["cluster"] for entry in listed] == [ONE, TWO, THREE]
    asked = done(
        scene.run(
            "analyst", "propose", "--cluster", f"{ONE}=several", "--cluster", f"{TWO}=several",
            "--reference", "MACE 12", "--necessity", WHY, "--yes", "--format", "json",
        )
    )  # fmt: skip
    told = json.loads(asked.stdout)
    digest = told["id"]
    assert (told["state"], told["expires"] - told["proposed"]) == ("proposed", 30 * DAY)
    assert told["clusters"][0]["holders"] == {"care": 1, "health": 1, "police": 1}
    assert "approved" in done(scene.run("police", "approve", digest[:8], "--yes")).stdout
    reason = ("--reason", "The family is supported already.")
    done(scene.run("health", "refuse", digest[:8], *reason, "--yes"))
    early = scene.run("police", "release", digest[:8], *files(scene, "police"), "--yes")
    assert (early.exit_code, "1 of 2 approvals" in early.stderr) == (75, True)
    asked = scene.run("care", "approve", digest[:8])
    assert (asked.exit_code, "2 records of yours" in asked.stderr) == (1, True)
    done(scene.run("care", "approve", digest[:8], "--yes"))
    for agency in ("police", "care"):
        left = done(scene.run(agency, "release", digest[:8], *files(scene, agency), "--yes"))
        assert f"record {agency}-1: given_name 'A" in left.stderr
        assert "Bystander" not in left.output

    opened = done(scene.run("hub", "open", digest[:8], "--out", scene.folder / "opened")).stdout
    assert "2 tables" in opened

    reason = ("--reason", "Two people were taken for one.", "--cluster", ONE[:8])
    done(scene.run("care", "recall", digest[:8], *reason, "--yes"))
    shown = json.loads(done(scene.run("analyst", "show", digest[:8], "--format", "json")).stdout)
    assert (shown["state"], shown["outstanding"]) == ("recalled", ["hub"])
    assert [own["lineage"] for own in shown["recalls"]] == [{ONE: []}]
    done(scene.run("hub", "return", digest[:8], "--yes"))
    listed = json.loads(done(scene.run("officer", "list", "--format", "json")).stdout)
    assert [(entry["state"], entry["outstanding"]) for entry in listed] == [("recalled", [])]
    shown = " ".join(done(scene.run("officer", "show", digest[:8])).stdout.split())
    assert "disclosure.refused by health: The family is supported already." in shown


def test_tables_stand_side_by_side_for_their_owner_alone(scene: Scene):
    digest = released(scene, ONE, TWO, by=("police", "care"))
    out = scene.folder / "opened"
    words = ("open", digest[:8], "--out", out, "--format", "json")
    opened = json.loads(done(scene.run("hub", *words)).stdout)
    assert opened["holders"] == ["care", "police"]
    assert opened["tables"][0]["conflicts"] == ["given_name", "surname"]
    assert sorted(path.name for path in out.iterdir()) == [f"{ONE}.csv", f"{TWO}.csv", "about.txt"]
    table = list(csv.reader((out / f"{ONE}.csv").read_text("utf-8-sig").splitlines()))
    assert table == [
        ["field", "conflict", "care", "police"],
        ["given_name", "differs", "Ada", "Ada Maria"],
        ["surname", "differs", "King", "Byron"],
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()} == {0o600}
    assert stat.S_IMODE(out.stat().st_mode) == 0o700


def test_dates_that_say_the_same_are_no_conflict(scene: Scene):
    from agency_client.disclosures.comparing import comparable
    from linkage.protocol.disclosure.side_by_side import side_by_side
    from tests.linkage.protocol.agreements import AGREEMENT

    held = {"police": "14/03/2011", "care": "2011-03-14", "health": "  14 Mar 2011"}
    disclosed = {name: {ONE: ({"date_of_birth": born},)} for name, born in held.items()}
    compared = comparable(AGREEMENT.scheme)
    assert not side_by_side(disclosed, ["date_of_birth"], compared)[0].rows[0].conflict
    disclosed["care"] = {ONE: ({"date_of_birth": "2011-03-15"},)}
    assert side_by_side(disclosed, ["date_of_birth"], compared)[0].rows[0].conflict
    disclosed["care"] = {ONE: ({"date_of_birth": "spring"},)}
    assert side_by_side(disclosed, ["date_of_birth"], compared)[0].rows[0].conflict


def test_a_rehearsal_sends_nothing(scene: Scene):
    asked = scene.run(
        "analyst", "propose", "--cluster", f"{ONE}=several", "--reference", "MACE 12",
        "--necessity", WHY, "--dry-run",
    )  # fmt: skip
    assert "nothing was sent" in done(asked).stderr
    digest = approved(scene)
    scene.matcher.received.clear()
    done(scene.run("police", "release", digest[:8], *files(scene, "police"), "--dry-run"))
    done(scene.run("analyst", "recall", digest[:8], "--reason", "So.", "--dry-run"))
    for agency in ("police", "care"):
        done(scene.run(agency, "release", digest[:8], *files(scene, agency), "--yes"))
    scene.matcher.received.clear()
    done(scene.run("hub", "open", digest[:8], "--out", scene.folder / "x", "--dry-run"))
    assert scene.matcher.received == []
    assert not (scene.folder / "x").exists()


def test_who_is_not_asked_says_no(scene: Scene):
    """A person who doesn't confirm has done nothing."""
    digest = approved(scene)
    scene.matcher.received.clear()
    for party, *words in (
        ("analyst", "recall", digest[:8], "--reason", "So."),
        ("police", "release", digest[:8], *files(scene, "police")),
    ):
        assert scene.run(party, *words).exit_code == 1
    assert scene.matcher.received == []


def test_withholding_needs_a_reason_and_is_counted(scene: Scene):
    digest = approved(scene, ONE, TWO)
    ids = scene.folder / "stay.csv"
    ids.write_text("record_id\npolice-2\npolice-9\n")
    words = ("release", digest[:8], *files(scene, "police"), "--withhold", ids, "--yes")
    scene.matcher.received.clear()
    assert scene.run("police", *words).exit_code == 1
    named = scene.run("police", *words, "--reason", "Born on 14/03/2011")
    assert (named.exit_code, "others read" in named.stderr) == (1, True)
    assert scene.matcher.received == []
    told = done(scene.run("police", *words, "--reason", "Under a court order."))
    assert "record police-2: stays" in told.stderr
    assert "1 of those to be withheld aren't asked for anyway" in told.stderr
    found = read_disclosure(scene.office("police"), digest).case.releases["police"]
    assert (found.records, found.withheld, found.reason) == (1, 1, "Under a court order.")


def test_everything_may_be_withheld_without_an_extract_of_them(scene: Scene):
    digest = approved(scene)
    scene.extract("police").write_text("record_id\nx\n")
    ids = scene.folder / "stay.csv"
    ids.write_text("record_id\npolice-1\n")
    words = ("--withhold", ids, "--reason", "Under a court order.", "--yes")
    done(scene.run("police", "release", digest[:8], *files(scene, "police"), *words))
    assert read_disclosure(scene.office("police"), digest).case.releases["police"].records == 0


def test_a_category_is_for_the_holder_to_check(scene: Scene):
    digest = approved(scene, clusters={ONE: "missing"})
    shown = done(scene.run("police", "show", digest[:8])).stdout
    assert "the matcher can't know" in " ".join(shown.split())
    asked = scene.run("police", "release", digest[:8], *files(scene, "police"))
    assert "only if your records show missing: check it" in asked.stderr
    assert "Have you checked that each has missing?" in asked.stderr


def test_what_is_released_later_is_opened_into_another_folder(scene: Scene):
    digest = released(scene, by=("police",))
    done(scene.run("hub", "open", digest[:8], "--out", scene.folder / "first"))
    done(scene.run("care", "release", digest[:8], *files(scene, "care"), "--yes"))
    again = scene.run("hub", "open", digest[:8], "--out", scene.folder / "first")
    assert (again.exit_code, "exists already" in again.stderr) == (1, True)
    told = done(scene.run("hub", "open", digest[:8], "--out", scene.folder / "second"))
    assert "released by care, police" in told.stdout


def test_nothing_is_left_where_the_opening_is_not_entered(scene: Scene):
    digest = released(scene, by=("police",))
    scene.matcher.take = lambda *_: (_ for _ in ()).throw(PolicyError("No."))
    refused = scene.run("hub", "open", digest[:8], "--out", scene.folder / "opened")
    assert refused.exit_code == 4
    assert not [path for path in scene.folder.iterdir() if path.name.startswith("opened")]


def test_a_new_proposal_replaces_ones_own(scene: Scene):
    old = approved(scene)
    new = proposed(scene, ONE, TWO, supersedes=old)
    found = read_disclosure(scene.office("care"), old)
    assert found.case.life.state == "superseded"
    replaced = scene.run("police", "release", old[:8], *files(scene, "police"), "--yes")
    assert (replaced.exit_code, "is superseded" in replaced.stderr) == (4, True)
    assert read_disclosure(scene.office("care"), new).case.life.state == "proposed"


def test_an_outvoted_approver_has_no_veto(scene: Scene):
    digest = approved(scene)
    refused = scene.run("health", "recall", digest[:8], "--reason", "I am against it.", "--yes")
    assert (refused.exit_code, "no part in it" in refused.stderr) == (4, True)


def test_each_recall_is_answered(scene: Scene):
    digest = released(scene)
    for party in ("police", "health"):
        done(scene.run(party, "recall", digest[:8], "--reason", "Two people.", "--yes"))
    returned = json.loads(
        done(scene.run("hub", "return", digest[:8], "--yes", "--format", "json")).stdout
    )
    assert (len(returned["recalls"]), returned["outstanding"]) == (2, [])
    again = scene.run("hub", "return", digest[:8], "--yes")
    assert (again.exit_code, "no recall that 'hub' has yet" in again.stderr) == (4, True)


def test_time_ends_it(scene: Scene):
    digest = proposed(scene, expires=scene.matcher.now + DAY)
    scene.matcher.now += DAY + 1
    scene.matcher.end(digest, "expired", "matcher")
    late = scene.run("police", "approve", digest[:8], "--yes")
    assert (late.exit_code, "It is expired" in late.stderr) == (4, True)


def test_what_the_agreement_forbids_is_not_even_sent(scene: Scene):
    analyst = scene.office("analyst")
    for changes, clause in (
        ({"clusters": {ONE: "nobody"}}, "disclosure.rule"),
        ({"purpose": "curiosity"}, "agreement.purpose_codes"),
        ({"fields": ("surname", "city")}, "disclosure.fields"),
        ({"recipients": ("police",)}, "disclosure.recipients"),
        ({"expires": scene.matcher.now + 40 * DAY}, "disclosure.expires_days"),
    ):
        with pytest.raises(PolicyError, match=clause):
            draft(analyst, wish(**changes))
    scene.matcher.probability = 0.8
    with pytest.raises(PolicyError, match="least_probability"):
        draft(analyst, wish())
    assert set(scene.matcher.received) == {"POST /evidence"}


def test_protected_people_need_the_higher_quorum(scene: Scene):
    scene.matcher.protected = frozenset({ONE})
    digest = approved(scene)
    office = scene.office("police")
    found = read_disclosure(office, digest)
    assert (found.case.life.state, found.case.life.terms.quorum) == ("proposed", 3)
    assert "protected_quorum, since" in scene.run("police", "show", digest[:8]).stdout
    with pytest.raises(NotReadyError):
        moving.send(office, found.case, _release_of(found.case))


def _release_of(case):
    from linkage.protocol.disclosure.messages import Release

    return Release(case.digest, case.proposal.proposed, {"hub": "c" * 64}, 1)


def test_hints_of_siblings_are_hints(scene: Scene):
    scene.matcher.household = {ONE: (TWO,), TWO: (ONE,)}
    shown = " ".join(scene.run("care", "show", proposed(scene, ONE, TWO)[:8]).stdout.split())
    assert f"{ONE[:8]} seems to share surname and address with {TWO[:8]}: perhaps" in shown
    assert "not the same person" in shown


def test_marks_are_sent_by_token(scene: Scene):
    from linkage.protocol.disclosure.protection import verify_protected
    from tests.linkage.protocol.agreements import AGREEMENT

    ids = scene.folder / "adopted.csv"
    ids.write_text("record_id\npolice-2\npolice-1\n")
    words = ("protect", ids, "--map", scene.own_map("police"))
    done(scene.run("police", *words, "--dry-run"))
    assert scene.matcher.marks == {}
    done(scene.run("police", *words))
    signer, marks = verify_protected(scene.matcher.marks["police"], "it", AGREEMENT)
    assert (signer, len(marks.tokens)) == ("police", 2)
    ids.write_text("record_id\npolice-1\nnobody\n")
    assert scene.run("police", *words).exit_code == 1
    done(scene.run("police", "protect", "--none"))
    assert verify_protected(scene.matcher.marks["police"], "it", AGREEMENT)[1].tokens == ()
    assert scene.run("hub", "protect", "--none").exit_code == 4
    assert scene.run("police", "protect").exit_code == 2


def test_ids_are_shortened_where_that_says_enough(scene: Scene):
    first, second = proposed(scene, ONE), proposed(scene, TWO)
    assert scene.run("care", "show", first[:7]).exit_code == 1
    assert scene.run("care", "show", "0" * 9).exit_code == 1
    assert scene.run("care", "show", "not an id").exit_code == 1
    listed = scene.matcher._list
    scene.matcher._list = lambda *own: listed(*own).replace(second[:8].encode(), first[:8].encode())
    several = scene.run("care", "show", first[:8])
    assert (several.exit_code, "give more of its digits" in several.stderr) == (1, True)
    done(scene.run("care", "show", first))


def test_clusters_are_read_from_a_table(scene: Scene):
    table = scene.folder / "chosen.csv"
    table.write_text(f"cluster,rule\n{ONE},several\n{TWO},several\n")
    assert proposing.read_clusters(table) == {ONE: "several", TWO: "several"}
    for text in (
        "cluster\n",
        "cluster,rule\n",
        f"cluster,rule\n{ONE},a\n{ONE},a\n",
        "cluster,rule\nx,a\n",
    ):
        table.write_text(text)
        with pytest.raises(InputError):
            proposing.read_clusters(table)


def test_a_list_that_changes_meanwhile_is_begun_again(scene: Scene):
    runs = iter(["a" * 32, "b" * 32])
    scene.matcher.lies["clusters"] = lambda page: page | {"run": next(runs)}
    with pytest.raises(InputError, match="begin again"):
        list(all_clusters(scene.office("analyst")))


@pytest.mark.parametrize("text", ["2026-13-01", "tomorrow", "2026-12-24T10:00:00", "24/12/2026"])
def test_times_are_read_in_one_form(text: str):
    with pytest.raises(InputError):
        proposing.parse_moment(text)
    assert proposing.parse_moment("2026-12-24") == proposing.parse_moment("2026-12-25T00:00:00Z")


def test_a_successor_that_isnt_for_everybody_ends_it_all_the_same(scene: Scene):
    """Who decides must be shown what replaces a proposal; a recipient sees it when approved."""
    old = approved(scene)
    new = proposed(scene, ONE, TWO, supersedes=old)
    true = scene.matcher.file

    def hidden(digest: str):
        if digest == new:
            raise MissingError("There is no such disclosure.")
        return true(digest)

    scene.matcher.file = hidden
    assert read_disclosure(scene.office("hub"), old).case.life.state == "superseded"
    for party in ("police", "analyst", "officer"):
        with pytest.raises(VerificationError, match="replaced by a proposal that it doesn't show"):
            read_disclosure(scene.office(party), old)


def test_a_reference_commands_no_terminal(scene: Scene):
    from linkage.protocol.disclosure.messages import digest_of, sign_message

    made = draft(scene.office("analyst"), wish())
    proposal = replace(made.case.proposal, reference="MACE \x1b[2J 12")
    signed = sign_message(proposal, scene.office("analyst").own)
    scene.matcher.begin(scene.matcher.evidence[proposal.evidence], signed)
    shown = done(scene.run("care", "show", digest_of(signed)[:8])).stdout
    assert "MACE ?[2J 12" in shown


@pytest.mark.parametrize("name", sorted(disclosures.commands))
def test_every_command_has_help_and_an_example(name: str):
    told = CliRunner().invoke(cli, ["disclosures", name, "--help"])
    assert told.exit_code == 0
    assert f"agency-client disclosures {name}" in told.output.partition("Example:")[2]
    assert "--agreement" in told.output
