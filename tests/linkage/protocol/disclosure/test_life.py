"""The life of a disclosure: every move that may be made, and none of the others."""

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from linkage.errors import NotReadyError, PolicyError
from linkage.protocol.disclosure.life import ENDED, Life, Terms

END = 1000
TERMS = Terms(
    proposer="care",
    approvers=frozenset({"police", "care", "health", "school"}),
    quorum=2,
    holders=frozenset({"police", "care"}),
    recipients=frozenset({"hub", "ward"}),
    expires=END,
)
NEW = Life(TERMS)
APPROVED = NEW.approve("police", 1).approve("health", 2)
RELEASED = APPROVED.release("police", 3)
OPENED = RELEASED.open("hub")
RECALLED = OPENED.recall("health", "linker")


def test_a_whole_life():
    assert NEW.approve("police", 1).state == "proposed"
    assert APPROVED.state == "approved"
    assert RELEASED.state == "released"
    assert OPENED.state == "opened"
    later = OPENED.release("care", 4)
    assert (later.state, later.released) == ("opened", {"police", "care"})
    assert RECALLED.outstanding == {"hub", "ward"}
    assert RECALLED.give_back("hub", 0).outstanding == {"ward"}
    assert not APPROVED.recall("care", "linker").outstanding


def test_it_can_be_recalled_again_and_each_recall_is_answered():
    again = RECALLED.give_back("hub", 0).give_back("ward", 0).recall("linker", "linker")
    assert again.outstanding == {"hub", "ward"}
    answered = again.give_back("hub", 1)
    assert answered.outstanding == {"ward"}
    assert not answered.give_back("ward", 1).outstanding


def test_an_approver_who_was_outvoted_has_no_veto():
    with pytest.raises(PolicyError, match="recalled now"):
        APPROVED.recall("school", "linker")
    assert APPROVED.recall("care", "linker").state == "recalled"
    assert RELEASED.recall("school", "linker").state == "recalled"


def test_a_refusal_ends_it_once_the_quorum_is_out_of_reach():
    once = NEW.refuse("police", 1)
    assert once.state == "proposed"
    assert once.refuse("health", 2).state == "refused"
    assert APPROVED.refuse("school", 3).state == "approved"


@pytest.mark.parametrize(
    ("move", "words"),
    [
        (lambda: NEW.approve("care", 1), "proposed it, and others have to decide"),
        (lambda: NEW.refuse("care", 1), "proposed it, and others have to decide"),
        (lambda: NEW.approve("hub", 1), "no approver"),
        (lambda: NEW.approve("police", 1).approve("police", 2), "decided already"),
        (lambda: NEW.approve("police", 1).refuse("police", 2), "decided already"),
        (lambda: NEW.refuse("police", 1).approve("police", 2), "decided already"),
        (lambda: NEW.approve("police", END), "time is over"),
        (lambda: APPROVED.approve("school", 3), "needs no more"),
        (lambda: APPROVED.release("health", 3), "holds no record"),
        (lambda: APPROVED.release("police", END), "time is over"),
        (lambda: RELEASED.release("police", 4), "released already"),
        (lambda: APPROVED.open("hub"), "nothing to open"),
        (lambda: RELEASED.open("police"), "no recipient"),
        (lambda: RELEASED.expire(END), "doesn't expire"),
        (lambda: NEW.recall("police", "linker"), "nothing to recall"),
        (lambda: RELEASED.recall("ward", "linker"), "no part in it"),
        (lambda: APPROVED.recall("police", "linker"), "recalled now"),
        (lambda: APPROVED.recall("care", "linker").recall("police", "linker"), "recalled now"),
        (lambda: RECALLED.release("care", 5), "nothing is released any more"),
        (lambda: RECALLED.open("ward"), "nothing to open"),
        (lambda: OPENED.give_back("hub", 0), "no such recall"),
        (lambda: RECALLED.give_back("hub", 1), "no such recall"),
        (lambda: RECALLED.give_back("hub", -1), "no such recall"),
        (lambda: RECALLED.give_back("hub", 0).give_back("hub", 0), "answered that recall already"),
        (lambda: RECALLED.give_back("police", 0), "no recipient"),
        (lambda: NEW.supersede("police"), "Only 'care'"),
        (lambda: RELEASED.supersede("care"), "can't be replaced"),
    ],
)
def test_illegal_moves_are_refused(move, words):
    with pytest.raises(PolicyError, match=words):
        move()


@pytest.mark.parametrize("move", [lambda: NEW.release("police", 1), lambda: NEW.expire(END - 1)])
def test_moves_that_come_too_early_say_so(move):
    with pytest.raises(NotReadyError):
        move()


@pytest.mark.parametrize(
    "ended",
    [NEW.refuse("police", 1).refuse("health", 2), NEW.expire(END), APPROVED.supersede("care")],
)
def test_what_has_ended_stays_ended(ended):
    assert ended.state in ENDED
    for move in (
        lambda: ended.approve("school", 5),
        lambda: ended.refuse("school", 5),
        lambda: ended.release("police", 5),
        lambda: ended.open("hub"),
        lambda: ended.recall("police", "linker"),
        lambda: ended.expire(END),
        lambda: ended.supersede("care"),
    ):
        with pytest.raises(PolicyError):
            move()


PARTIES = st.sampled_from(["police", "care", "health", "school", "hub", "ward", "linker", "x"])
TIMES = st.integers(0, END + 100)


@dataclass
class Seen:
    """What really happened, kept apart from the code that is tested."""

    yes: set[str] = field(default_factory=set)
    no: set[str] = field(default_factory=set)
    sealed: list[tuple[str, int, frozenset[str]]] = field(default_factory=list)
    recalls: int = 0
    returned: list[tuple[str, int]] = field(default_factory=list)


class AnyMoves(RuleBasedStateMachine):
    """Whatever anybody tries, in any order: what must hold in the end is said below."""

    def __init__(self):
        super().__init__()
        self.life, self.seen = NEW, Seen()

    def attempt(self, move):
        try:
            self.life = move(self.life)
        except (PolicyError, NotReadyError):
            return False
        return True

    @rule(party=PARTIES, at=TIMES)
    def approve(self, party, at):
        if self.attempt(lambda life: life.approve(party, at)):
            self.seen.yes.add(party)

    @rule(party=PARTIES, at=TIMES)
    def refuse(self, party, at):
        if self.attempt(lambda life: life.refuse(party, at)):
            self.seen.no.add(party)

    @rule(party=PARTIES, at=TIMES)
    def release(self, party, at):
        before = frozenset(self.seen.yes)
        if self.attempt(lambda life: life.release(party, at)):
            self.seen.sealed.append((party, at, before))

    @rule(party=PARTIES)
    def open(self, party):
        if self.attempt(lambda life: life.open(party)):
            assert self.seen.sealed
            assert party in TERMS.recipients

    @rule(party=PARTIES)
    def recall(self, party):
        if self.attempt(lambda life: life.recall(party, "linker")):
            assert self.seen.sealed or party in {TERMS.proposer, "linker"}
            self.seen.recalls += 1

    @rule(party=PARTIES, number=st.integers(-1, 3))
    def give_back(self, party, number):
        if self.attempt(lambda life: life.give_back(party, number)):
            self.seen.returned.append((party, number))

    @rule(at=TIMES)
    def expire(self, at):
        if self.attempt(lambda life: life.expire(at)):
            assert at >= END

    @rule(party=PARTIES)
    def supersede(self, party):
        self.attempt(lambda life: life.supersede(party))

    @invariant()
    def nothing_is_sealed_without_a_quorum_of_others(self):
        for party, at, approved in self.seen.sealed:
            assert party in TERMS.holders
            assert at < END
            assert len(approved & (TERMS.approvers - {TERMS.proposer})) >= TERMS.quorum

    @invariant()
    def nobody_decides_twice(self):
        assert not self.seen.yes & self.seen.no
        assert self.life.approved == self.seen.yes
        assert self.life.refused == self.seen.no

    @invariant()
    def what_ended_unreleased_was_never_released(self):
        if self.life.state in ENDED:
            assert not self.seen.sealed

    @invariant()
    def every_recall_waits_for_every_recipient(self):
        returned = self.seen.returned
        assert len(set(returned)) == len(returned)
        answered = {name for name in TERMS.recipients
                    if all((name, n) in returned for n in range(self.seen.recalls))}  # fmt: skip
        due = TERMS.recipients - answered if self.seen.sealed else set()
        assert self.life.outstanding == due

    @invariant()
    def nobody_releases_twice(self):
        holders = [party for party, *_ in self.seen.sealed]
        assert len(set(holders)) == len(holders)


TestAnyMoves = AnyMoves.TestCase
TestAnyMoves.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
