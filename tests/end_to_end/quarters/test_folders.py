"""What lies in whose folder once two quarters have been played."""

from __future__ import annotations

from examples.safeguarding.quarters.hotspots import hotspots
from examples.safeguarding.quarters.playing import Played
from tests.end_to_end.quarters.folders import agencies_but, found_in, needles_of

# What of an agency's children lies with whom: nobody but the agency itself has more.
MAY_HOLD = {
    "matcher": {"record tokens"},
    "analyst": set(),
    "hub": set(),
    "officer": set(),
    "another agency": {"places"},
    "the agency": {"record ids", "record tokens", "postcodes", "places"},
}


def test_the_matcher_holds_no_name_no_place_and_no_concern(played: Played):
    places = [own.name.lower().encode() for kind in hotspots().values() for own in kind]
    words = [b"missing_together", b"same_placement", b"emerging", b"saltingham-on-sea"]
    for path in sorted(played.stage.operator.folder.rglob("*")):
        if path.is_file() and path.suffix != ".toml":
            content = path.read_bytes().lower()
            assert not [own for own in places if own in content], path.name
            if not path.name.startswith("matcher.sqlite"):  # the agreement has its vocabulary
                assert not [own for own in words if own in content], path.name


def test_what_lies_with_whom_is_what_may_lie_there(played: Played):
    own = needles_of(played, "charity")
    desks = {name: played.stage.desks[name].folder for name in ("analyst", "hub", "officer")}
    found = {name: found_in(folder, own) for name, folder in desks.items()}
    found["matcher"] = found_in(played.stage.operator.folder, own)
    found["the agency"] = found_in(played.stage.desks["charity"].folder, own)
    found["the agency"] |= found_in(played.stage.files, own)
    others = [found_in(played.stage.desks[name].folder, own) for name in agencies_but("charity")]
    found["another agency"] = set().union(*others)
    assert all(held <= MAY_HOLD[party] for party, held in found.items()), found
    assert found["the agency"] == MAY_HOLD["the agency"]
    assert found["matcher"] == MAY_HOLD["matcher"]
