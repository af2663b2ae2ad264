"""The leakage report as a page and as JSON, and what follows from it."""

import html.parser
import json
from dataclasses import replace

import pytest

from agency_client.leakage import LeakageError, as_html, as_json, require_no_leak
from hashing.risk import AttackResult, LeakageReport, Measure, SampleSize

AGENCY = "health"
REASON = "trial on <fictional> people & agreed by the DPO"


def attack(groups, recovered, name="similarity graph", sample="dense"):
    return AttackResult(sample, 1000, groups, name, 1000, recovered, 0.001)


@pytest.fixture
def report():
    attacks = (
        attack(("GD",), 3, sample="own rows"),
        attack(("GD",), 4),
        attack(("SD",), 5),
        attack(("GD", "SD"), 6, "200 known pairs"),
    )
    return LeakageReport(
        scheme="x6-t6",
        scheme_digest="ab" * 32,
        limit=0.02,
        samples=(SampleSize("own rows", 1000), SampleSize("dense", 1000)),
        measures=(
            Measure("GD", "fill", 0.501, 0.5),
            Measure("GD", "records with a duplicate", 12.0, 0.0),
        ),
        attacks=attacks,
        weak_groups=(),
        undiffused=(),
        own_rows_attacked=True,
        seconds=31.4,
    )


@pytest.fixture
def leaky(report):
    worst = attack(("GD", "SD"), 654, "<graph>")
    return replace(report, attacks=(*report.attacks, worst))


class Page(html.parser.HTMLParser):
    """Collects the tags, their addresses, and the text."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.addresses, self.open, self.text = [], [], [], ""
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in {"src", "href"}]
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data


def test_a_pass_says_so_first(report):
    page = Page(as_html(report, AGENCY))
    assert page.open == []
    assert "Passed." in page.text
    assert "Failed" not in page.text
    assert page.text.index("Passed.") < page.text.index("What was tried")
    require_no_leak(report, None)


def test_the_page_stands_alone(leaky):
    source = as_html(leaky, AGENCY, REASON)
    page = Page(source)
    assert page.addresses == []
    assert "script" not in page.tags
    assert "url(" not in source
    assert "http" not in source.replace("http-equiv", "")


def test_what_others_wrote_is_escaped(leaky):
    source = as_html(replace(leaky, scheme="<b>x"), "<i>health", REASON)
    for raw in ("<b>x", "<i>health", "<fictional>", "<graph>"):
        assert raw not in source
    assert REASON in Page(source).text


def test_a_failure_names_the_worst_case(leaky):
    page = Page(as_html(leaky, AGENCY))
    assert "Failed. 1 of 5 attacks" in " ".join(page.text.split())
    assert "65.4% of 1,000 records" in page.text
    assert "Keep these encodings where they are" in page.text


def test_an_overruled_failure_stays_a_failure_and_gives_the_reason(leaky):
    page = Page(as_html(leaky, AGENCY, REASON))
    assert "Failed, and overruled." in page.text
    assert f"“{REASON}”" in page.text
    assert "Keep these encodings where they are" not in page.text
    record = json.loads(as_json(leaky, AGENCY, REASON))
    assert (record["verdict"], record["overruled"]) == ("overruled", REASON)


def test_weak_and_plain_groups_are_in_red(report):
    source = as_html(replace(report, weak_groups=("S",), undiffused=("CLK",)), AGENCY)
    assert (
        '<p class="red">Weak groups are allowed by the agreement (allow_weak_groups): S.' in source
    )
    assert '<p class="red">Plain filters, not diffused: CLK.' in source
    assert 'class="red">Weak' not in as_html(report, AGENCY)


def test_only_figures_over_the_limit_are_red(leaky):
    source = as_html(leaky, AGENCY)
    assert source.count('<td class="over">') == 1
    assert '<td class="over">65.4%' in source


def test_the_record_holds_every_figure(report):
    record = json.loads(as_json(report, AGENCY))
    assert record["verdict"] == "passed"
    assert record["overruled"] is None
    assert record["samples"] == [
        {"name": "own rows", "records": 1000}, {"name": "dense", "records": 1000},
    ]  # fmt: skip
    assert record["attacks"][0] == {
        "sample": "own rows", "sample_records": 1000, "groups": ["GD"],
        "attack": "similarity graph", "records": 1000, "recovered": 3, "share": 0.003,
        "interval": [0.001021, 0.008783], "baseline": 0.001, "over_limit": False,
    }  # fmt: skip
    assert record["measures"][1]["value"] == 12


def test_a_leak_stops_with_exit_code_3(leaky):
    with pytest.raises(LeakageError) as caught:
        require_no_leak(leaky, None)
    assert caught.value.exit_code == 3
    sentence = str(caught.value)
    assert "65.4% of 1,000 records" in sentence
    assert "groups GD + SD" in sentence
    assert '--overrule "REASON"' in sentence
    assert "undiffused" not in sentence


def test_a_plain_scheme_is_told_why_it_fails(leaky):
    with pytest.raises(LeakageError, match=r"leaves CLK undiffused, and plain filters always fail"):
        require_no_leak(replace(leaky, undiffused=("CLK",)), None)


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_reason_overrules_nothing(leaky, blank):
    with pytest.raises(LeakageError):
        require_no_leak(leaky, blank)


def test_a_reason_overrules(leaky):
    require_no_leak(leaky, REASON)


def test_a_small_extract_is_told_that_its_rows_were_not_attacked(report):
    assert "too few for its own rows" in as_html(replace(report, own_rows_attacked=False), AGENCY)
    assert "too few for its own rows" not in as_html(report, AGENCY)
