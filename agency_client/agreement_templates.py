"""Agreements to start from: whole, with comments, and with the cards of those who take part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files

from agency_client.ready_schemes import DEFAULT, ready_scheme
from linkage.errors import InputError
from linkage.protocol.keys import PublicIdentity
from linkage.protocol.sections.party import Role

TEMPLATES = ("safeguarding-uk", "generic")
# Who stands in for a role until there is a card, by what the file is to be edited to.
_STAND_INS: dict[Role, tuple[str, ...]] = {
    "agency": ("police", "social_care"),
    "matcher": ("matcher",),
    "analyst": ("analyst",),
    "recipient": ("recipient",),
    "dpo": ("dpo",),
}
_DAYS = 364


@dataclass(frozen=True)
class _Slot:
    """A party of the new agreement: its roles, and its card if there is one."""

    name: str
    roles: tuple[Role, ...]
    card: PublicIdentity | None


def new_agreement(
    template: str, identifier: str, cards: Sequence[tuple[Role, PublicIdentity]], today: date
) -> str:
    """Return the TOML of a new agreement that holds from ``today`` for a year.

    ``cards`` are the parties by role; roles that nobody has are filled with names to be replaced.
    Raises `InputError` where two cards have one name and other keys.
    """
    slots = _slots(cards)
    agencies = sum("agency" in slot.roles for slot in slots)
    recipients = [f'"{slot.name}"' for slot in slots if "recipient" in slot.roles]
    text = files("agency_client").joinpath("templates", f"{template}.toml").read_text("utf-8")
    for mark, value in {
        "ID": identifier,
        "STARTS": today.isoformat(),
        "ENDS": (today + timedelta(_DAYS)).isoformat(),
        "RECIPIENTS": ", ".join(recipients),
        "QUORUM": str(min(2, agencies)),
        "PROTECTED": str(min(3, agencies)),
        "SCHEME": _scheme(template),
        "PARTIES": "\n".join(_party(slot) for slot in slots),
    }.items():
        text = text.replace(f"@{mark}@", value)
    return text


def _slots(cards: Sequence[tuple[Role, PublicIdentity]]) -> list[_Slot]:
    slots: dict[str, _Slot] = {}
    for role, card in cards:
        known = slots.setdefault(card.name, _Slot(card.name, (), card))
        if known.card != card:
            raise InputError(
                f"There are two different cards of {card.name!r}; ask {card.name!r} which is right."
            )
        slots[card.name] = _Slot(card.name, (*known.roles, role), card)
    for role, names in _STAND_INS.items():
        lacking = len(names) - sum(role == taken for taken, _ in cards)
        free = [name for name in names if name not in slots]
        slots |= {name: _Slot(name, (role,), None) for name in free[: max(0, lacking)]}
    return list(slots.values())


def _party(slot: _Slot) -> str:
    roles = ", ".join(f'"{role}"' for role in slot.roles)
    lines = ["[[party]]", f'name = "{slot.name}"', f"roles = [{roles}]"]
    if "agency" in slot.roles:
        lines.append("clean = true")
    if slot.card is None:
        lines.append("# signing_key and sealing_key: copy them from this party's card")
    else:
        lines.append(f"# fingerprint: {slot.card.fingerprint}")
        lines.append(f'signing_key = "{slot.card.signing_key}"')
        lines.append(f'sealing_key = "{slot.card.sealing_key}"')
    return "\n".join(lines) + "\n"


def _scheme(template: str) -> str:
    """Return the default scheme, its heading left out, under the template's profile."""
    text = ready_scheme(DEFAULT).text
    text = text[text.index("[scheme]") :].rstrip()
    if template == "generic":
        text = text.replace('"uk-person/1"', '"generic/1"').replace('"x6/1"', '"x6-generic/1"')
    return "# How a record becomes bits; 'agency-client scheme explain' says it in words.\n" + text
