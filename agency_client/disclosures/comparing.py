"""When two agencies' values say the same: by the agreement's own rules of standard form.

So that 14/03/2011 and 2011-03-14, or two spellings of a telephone number, are no conflict.
"""

from __future__ import annotations

from collections.abc import Callable

from hashing.profiles import RULES
from linkage.protocol.disclosure.side_by_side import plain
from linkage.protocol.scheme import Scheme


def comparable(scheme: Scheme) -> Callable[[str, str], str]:
    """Return what gives a field's value in the form in which it is compared."""
    rules = {
        name: RULES[scheme.profile][field.type]
        for name, field in scheme.fields.items()
        if field.clkhash is None
    }

    def compared(field: str, text: str) -> str:
        if field not in rules:
            return plain(field, text)
        cell = rules[field](text)
        # What has no standard form is compared as it stands.
        return plain(field, text) if cell.damage or not cell.value else cell.value

    return compared
