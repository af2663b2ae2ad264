"""Families of children between six and eighteen: who was born, to whom, and under which name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from examples.safeguarding.names import Culture, Sex, WeightedNames

REFERENCE_DATE = date(2025, 3, 31)
YOUNGEST, OLDEST = 6, 18
PROPHETS_NAMES = frozenset({"Mohammed", "Muhammad", "Mohamed"})

_FIRST_BIRTHDAY = date(REFERENCE_DATE.year - OLDEST, 4, 1)
_LAST_BIRTHDAY = date(REFERENCE_DATE.year - YOUNGEST, 3, 31)
_BIRTHS_PER_FAMILY = {1: 0.38, 2: 0.37, 3: 0.17, 4: 0.06, 5: 0.02}
_GAP_DAYS = (305, 650, 1700)  # least (ten months), usual and longest between births
_TWIN_RATE = 0.03
_HALF_SIBLING_RATE = 0.10
_MIXED_FAMILY_RATE = 0.08

# Surnames that women bear and men do not: brother and sister differ.
_WOMENS_SURNAMES = frozenset(
    {"Akhtar", "Akter", "Begum", "Bibi", "Kausar", "Khanom", "Khatun", "Parveen", "Sultana"}
)
_WOMENS_SURNAME_RATE = 0.2
_POLISH_FEMININE_RATE = 0.7
_SECOND_NAME_RATE = 0.85


@dataclass(frozen=True)
class Child:
    """A child as the birth certificate has it; ``middle`` may be empty."""

    household: int
    culture: Culture
    given: str
    middle: str
    surname: str
    sex: Sex
    born: date
    twin: bool
    half_sibling: bool


@dataclass(frozen=True)
class _Surname:
    """A family's surname in the form that its girls and its boys bear."""

    girls: str
    boys: str

    def borne_by(self, sex: Sex) -> str:
        return self.girls if sex == "F" else self.boys


def draw_family(rng: Random, cultures: Sequence[Culture], household: int) -> list[Child]:
    """Draw one family; its children differ in given name."""
    culture = draw_culture(rng, cultures)
    given_culture = draw_culture(rng, cultures) if rng.random() < _MIXED_FAMILY_RATE else culture
    surname, other_surname = _draw_surname(rng, culture), _draw_surname(rng, culture)
    used: set[str] = set()
    children = []
    for position, (born, twin) in enumerate(_birth_dates(rng)):
        half = position > 0 and not twin and rng.random() < _HALF_SIBLING_RATE
        sex: Sex = rng.choice(("F", "M"))
        given = _unused_name(rng, given_culture.given[sex], used)
        children.append(
            Child(
                household=household,
                culture=culture,
                given=given,
                middle=_draw_middle(rng, given_culture, sex, given),
                surname=(other_surname if half else surname).borne_by(sex),
                sex=sex,
                born=born,
                twin=twin,
                half_sibling=half,
            )
        )
    return children


def draw_culture(rng: Random, cultures: Sequence[Culture]) -> Culture:
    """Draw a culture by its share."""
    return rng.choices(cultures, weights=[culture.share for culture in cultures])[0]


def age_on_reference_date(child: Child) -> int:
    """Count the whole years lived."""
    birthday_to_come = (REFERENCE_DATE.month, REFERENCE_DATE.day) < (
        child.born.month,
        child.born.day,
    )
    return REFERENCE_DATE.year - child.born.year - birthday_to_come


def _birth_dates(rng: Random) -> list[tuple[date, bool]]:
    """Draw the births of a family, eldest first, with a mark on each twin."""
    births = rng.choices(list(_BIRTHS_PER_FAMILY), list(_BIRTHS_PER_FAMILY.values()))[0]
    window = (_LAST_BIRTHDAY - _FIRST_BIRTHDAY).days
    gaps = [window + 1]
    while sum(gaps) > window:
        least, usual, longest = _GAP_DAYS
        gaps = [round(rng.triangular(least, longest, usual)) for _ in range(births - 1)]
    born = _FIRST_BIRTHDAY + timedelta(days=rng.randint(0, window - sum(gaps)))
    dates: list[tuple[date, bool]] = []
    for gap in [0, *gaps]:
        born += timedelta(days=gap)
        twin = rng.random() < _TWIN_RATE
        dates.extend([(born, twin)] * (2 if twin else 1))
    return dates


def _draw_surname(rng: Random, culture: Culture) -> _Surname:
    """Draw a family's surname, now and then of two different halves."""
    name = culture.surnames.draw(rng)
    if rng.random() >= culture.double_barrelled_rate or " " in name or "-" in name:
        return _by_sex(rng, culture, name)
    second = _unused_name(rng, culture.surnames, {name})
    joint = " " if culture.name == "portuguese_latin" else rng.choice("-- ")
    return _Surname(girls=name + joint + second, boys=name + joint + second)


def _by_sex(rng: Random, culture: Culture, name: str) -> _Surname:
    if culture.name == "punjabi_sikh" and name in {"Singh", "Kaur"}:
        return _Surname(girls="Kaur", boys="Singh")
    if culture.name == "south_asian_muslim":
        return _south_asian_muslim(rng, culture, name)
    feminine = name.endswith(("ski", "cki")) and rng.random() < _POLISH_FEMININE_RATE
    return _Surname(girls=name[:-1] + "a" if feminine else name, boys=name)


def _south_asian_muslim(rng: Random, culture: Culture, name: str) -> _Surname:
    mens = name
    while mens in _WOMENS_SURNAMES:
        mens = culture.surnames.draw(rng)
    if name in _WOMENS_SURNAMES or rng.random() >= _WOMENS_SURNAME_RATE:
        return _Surname(girls=name, boys=mens)
    return _Surname(girls=rng.choice(sorted(_WOMENS_SURNAMES)), boys=mens)


def _unused_name(rng: Random, names: WeightedNames, used: set[str]) -> str:
    name = names.draw(rng)
    while name in used:
        name = names.draw(rng)
    used.add(name)
    return name


def _draw_middle(rng: Random, culture: Culture, sex: Sex, given: str) -> str:
    """Draw a middle name; a boy named for the Prophet nearly always has one to be called by."""
    rate = _SECOND_NAME_RATE if given in PROPHETS_NAMES else culture.middle_rate
    if rng.random() >= rate:
        return ""
    middle = culture.given[sex].draw(rng)
    return "" if middle == given else middle
