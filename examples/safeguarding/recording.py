"""How an agency writes a child down: the name, date and place that it believes, in its style."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from examples.safeguarding.agencies import Agency
from examples.safeguarding.errors import mistype, slip, wrong_character, wrong_digit
from examples.safeguarding.names import Variants
from examples.safeguarding.places import Address
from examples.safeguarding.population import Person

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ABBREVIATIONS = {
    "Road": "Rd",
    "Street": "St",
    "Avenue": "Ave",
    "Close": "Cl",
    "Drive": "Dr",
    "Lane": "Ln",
    "Court": "Ct",
    "Gardens": "Gdns",
    "Terrace": "Ter",
    "Crescent": "Cres",
    "Place": "Pl",
}
_LETTERS_WITHOUT_DECOMPOSITION = str.maketrans("łŁıđĐøØ", "lLidDoO")
_CURLED_APOSTROPHE = "\u2019"
_TOWN_MISSING_WITH_ADDRESS = 0.7
_MARK_CHANGED = 0.3


@dataclass(frozen=True)
class _Name:
    given: str
    middle: str
    surname: str


def record(rng: Random, agency: Agency, person: Person, variants: Variants) -> dict[str, str]:
    """Write one child down, as agreed field to text."""
    name = _spoil_name(rng, agency, _name_given(rng, agency, person), person, variants)
    missing = agency.missing
    row = {
        "given_name": _in_style(agency, name.given),
        "middle_name": _in_style(agency, _middle(rng, agency, name.middle)),
        "surname": _in_style(agency, name.surname),
        "date_of_birth": "" if rng.random() < missing.date else _date(rng, agency, person),
        "sex": "" if rng.random() < missing.sex else agency.style.sexes[person.child.sex],
    }
    return row | _place(rng, agency, _known_home(rng, agency, person))


def fold_accents(text: str) -> str:
    """Strip a text of its accents, as an older system does."""
    decomposed = unicodedata.normalize("NFD", text.translate(_LETTERS_WITHOUT_DECOMPOSITION))
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _name_given(rng: Random, agency: Agency, person: Person) -> _Name:
    """Choose among the names that the child has gone by."""
    child, rates = person.child, agency.names
    if person.alias is not None and person.alias.agency == agency.name:
        return _Name(person.alias.given, child.middle, person.alias.surname)
    former = person.former_surname and rng.random() < rates.former
    surname = person.former_surname if former else child.surname
    if person.called_by_middle_name and rng.random() < rates.middle_first:
        return _Name(child.middle, child.given, surname)
    return _Name(child.given, child.middle, surname)


def _spoil_name(
    rng: Random, agency: Agency, name: _Name, person: Person, variants: Variants
) -> _Name:
    """Let the name suffer in the order of events: how it was told, heard, split and typed."""
    rates = agency.names
    given = _other_form(rng, variants.familiar, name.given, rates.familiar)
    given = _other_form(rng, variants.spellings, given, rates.spelling)
    surname = _other_form(rng, variants.surname_spellings, name.surname, rates.spelling)
    surname = _drop_half(rng, surname, rates.half_dropped)
    given = given[0] if rng.random() < rates.initial else given
    given = slip(rng, given) if rng.random() < rates.slip else given
    surname = slip(rng, surname) if rng.random() < rates.slip else surname
    if rng.random() < rates.swapped * person.child.culture.order_confusion:
        given, surname = surname, given
    return _Name(_mark(rng, given), name.middle, _mark(rng, surname))


def _other_form(rng: Random, forms: Mapping[str, tuple[str, ...]], name: str, rate: float) -> str:
    if name in forms and rng.random() < rate:
        return rng.choice(forms[name])
    return name


def _drop_half(rng: Random, surname: str, rate: float) -> str:
    """Keep one half of a double surname; a particle (De Souza, Al-Hassan, O'Connor) is no half."""
    for joint in ("-", " "):
        halves = surname.split(joint)
        if len(halves) == 2 and min(map(len, halves)) > 3 and rng.random() < rate:
            return rng.choice(halves)
    return surname


def _mark(rng: Random, name: str) -> str:
    """Write an apostrophe or hyphen as people do: kept, curled, left out or a space."""
    if ("'" in name or "-" in name) and rng.random() < _MARK_CHANGED:
        apostrophe, hyphen = rng.choice((_CURLED_APOSTROPHE, "")), rng.choice(("", " "))
        return name.replace("'", apostrophe).replace("-", hyphen)
    return name


def _middle(rng: Random, agency: Agency, middle: str) -> str:
    if rng.random() < agency.missing.middle:
        return ""
    return middle[:1] if rng.random() < agency.names.middle_initial else middle


def _in_style(agency: Agency, text: str) -> str:
    text = fold_accents(text) if agency.style.plain_letters else text
    return text.upper() if agency.style.upper_case else text


def _date(rng: Random, agency: Agency, person: Person) -> str:
    """Write the date of birth, with one kind of damage at most."""
    born, rates = person.child.born, agency.dates
    year, month, day = born.year, born.month, f"{born.day:02d}"
    damage = rng.choices(
        ("swapped", "placeholder", "partial", "digit", "none"),
        (rates.swapped, rates.placeholder, rates.partial, rates.digit, 1 - _total(agency)),
    )[0]
    if damage == "swapped" and born.day <= 12:
        month, day = born.day, f"{born.month:02d}"
    elif damage == "placeholder":
        month, day = 1, "01"
    elif damage == "partial":
        day = "??" if agency.style.dates == "day first" and rng.random() < 0.4 else "00"
    written = _written_date(agency, year, month, day)
    return wrong_digit(rng, written) if damage == "digit" else written


def _total(agency: Agency) -> float:
    rates = agency.dates
    return rates.swapped + rates.placeholder + rates.partial + rates.digit


def _written_date(agency: Agency, year: int, month: int, day: str) -> str:
    if agency.style.dates == "day first":
        return f"{day}/{month:02d}/{year}"
    if agency.style.dates == "month name":
        return f"{day}-{_MONTHS[month - 1]}-{year}"
    return f"{year}-{month:02d}-{day}"


def _known_home(rng: Random, agency: Agency, person: Person) -> Address:
    """Go back from the newest address over every move that the agency has not heard of."""
    latest = len(person.homes) - 1
    while latest > 0 and rng.random() < agency.places.unaware_of_move:
        latest -= 1
    return person.homes[latest]


def _place(rng: Random, agency: Agency, home: Address) -> dict[str, str]:
    missing, rates = agency.missing, agency.places
    address, town, postcode = _street_line(rng, agency, home), home.town, home.postcode
    address = mistype(rng, address) if rng.random() < rates.street_slip else address
    town = mistype(rng, town) if rng.random() < rates.town_slip else town
    postcode = wrong_character(rng, postcode) if rng.random() < rates.postcode_slip else postcode
    if rng.random() < missing.address:
        address = ""
        town = "" if rng.random() < _TOWN_MISSING_WITH_ADDRESS else town
    if rng.random() < missing.postcode:
        postcode = ""
    return {
        "address": _in_style(agency, address),
        "town": _in_style(agency, town),
        "postcode": postcode_in_style(agency, postcode),
    }


def _street_line(rng: Random, agency: Agency, home: Address) -> str:
    """Write house and street: ``Flat 2, Marlow House, 14 Dock Street`` or as the agency does."""
    street = home.street
    if rng.random() < agency.places.abbreviated:
        words = street.split()
        street = " ".join([*words[:-1], _ABBREVIATIONS.get(words[-1], words[-1])])
    house = f"{home.number} {street}"
    if home.building is not None:
        house = f"{home.building}, {house}"
    if home.flat is None:
        return house
    return f"{house} Flat {home.flat}" if agency.style.flat_last else f"Flat {home.flat}, {house}"


def postcode_in_style(agency: Agency, postcode: str) -> str:
    """Write a postcode as the agency does."""
    if agency.style.postcode == "joined":
        return postcode.replace(" ", "")
    return postcode.lower() if agency.style.postcode == "lower case" else postcode
