"""An agreement in plain words: who may do what, with what, until when."""

from __future__ import annotations

from collections.abc import Iterator

from linkage.protocol.agreement import Agreement
from linkage.protocol.sections.disclosure import Disclosure, DisclosureRule
from linkage.protocol.sections.payload import AssociationType, Attribute, EventType, Payload
from linkage.protocol.weakness import scheme_warnings

_TOKEN = "a keyed token in place of its place, the same for all agencies"  # noqa: S105


def agreement_in_words(agreement: Agreement) -> dict[str, list[str]]:
    """Return sentences about an agreement, under headings."""
    found = {
        "What for": list(_purpose(agreement)),
        "Who": list(_parties(agreement)),
        "Linking": list(_linking(agreement)),
        "What analysts get": list(_payload(agreement.payload)),
        "Who is named to whom": list(_disclosure(agreement)),
        "What is erased": list(_retention(agreement)),
        "Warnings": scheme_warnings(agreement.scheme),
    }
    return {heading: sentences for heading, sentences in found.items() if sentences}


def _purpose(agreement: Agreement) -> Iterator[str]:
    terms = agreement.agreement
    yield f"{terms.title} ({terms.id}, version {terms.version}, epoch {terms.epoch})."
    if terms.purpose:
        yield terms.purpose
    if terms.purpose_codes:
        yield f"Purpose codes: {', '.join(terms.purpose_codes)}."
    if terms.lawful_basis:
        yield f"Lawful basis: {terms.lawful_basis}."
    if terms.statutory_gateway:
        yield f"Statutory gateway: {terms.statutory_gateway}."
    if terms.starts and terms.ends:
        yield f"It holds from {terms.starts} to {terms.ends}, both days included."
    if terms.previous:
        yield f"It follows the version with the digest {terms.previous[:16]}."


def _parties(agreement: Agreement) -> Iterator[str]:
    for party in agreement.party:
        clean = ""
        if "agency" in party.roles:
            clean = (
                "; each person at most once in its extract"
                if party.clean
                else "; its extract may hold people twice"
            )
        own = party.identity
        key = f"; fingerprint {own.fingerprint}" if own else "; no keys"
        yield f"{party.name} as {' and '.join(party.roles)}{clean}{key}."


def _linking(agreement: Agreement) -> Iterator[str]:
    matching, scheme = agreement.matching, agreement.scheme
    fields = ", ".join(scheme.fields)
    yield f"Records are encoded from {fields} by the scheme {scheme.version!r}."
    yield (
        f"Two records are linked from a probability of {matching.link_probability:.3g} on; pairs "
        f"down to {matching.review:.3g} are kept for people to look at."
    )
    outputs = agreement.outputs
    yield (
        f"Counts below {outputs.least_cell} are withheld, all others rounded to multiples of "
        f"{outputs.rounding}."
    )


def _payload(payload: Payload | None) -> Iterator[str]:
    if payload is None:
        yield "Nothing: no attribute, no event and no association travels."
        return
    for name, how in attributes_in_words(payload).items():
        yield f"{name}, {how}."
    for name, how in events_in_words(payload).items():
        yield f"The event {name}, {how}."
    for name, how in associations_in_words(payload).items():
        yield f"That people are joined by {name}, {how}."


def attributes_in_words(payload: Payload) -> dict[str, str]:
    """Return in what form each attribute travels."""
    return {name: _attribute(own, payload) for name, own in payload.attributes.items()}


def events_in_words(payload: Payload) -> dict[str, str]:
    """Return in what form each type of event travels."""
    return {name: _event(own, payload) for name, own in payload.events.items()}


def associations_in_words(payload: Payload) -> dict[str, str]:
    """Return in what form each type of association travels."""
    return {name: _association(own) for name, own in payload.associations.items()}


def _attribute(own: Attribute, payload: Payload) -> str:
    if own.vocabulary is not None:
        return _words(own.vocabulary, payload)
    return f"a {own.type} coarsened to {str(own.coarsen).replace('_', ' ')}"


def _event(event: EventType, payload: Payload) -> str:
    kinds = f", {_words(event.vocabulary, payload)}" if event.vocabulary else ""
    return f"to the {event.date}, {_place(event)}{kinds}"


def _place(event: EventType) -> str:
    if not (event.places or event.place_tokens):
        return "without its place"
    parts = ["its outward postcode"] if event.places else []
    return f"with {' and '.join([*parts, *([_TOKEN] if event.place_tokens else [])])}"


def _association(association: AssociationType) -> str:
    date = f"to the {association.date}" if association.date else "without its date"
    return f"{date}, {f'with {_TOKEN}' if association.place_tokens else 'without its place'}"


def _words(name: str, payload: Payload) -> str:
    vocabulary = payload.vocabularies[name]
    return f"one of {', '.join(vocabulary.terms)} ({name}, version {vocabulary.version})"


def _disclosure(agreement: Agreement) -> Iterator[str]:
    disclosure = agreement.disclosure
    if disclosure is None:
        yield "Nobody: nobody's identity is disclosed."
        return
    yield (
        f"{', '.join(disclosure.fields)} go to {', '.join(disclosure.recipients)} once "
        f"{disclosure.quorum} of {', '.join(agreement.approvers)} have approved{_more(disclosure)}."
    )
    for rule in disclosure.rule:
        yield f"Rule {rule.name}: people {rule_in_words(rule)} may be proposed."
    yield from _proposals(disclosure)
    lookups = disclosure.lookups_per_day
    yield f"Each agency may look up {lookups} people a day." if lookups else "There is no lookup."


def _proposals(disclosure: Disclosure) -> Iterator[str]:
    yield (
        f"A proposal names at least {disclosure.least_batch} of them and at most "
        f"{disclosure.most_batch}, and is void after {disclosure.expires_days} days; no more than "
        f"{disclosure.open_proposals} of a party wait for decisions at once."
    )
    several = "" if disclosure.several_records else ", and none with two records of one agency"
    yield (
        f"Nobody is proposed whose records are linked with a probability below "
        f"{disclosure.least_probability:g}{several}."
    )


def _more(disclosure: Disclosure) -> str:
    protected = disclosure.protected_quorum
    if protected is None:
        return "; nobody protected is proposed"
    if protected == disclosure.quorum:
        return ", the same for protected people"
    return f", and {protected} of them for protected people"


def rule_in_words(rule: DisclosureRule) -> str:
    """Return which people a rule is about, as the end of a sentence that begins with 'people'."""
    text = f"known to at least {rule.least_agencies} agencies"
    if rule.agencies:
        text += f", {' and '.join(rule.agencies)} among them,"
    if rule.category:
        text += f" with {rule.category}"
    return text


def _retention(agreement: Agreement) -> Iterator[str]:
    retention = agreement.retention
    if retention is None:
        return
    payload = f", payload after {retention.payload_days}" if retention.payload_days else ""
    yield (
        f"Encodings after {retention.encodings_days} days{payload}, disclosures after "
        f"{retention.disclosures_days}, counted from the day they were received."
    )
