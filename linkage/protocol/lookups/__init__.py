"""Lookups: one agency asks the others about one person, and learns only what they release.

Nobody can tell from it whether anybody holds the person: the matcher's reply is always the same,
every other agency's answer has one size whatever is in it, and all answers are handed over at the
moment that the request has named.
"""
