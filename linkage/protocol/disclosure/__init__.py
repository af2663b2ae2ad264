"""Disclosure: which clusters may be re-identified, who has to agree, and how it goes on from there.

Nothing here reads a clock, a disk or a network; the matcher and every client run the same rules
over the same signed messages, so that neither has to believe the other.
"""
