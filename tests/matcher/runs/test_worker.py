"""A worker carries out runs: what comes out, what goes wrong, and what it never does."""

from __future__ import annotations

from linkage.protocol.result import RESULT_BYTES, parse_result
from matcher.runs.run import link_files
from tests.matcher.runs.matchers import agreement_of, files_of, never
from tests.matcher.test_cli import as_bytes


def linked_offline(folder, agreement, files, onto=None):
    folder.mkdir()
    paths = [folder / f"{file.header.agency}.arrow" for file in files]
    for path, file in zip(paths, files, strict=True):
        path.write_bytes(as_bytes(file))
    link_files(paths, agreement, folder / "run", lambda _: None, onto)
    run = folder / "run"
    return {
        path.relative_to(run).as_posix(): path.read_bytes()
        for path in run.rglob("*")
        if path.is_file()
    }


def test_a_round_that_is_complete_is_linked_as_offline(matcher, tmp_path):
    digest, run = matcher.ready(3)
    assert matcher.state(run) == "queued"
    worker = matcher.worker()
    assert worker.run_next(never)
    assert not worker.run_next(never)
    assert matcher.state(run) == "finished"
    contents = matcher.contents(digest, run)
    agreement = agreement_of(3)
    assert contents == linked_offline(tmp_path / "offline", agreement, files_of(agreement, 3))
    started, finished = matcher.events()
    assert (started.kind, finished.kind) == ("run.started", "run.finished")
    files = files_of(agreement, 3)
    assert started.counts == finished.counts
    assert started.counts == {"agencies": 3, "rows": sum(map(len, files)), "round": 1}
    assert set(started.digests) == {"inputs", "parameters"}
    assert finished.digests == {
        **started.digests, "outcome": matcher.runs.outcome(digest, run).digest()
    }  # fmt: skip
    assert finished.party == "operator"
    for file in files:
        content = matcher.runs.result(digest, run, file.header.agency)
        assert len(content) == RESULT_BYTES
        result = parse_result(content, "it")
        assert (result.run, result.round, result.rows) == (run, 1, len(file))
        assert result.agencies == ("agency0", "agency1", "agency2")
    assert not list((matcher.folder / "work").iterdir())
