"""Endpoints about runs: how far they are, stopping one, and the result that waits for an agency."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Response

from linkage.protocol.result import PaddedResult
from linkage.protocol.run_replies import RunEntry, RunList
from matcher.api.access import ONCE_IN_FORCE, allow
from matcher.api.gate import SignedCall
from matcher.api.routes import Raw, Routes
from matcher.runs.service import Runs, RunView

_PATH = "/agreements/{digest}/runs"
_READERS = allow("agency", "matcher", "dpo", states=ONCE_IN_FORCE)
_RESULT = Raw(
    "application/json", "Canonical JSON of 4,096 bytes: linkage/protocol/result.py.", PaddedResult
)
RunId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="The run.")]


def run_routes(runs: Runs) -> Routes:
    """Return the endpoints."""
    routes = Routes("runs")

    @routes.get(_PATH, _READERS, answer=RunList)
    def list_runs(call: SignedCall) -> RunList:
        """List the runs of an agreement, the newest first."""
        return RunList(tuple(_entry(view, call) for view in runs.all(call.place.digest)))

    @routes.get(_PATH + "/{run}", _READERS, answer=RunEntry)
    def show_run(call: SignedCall, run: RunId) -> RunEntry:
        """Show where a run stands and how far it has come."""
        return _entry(runs.one(call.place.digest, run), call)

    @routes.post(_PATH + "/{run}/cancel", allow("matcher", states=ONCE_IN_FORCE), answer=RunEntry)
    def cancel_run(call: SignedCall, run: RunId) -> RunEntry:
        """Stop a run; one that is carried out stops within seconds."""
        return _entry(runs.cancel(call.place.digest, run), call)

    @routes.get(_PATH + "/{run}/result", allow("agency", states=ONCE_IN_FORCE), answer=_RESULT)
    def show_result(call: SignedCall, run: RunId) -> Response:
        """Return your result of a finished run, which is of one size whatever came out."""
        return _RESULT.response(runs.result(call.place.digest, run, call.place.party))

    return routes


def _entry(view: RunView, call: SignedCall) -> RunEntry:
    """Return a run as the caller may see it: why one has failed is for the operator alone."""
    now = view.progress
    return RunEntry(
        id=view.id,
        round=view.round,
        state=view.state,
        queued=view.queued,
        ended=view.ended or 0,
        stage=now.stage,
        done=now.done,
        total=now.total,
        reason=view.reason if "matcher" in call.place.roles else "",
    )
