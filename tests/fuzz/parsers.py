"""Coverage-guided fuzzing of everything that reads what others wrote; needs the extra ``fuzz``.

``python -m tests.fuzz.parsers NAME -max_total_time=60``: NAME is one of `PARSERS`. Whatever the
bytes, nothing but the project's own errors may come out.
"""

import sys
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["linkage", "agency_client", "rfc8785", "tomllib"]):
    from agency_client.keystore.wrapping import require_sound, wrap_under_key
    from linkage.errors import LinkageError
    from linkage.protocol.agreement import parse_agreement, parse_content
    from linkage.protocol.canonical import canonical_json, parse_canonical
    from linkage.protocol.cards import card_toml, parse_card
    from linkage.protocol.handshake import verify_answers
    from linkage.protocol.sealing import Context, open_sealed, seal
    from linkage.protocol.secret_messages import verify_commitment
    from linkage.protocol.signing import sign, verify_signed

from tests.linkage.protocol.agreements import AGREEMENT, TEXT
from tests.linkage.protocol.parties import CARE, POLICE

CONTEXT = Context("ab" * 32, epoch=3, round=2, kind="example", sequence=5)
PAYLOAD = b'{"what":"a payload"}'


def _text(content):
    return content.decode("utf-8", "surrogateescape")


def _round_trip(content):
    assert canonical_json(parse_canonical(content, "it")) == content


def _payload(content):
    """Well signed, and anything inside."""
    for kind, verify in (
        ("secret-commitment", lambda c: verify_commitment(c, "it", AGREEMENT)),
        ("known-answers", lambda c: verify_answers(c, "it", AGREEMENT, 1)),
    ):
        with suppress(LinkageError):
            verify(sign(kind, content, POLICE))


PARSERS = {
    "json": (_round_trip, [b'{"a":[1,2.5,"x",null,true]}']),
    "signed": (
        lambda c: verify_signed(c, "it", "example", [POLICE.public]),
        [sign("example", PAYLOAD, POLICE)],
    ),
    "sealed": (
        lambda c: open_sealed(c, "it", CONTEXT, POLICE.public, CARE),
        [seal(CARE.public, CONTEXT, PAYLOAD, POLICE)],
    ),
    "payload": (_payload, [PAYLOAD]),
    "agreement": (lambda c: parse_agreement(_text(c), "it").digest(), [TEXT.encode()]),
    "content": (lambda c: parse_content(c, "it").digest(), [AGREEMENT.content()]),
    "card": (lambda c: parse_card(_text(c), "it"), [card_toml(POLICE.public).encode()]),
    "wrapped": (
        lambda c: require_sound("secret", c, "it"),
        [wrap_under_key("secret", b"content", bytes(32))],
    ),
}


def main() -> None:
    """Fuzz the parser that is named first; the rest are libFuzzer's options and its corpus."""
    parse, seeds = PARSERS[sys.argv[1]]
    corpus = Path("fuzz-corpus") / sys.argv[1]
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (corpus / f"seed{number}").write_bytes(seed)

    def once(content: bytes) -> None:
        with suppress(LinkageError):
            parse(content)

    atheris.Setup([sys.argv[0], *sys.argv[2:], str(corpus)], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
