"""``agency-client doctor``: whether all is as at the other agencies."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Literal

import click

from agency_client.cli.failures import say
from agency_client.cli.keystore_options import keystore_options, opened
from agency_client.doctor import Diagnosis, check_keys, diagnose
from agency_client.keystore.store import KEYS_FILE
from agency_client.textfiles import read_text
from linkage.errors import VerificationError
from linkage.protocol.agreement import parse_agreement

_FILE = click.Path(path_type=Path)

_EXAMPLE = """\b
Example:
  agency-client doctor
  agency-client doctor --agreement agreement.toml --secret-file secret.key
"""


@click.command(epilog=_EXAMPLE)
@click.option("--agreement", type=_FILE, help="The linkage agreement (TOML).")
@click.option(
    "--secret-file",
    type=_FILE,
    help="The linkage secret; without it the known answers are under a public test secret.",
)
@click.option("--expect", help="Another agency's known answers, to compare with yours.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of the outcome on standard output.",
)
@keystore_options
@click.option("--keys", is_flag=True, help="Open the keystore and try its keys, too.")
@click.pass_context
def doctor(  # noqa: PLR0913 - one parameter per option
    ctx: click.Context,
    *,
    agreement: Path | None,
    secret_file: Path | None,
    expect: str | None,
    keystore: Path,
    passphrase_file: Path | None,
    keys: bool,
    output: Literal["text", "json"],
) -> None:
    """Check this machine and your keystore, and compute the known answers of an agreement.

    The known answers stand for the encodings of a fictional list of people under your agreement
    and secret. Read them out to each other on the phone: if they are the same, so are secret,
    scheme and program. They don't give the secret away. Exit code 3 when a check fails.
    """
    agreed = parse_agreement(read_text(agreement), agreement.name) if agreement else None
    if expect is not None and agreed is None:
        raise click.UsageError("--expect needs --agreement")
    there = keystore if keys or (keystore / KEYS_FILE).exists() else None
    found = diagnose(agreed, secret_file, expect, keystore=there)
    if keys and found.passed:
        store = opened(keystore, passphrase_file)
        found = replace(found, checks=(*found.checks, check_keys(store)))
    click.echo(_as_json(found) if output == "json" else _as_text(found))
    for check in found.checks:
        if not check.passed:
            say(check.finding)
    if not found.passed:
        ctx.exit(VerificationError.exit_code)


def _as_json(found: Diagnosis) -> str:
    answers = found.answers
    return json.dumps(
        {
            "agreement": found.agreement,
            "passed": found.passed,
            "checks": [
                {"name": check.name, "passed": check.passed, "finding": check.finding}
                for check in found.checks
            ],
            "known_answers": answers and answers.digest,
            "known_answers_short": answers and answers.short,
            "secret": "own" if found.own_secret else "public test secret",
            "scheme_digest": answers and answers.scheme_digest,
            "versions": found.versions,
        }
    )


def _as_text(found: Diagnosis) -> str:
    checks = [
        f"{check.name:<13}  {'ok' if check.passed else 'FAILED'}: {check.finding}"
        for check in found.checks
    ]
    lines = [f"agreement      {found.agreement}"] if found.agreement else []
    lines += checks
    lines += ["", *(f"{name:<18} {own}" for name, own in found.versions.items())]
    if found.answers is not None:
        whose = "your secret" if found.own_secret else "the public test secret"
        lines += [
            "",
            f"scheme         {found.answers.scheme_digest[:16]}",
            f"known answers  {found.answers.short}",
            f"               {found.answers.people} fictional people under {whose}",
        ]
    return "\n".join(lines)
