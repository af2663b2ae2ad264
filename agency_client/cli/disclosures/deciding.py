"""``disclosures approve``, ``refuse``, ``recall`` and ``return``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import click

from agency_client.cli.disclosures.at_work import (
    Work,
    change_options,
    example,
    id_argument,
    nothing_done,
    reading,
    show_before,
    tell,
    witnessed,
)

if TYPE_CHECKING:
    from agency_client.disclosures.office import Office
    from linkage.entries import VerifiedFile
    from linkage.protocol.disclosure.history import Case


_reason = click.option(
    "--reason", required=True, help="Why, in a sentence that names nobody; goes in the log."
)


@click.command(epilog=example("approve 3f9a2c41 --agreement agreement.toml"))
@id_argument
@change_options
def approve(*, id_: str, work: Work) -> None:
    """Agree to exactly this proposal, in your party's name.

    It is shown first, and asked for once more; --yes says that you have seen it. An approval can't
    be taken back; what was approved by mistake is recalled.
    """
    from agency_client.disclosures import moving

    _decide(work, id_, _Way("approve", moving.approve, _may_approve, "approved"))


@click.command(
    epilog=example(
        "refuse 3f9a2c41 --agreement agreement.toml \\\n"
        "      --reason 'The family is supported already.'"
    )
)
@id_argument
@_reason
@change_options
def refuse(*, id_: str, reason: str, work: Work) -> None:
    """Decide against a proposal, with a reason: a decision not to share counts as much."""
    from agency_client.disclosures import moving

    act = partial(moving.refuse, reason=reason)
    _decide(work, id_, _Way("refuse", act, _may_refuse, "refused"))


@click.command(
    epilog=example(
        "recall 3f9a2c41 --agreement agreement.toml \\\n"
        "      --reason 'Two people were taken for one.'"
    )
)
@id_argument
@_reason
@click.option(
    "--cluster", "clusters", multiple=True, help="Only this cluster; again for more. 8 digits do."
)
@change_options
def recall(*, id_: str, reason: str, clusters: tuple[str, ...], work: Work) -> None:
    """Ask the recipients to give up what was disclosed, and end the disclosure.

    Its proposer may at any time, an approver or a holder once something was released. Nothing more
    of it is released or opened; each recipient answers with 'disclosures return', and until then
    stands as outstanding in 'list'.
    """
    from agency_client.disclosures import moving

    act = partial(moving.recall, reason=reason, clusters=clusters)
    _decide(work, id_, _Way("recall", act, _may_recall, "recalled", over=True))


@click.command("return", epilog=example("return 3f9a2c41 --agreement agreement.toml"))
@id_argument
@change_options
def give_back(*, id_: str, work: Work) -> None:
    """Answer a recall: nothing of what you were given is used or kept any more.

    Delete the folder of 'disclosures open' and everything made from it first, backups and case
    files included: this is a signed statement that it is done, to each recall of it.
    """
    from agency_client.disclosures import moving

    _decide(work, id_, _Way("return", moving.give_back, _may_return, "returned", over=True))


@dataclass(frozen=True)
class _Way:
    """How a decision is made, what is checked before anybody is asked, and what it is called.

    ``over`` lets it be made also after the agreement has ended.
    """

    verb: str
    act: Callable[[Office, Case], VerifiedFile]
    check: Callable[[Office, Case], object]
    done: str
    over: bool = False


def _may_approve(office: Office, case: Case) -> object:
    return case.life.approve(office.name, office.seconds)


def _may_refuse(office: Office, case: Case) -> object:
    return case.life.refuse(office.name, office.seconds)


def _may_recall(office: Office, case: Case) -> object:
    return case.life.recall(office.name, office.agreement.names("matcher")[0])


def _may_return(office: Office, case: Case) -> object:
    from agency_client.disclosures import moving

    return moving.unanswered(case, office.name)


def _decide(work: Work, id_: str, way: _Way) -> None:
    """Show the disclosure, ask once more, and do it."""
    with reading(work, id_, over=way.over) as (office, found):
        way.check(office, found.case)
        if work.dry_run or not work.yes:
            show_before(found, office.name)
        if work.dry_run:
            nothing_done(found, office.name, f"{way.verb} it as {office.name}", work.output)
            return
        if not work.yes:
            question = _QUESTIONS[way.verb].format(name=office.name)
            click.confirm(question, abort=True, err=True)
        after = way.act(office, found.case)
        witnessed(office)
    tell(after, office.name, f"{way.done} by {office.name}", work.output)


_QUESTIONS = {
    "approve": "Approve it as {name}?",
    "refuse": "Refuse it as {name}?",
    "recall": "Recall it as {name}?",
    "return": "Is nothing of it used or kept any more, by {name} or anybody it gave it to?",
}
