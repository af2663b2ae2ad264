"""When a round has finished for an agency, and what it waits for before."""

import pytest

from agency_client.uploads.standing import Progress
from linkage.errors import NotReadyError
from linkage.protocol.replies import AgreementEntry
from linkage.protocol.run_replies import RunEntry
from linkage.protocol.upload import UploadState
from tests.linkage.protocol.agreements import AGREEMENT


def entry(state="in force"):
    return AgreementEntry(
        AGREEMENT.digest(), "trial", 1, 1, "A trial", state, "police", ("agency",)
    )


def upload(state):
    return UploadState("a" * 32, 1, state, "b" * 64, 10, 10, ())


def run(state, number=1):
    return RunEntry("c" * 32, number, state, 1, 0, "linking", 0, 1)


@pytest.mark.parametrize(
    ("progress", "waits_for"),
    [
        (Progress(entry("unsigned")), "isn't in force"),
        (Progress(entry()), "no round is open"),
        (Progress(entry(), 1), "your upload in round 1"),
        (Progress(entry(), 1, None, run("finished")), "your upload in round 1"),
        (Progress(entry(), 1, upload("open"), None), "your upload in round 1"),
        (Progress(entry(), 1, upload("refused"), None), "your upload in round 1"),
        (Progress(entry(), 1, upload("committed"), None), "others have yet to push"),
        (Progress(entry(), 1, upload("committed"), run("running")), "is running"),
        (Progress(entry(), 1, upload("committed"), run("finished"), False), "without your upload"),
        (Progress(entry(), 2, None, run("finished", 2), False), "without your upload"),
        (Progress(entry(), 2, None, None), "your upload in round 2"),
        (Progress(entry(), 2, None, run("queued", 2)), "is queued"),
        (Progress(entry(), 2, upload("open"), run("finished", 2)), "your upload in round 2"),
    ],
)
def test_what_is_waited_for(progress, waits_for):
    with pytest.raises(NotReadyError, match=waits_for):
        progress.require_finished()


@pytest.mark.parametrize(
    "progress",
    [
        Progress(entry(), 1, upload("committed"), run("finished")),
        Progress(entry(), 2, upload("committed"), run("finished", 2)),
        Progress(entry(), 2, None, run("finished", 2)),
    ],
)
def test_a_round_has_finished_for_whoever_is_in_its_run(progress):
    progress.require_finished()
