"""A run's report as a page that must be well formed."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

from linkage.linking import Linkage
from linkage.protocol.sections.matching import Outputs
from linkage.sources import Sources
from matcher.runs.report.page import render
from tests.matcher.made_up import GROUPS, RULES

VOID = {"meta", "br", "hr", "img", "link", "input"}
EXACT = Outputs(least_cell=10, rounding=1)


class Page(HTMLParser):
    """A page that must be well formed: its tags, attributes, text and tables."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.text: list[str] = []
        self._caption = ""
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "caption":
            self._caption = ""
        if tag == "tr":
            self.tables[self._caption].append([])
        if tag in {"td", "th"}:
            self.tables[self._caption][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "caption":
            self.tables.setdefault(self._caption, [])

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self.open and self.open[-1] == "caption":
            self._caption += data
        if self.open and self.open[-1] in {"td", "th"}:
            self.tables[self._caption][-1][-1] += data

    def said(self) -> str:
        return " ".join(" ".join(self.text).split())

    def attributes(self, name: str) -> list[str]:
        return [attrs[name] or "" for _, attrs in self.tags if name in attrs]

    def charts(self) -> list[str]:
        return [a["aria-label"] or "" for _, a in self.tags if a.get("role") == "img"]

    def headlines(self) -> dict[str, str]:
        pairs = re.findall(r'<dt>(.*?)</dt>\n<dd class="value">(.*?)</dd>', self.html)
        return {unescape(name): unescape(value) for name, value in pairs}

    def feed(self, html: str) -> None:
        self.html = html
        super().feed(html)


def page_of(
    sources: Sources, linkage: Linkage, title: str = "Round 3", outputs: Outputs = EXACT
) -> Page:
    fields = {group: ("given_name", group) for group in GROUPS}
    return Page(render(title, sources, linkage, RULES, outputs, fields))
