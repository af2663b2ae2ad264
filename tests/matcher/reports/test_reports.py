from __future__ import annotations

import hashlib
import re
from dataclasses import replace

import pytest
from sqlalchemy import insert, update

from linkage.audit.checkpoint import open_checkpoint
from linkage.audit.keys import parse_keys
from linkage.errors import MissingError, NotReadyError
from linkage.protocol.disclosure.messages import Release, sign_message
from linkage.protocol.upload import Manifest, sign_manifest
from matcher.reports.blocks import Code, Document, Heading, Pairs, Text
from matcher.reports.document import report_of
from matcher.reports.gathering import gather_facts
from matcher.reports.printing import as_html, as_pdf
from matcher.runs.chosen import ChosenUpload, RunInputs
from matcher.runs.report.parts import Table
from matcher.store.tables import committed_uploads, runs, uploads
from tests.linkage.audit.made_up import LOG
from tests.linkage.protocol.agreements import HUB
from tests.linkage.protocol.leaks import OVERRULED, PASSED
from tests.linkage.protocol.parties import CARE, HEALTH, POLICE
from tests.matcher.disclosures.worlds import World, token, tokens_of
from tests.matcher.report_pages import Page

PEOPLE = {
    "ann": {"police": 1, "care": 1, "health": 1},
    "ben": {"police": 1, "care": 1, "health": 1},
    "cas": {"police": 1, "care": 1, "health": 1},
}


LEAKAGE = {"care": OVERRULED, "police": PASSED}


def manifest_of(own: ChosenUpload, agreement: str) -> bytes:
    """Return what an agency has signed with its upload."""
    said = Manifest(
        agreement=agreement, epoch=1, round=1, upload=own.upload, sha256=own.sha256, size=1,
        part_size=1, parts=("ab" * 32,), rows=own.rows, encodings="cd" * 32,
        leakage=LEAKAGE.get(own.agency),
    )  # fmt: skip
    return sign_manifest(said, {"care": CARE, "health": HEALTH, "police": POLICE}[own.agency])


def with_inputs(world: World, run: str) -> None:
    """Let the run have had an upload of each agency, of which one was refused at first."""
    chosen = [
        ChosenUpload(name, 1, 1000 + k, f"{k:064x}", 5000, f"{k:032x}")
        for k, name in enumerate(("care", "health", "police"))
    ]
    of_all = {"agreement": world.digest, "round": 1, "size": 1, "part_size": 1, "opened": 0}
    with world.services.database.writing() as connection:
        content = RunInputs(tuple(chosen)).content()
        connection.execute(update(runs).where(runs.c.id == run).values(inputs=content))
        for own in chosen:
            connection.execute(
                insert(uploads).values(
                    id=own.upload, agency=own.agency, state="committed", sha256=own.sha256, **of_all
                )
            )
            connection.execute(
                insert(committed_uploads).values(
                    agreement=world.digest, round=1, agency=own.agency, upload=own.upload,
                    manifest=manifest_of(own, world.digest), rows=own.rows, leaf=40,
                    committed=world.now,
                )
            )  # fmt: skip
        connection.execute(
            insert(uploads).values(
                id="f" * 32, agency="care", state="refused", sha256="f" * 64, refusal="damaged",
                **of_all,
            )
        )  # fmt: skip


@pytest.fixture
def world(small_world) -> World:
    """Three disclosures: one all the way and back, one refused, one whose time was over."""
    run = small_world.run(PEOPLE)
    with_inputs(small_world, run)
    first, second, third = (small_world.proposed(name) for name in PEOPLE)
    small_world.approve(first, POLICE, CARE)
    small_world.release(first, POLICE, CARE)
    withhold(small_world, first)
    small_world.open(first, HUB)
    small_world.recall(first, CARE)
    small_world.refuse(second, POLICE, CARE)
    small_world.approve(third, POLICE)
    small_world.clock.forward(days=15)
    with small_world.services.database.writing() as connection:
        connection.execute(update(runs).where(runs.c.id == run).values(data="erased"))
    small_world.run_id = run
    return small_world


def withhold(world: World, id_: str) -> None:
    """Let the health service answer a release without its record."""
    _, sealed = world.released(id_, HEALTH)
    for recipient, content in sealed.items():
        world.services.disclosures.put_sealed(world.agreement, HEALTH.name, id_, recipient, content)
    digests = {name: hashlib.sha256(own).hexdigest() for name, own in sealed.items()}
    made = Release(id_, world.now, digests, 0, 1, "A court forbids it.")
    world.send(id_, HEALTH, sign_message(made, HEALTH))


def document(world: World) -> Document:
    sources = world.services.reports._sources
    return report_of(gather_facts(sources, world.digest, world.run_id))


def section(found: Document, title: str):
    return next(own for own in found.sections if own.title == title)


def tables(found: Document, title: str) -> dict[str, list[list[str]]]:
    blocks = section(found, title).blocks
    return {block.caption: block.rows for block in blocks if isinstance(block, Table)}


def test_what_was_disclosed_to_whom_and_by_which_quorum(world):
    blocks = section(document(world), "What was disclosed").blocks
    assert sum(isinstance(block, Heading) for block in blocks) == 3
    first, second, third = (dict(b.rows) for b in blocks if isinstance(b, Pairs))
    assert first["To"] == "hub"
    assert first["Fields"] == "given_name, surname"
    assert first["Purpose"] == "safeguarding"
    assert first["Quorum"] == "2 of 2 needed have approved"
    assert first["Records released"] == "2"
    assert first["State"] == "recalled"
    assert second["State"] == "refused"
    assert second["Records released"] == third["Records released"] == "0"
    assert third["State"].startswith("expired")
    timeline = next(block.rows for block in blocks if isinstance(block, Table))
    assert [(row[1], row[2]) for row in timeline] == [
        ("analyst", "proposed"), ("police", "approved"), ("care", "approved"),
        ("police", "released"), ("care", "released"), ("health", "released"), ("hub", "opened"),
        ("care", "recalled"),
    ]  # fmt: skip


def test_what_was_not_shared_is_told_with_its_reasons(world):
    rows = tables(document(world), "What was not shared")["Not shared, or taken back"]
    said = [tuple(row[1:]) for row in rows]
    assert said == [
        ("1 record withheld by health", "A court forbids it."),
        ("recalled by care", "Two people after all."),
        ("not given back yet", "hub"),
        ("refused by police", "Not necessary."),
        ("refused by care", "Not necessary."),
        ("expired", "its time was over"),
        ("refused by the matcher", "damaged"),
    ]


def test_what_went_in_and_what_is_erased_when(world):
    found = document(world)
    uploaded = tables(found, "What was linked")
    assert [row[0:3] for row in uploaded["Uploads"]] == [
        ["care", "1", "1,000"], ["health", "1", "1,001"], ["police", "1", "1,002"],
    ]  # fmt: skip
    assert uploaded["Digests of the files"][2] == ["police", f"{2:064x}"]
    assert uploaded["Leakage reports"] == [
        ["care", f"overruled: {OVERRULED.overruled}", "65.4%; by guessing 0.2%", OVERRULED.report],
        ["health", "no report came with this upload", "", ""],
        ["police", "passed", "0.6%; by guessing 0.1%", PASSED.report],
    ]
    due = tables(found, "Retention")["What may be kept until when"]
    assert due[0] == ["Encodings of care", "10 June 2026", "kept"]
    assert due[3] == ["Links and clusters", "10 June 2026", "erased"]
    assert due[4][1:] == ["1 April 2026", "kept"]


def test_everybodys_signature_is_named_by_its_digest(world):
    rows = tables(document(world), "The parties")["Parties and signatures"]
    assert [row[0] for row in rows] == [party.name for party in world.agreement.party]
    assert all(row[2] == "signed" and re.fullmatch("[0-9a-f]{64}", row[3]) for row in rows)


def test_the_attached_checkpoint_and_keys_are_those_of_the_log(world):
    found = document(world)
    files = {
        block.name: block.content
        for own in found.sections
        for block in own.blocks
        if isinstance(block, Code) and block.name
    }
    keys = parse_keys(files["keys-as-reported.txt"].splitlines())
    assert keys.log == LOG.verifier
    checkpoint = open_checkpoint(files["checkpoint.note"].encode(), LOG.verifier)
    head = world.services.ledger.head()
    assert checkpoint == open_checkpoint(str(head.note).encode(), LOG.verifier)
    assert checkpoint.size > 10


def test_the_same_state_gives_the_same_bytes_and_another_others(world):
    one, other = document(world), document(world)
    assert one == other
    assert as_html(one) == as_html(other)
    assert as_pdf(one) == as_pdf(other)
    disclosure = world.services.disclosures.all(world.agreement, "officer")[-1]
    world.give_back(disclosure.id, HUB)
    assert as_pdf(document(world)) != as_pdf(one)


def test_the_page_stands_alone_and_names_nobody(world):
    html = as_html(document(world)).decode()
    page = Page(html)
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.tags}
    assert not [href for href in page.attributes("href") if not href.startswith(("#", "data:"))]
    secret = [
        token(own)
        for name, held in PEOPLE.items()
        for agency, count in held.items()
        for own in tokens_of(name, agency, count)
    ]
    for text in [*secret, *secret_values(world)]:
        assert text not in html


def secret_values(world: World) -> list[str]:
    """What was released, and the pseudonyms that only those with a part in it have."""
    return ["Ann", *world.names[world.run_id].values()]


def test_the_pdf_is_tagged_and_says_that_it_is_accessible(world):
    made = as_pdf(document(world))
    assert made.startswith(b"%PDF-1.7")
    for sign in (b"/StructTreeRoot", b"pdfuaid", b"/MarkInfo", b"/Lang"):
        assert sign in made


def test_text_of_parties_is_text_in_page_and_pdf(world):
    """Titles and reasons are others' words, and neither form takes them for its own language."""
    odd = "<b>#panic()</b> $x$ @here *bold* `raw` \\ [x](y) {{ y }} \N{RIGHT-TO-LEFT OVERRIDE}"
    found = document(world)
    changed = replace(found, title=odd, sections=(replace(found.sections[0], blocks=(Text(odd),)),))
    assert "<b>" not in as_html(changed).decode()
    assert as_pdf(changed).startswith(b"%PDF")


def test_there_is_a_report_of_finished_runs_alone(world):
    sources = world.services.reports._sources
    with pytest.raises(MissingError):
        gather_facts(sources, world.digest, "0" * 32)
    with pytest.raises(MissingError):
        gather_facts(sources, "0" * 64, world.run_id)
    with world.services.database.writing() as connection:
        where = runs.c.id == world.run_id
        connection.execute(update(runs).where(where).values(state="cancelled"))
    with pytest.raises(NotReadyError, match="cancelled"):
        gather_facts(sources, world.digest, world.run_id)


def test_a_run_is_found_by_the_beginning_of_its_id(world):
    other = world.run({"dee": {"police": 1, "care": 1}})
    found = world.services.runs.find
    assert found(world.run_id[:8]).id == world.run_id
    assert found(other).id == other
    for text in ("", "%", "_", "0" * 32, world.run_id + "0"):
        with pytest.raises(MissingError):
            found(text)


def test_the_command_takes_pages_and_pdfs(command, tmp_path):
    code, _, said = command("report", tmp_path, "00", "--out", tmp_path / "run.docx")
    assert code == 2
    assert ".html or .pdf" in said
