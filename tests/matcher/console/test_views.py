"""What pages are made of: words for times, escaped text, and files from nowhere else."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import jinja2
import pytest

import matcher.console
from matcher.console.views import Views, date_of, short_digest, short_moment, static_file
from matcher.runs.report.times import moment

FILES = Path(matcher.console.__file__).parent / "static"


def test_times_are_said_as_people_write_them():
    at = datetime(2026, 3, 2, 9, 5, tzinfo=UTC)
    assert moment(at) == "2 March 2026, 09:05 UTC"
    assert moment(int(at.timestamp())) == moment(at.astimezone(timezone(timedelta(hours=5))))
    assert short_moment(at) == '<span class="console-line">2 Mar 2026, 09:05</span>'
    assert date_of(int(at.timestamp())) == "2 March 2026"


def test_what_is_put_into_a_page_is_text():
    assert short_digest("<b>" * 9) == (
        '<code class="console-digest">&lt;b&gt;&lt;b&gt;&lt;b&gt;&lt;b&gt;&lt;b&gt;&lt;</code>'
    )
    page = Views().page("problem.html", visit=None, title="<i>", said="<script>")
    assert "<i>" not in page
    assert "<script>" not in page


def test_a_name_that_a_template_misspells_is_found():
    with pytest.raises(jinja2.UndefinedError):
        Views().page("problem.html", visit=None, title="x")


def test_vendored_files_load_no_font_no_crown_and_nothing_from_elsewhere():
    for path in FILES.glob("*.css"):
        text = path.read_text(encoding="utf-8")
        assert "url(" not in text
        assert "@import" not in text
        assert "@font-face" not in text
        assert "Transport" not in text
    for path in FILES.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\beval\(|new Function|sourceMappingURL", text)
    assert "MIT License" in (FILES / "govuk-frontend.LICENSE.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["", ".", "..", "../views.py", "govuk-frontend.LICENSE.txt", "x"])
def test_only_style_sheets_and_scripts_are_served(name: str):
    assert static_file(name) is None
    assert static_file("console.css") is not None
