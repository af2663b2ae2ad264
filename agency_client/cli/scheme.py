"""``agency-client scheme``: choose a scheme, understand one, or bring one from clkhash."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import click

from agency_client.cli.failures import say
from agency_client.cli.options import FILE, format_option
from agency_client.cli.scheme_words import explanation_text, list_text, ready_as_table, ready_text
from agency_client.clk_files import export_clks, import_clks
from agency_client.explain import explain
from agency_client.outputs import refuse_unusable
from agency_client.ready_schemes import READY_SCHEMES, ready_scheme
from agency_client.textfiles import read_text
from hashing.clkhash_schema import import_clkhash_schema
from linkage.protocol.agreement import parse_agreement
from linkage.protocol.scheme_text import scheme_toml
from linkage.protocol.weakness import refuse_weak_groups, scheme_warnings

Output = Literal["text", "json"]

_EXAMPLE = """\b
Example:
  agency-client scheme list
  agency-client scheme show union-t8 --out scheme.toml
  agency-client scheme explain agreement.toml
"""


@click.group(epilog=_EXAMPLE)
def scheme() -> None:
    """Choose how records become bits, and understand what that protects and loses."""


@scheme.command("list", epilog="\b\nExample:\n  agency-client scheme list")
@format_option
def list_schemes(*, output: Output) -> None:
    """List the ready-made schemes and the consequences of choosing each."""
    if output == "json":
        click.echo(json.dumps([ready_as_table(ready) for ready in READY_SCHEMES]))
    else:
        click.echo(list_text())


@scheme.command(epilog="\b\nExample:\n  agency-client scheme show union-t8 --out scheme.toml")
@click.argument("name")
@click.option("--out", type=FILE, help="Write the scheme's TOML here, for your agreement.")
@format_option
def show(*, name: str, out: Path | None, output: Output) -> None:
    """Show a ready-made scheme and its consequences.

    With --out its TOML is written to a file, to stand in an agreement in place of [scheme].
    """
    ready = ready_scheme(name)
    if out is not None:
        _write(out, ready.text)
    if output == "json":
        click.echo(json.dumps(ready_as_table(ready) | {"toml": ready.text}))
    else:
        click.echo(ready_text(ready) if out else f"{ready_text(ready)}\n\n{ready.text}")


@scheme.command("explain", epilog="\b\nExample:\n  agency-client scheme explain agreement.toml")
@click.argument("agreement", type=FILE)
@format_option
def explain_scheme(*, agreement: Path, output: Output) -> None:
    """Say in plain words what the scheme of an AGREEMENT does."""
    found = explain(parse_agreement(read_text(agreement), agreement.name).scheme)
    click.echo(json.dumps(asdict(found)) if output == "json" else explanation_text(found))


@scheme.command(
    "import-clkhash",
    epilog="\b\nExample:\n  agency-client scheme import-clkhash schema.json --out scheme.toml",
)
@click.argument("schema", type=FILE)
@click.option("--out", required=True, type=FILE, help="File for the scheme (TOML).")
@click.option(
    "--allow-weak-groups", is_flag=True, help="Import a schema that frequency analysis opens, too."
)
@format_option
def import_clkhash(*, schema: Path, out: Path, allow_weak_groups: bool, output: Output) -> None:
    """Turn a linkage SCHEMA of clkhash (JSON, version 1 to 3) into a scheme.

    It sets the same bits under the same secret. Such encodings are plain: whoever holds a list of
    the population re-identifies them. Use it to link with files that exist, not for new ones.
    """
    refuse_unusable((out,), (schema,))
    found = import_clkhash_schema(
        read_text(schema), schema.name, allow_weak_groups=allow_weak_groups
    )
    refuse_weak_groups(found.scheme)
    remarks = {
        name: f"the column {column!r}" for name, column in found.columns.items() if name != column
    }
    _write(out, scheme_toml(found.scheme, remarks))
    warnings = [*found.warnings, *scheme_warnings(found.scheme)]
    for warning in warnings:
        say(warning)
    outcome = {
        "out": str(out),
        "columns": found.columns,
        "scheme_digest": found.scheme.digest(),
        "warnings": warnings,
    }
    columns = len(found.columns)
    click.echo(json.dumps(outcome) if output == "json" else f"{columns} columns, written to {out}")


@scheme.command(
    "export-clks",
    epilog="\b\nExample:\n  agency-client scheme export-clks encodings.arrow --out clks.json",
)
@click.argument("encodings", type=FILE)
@click.option("--out", required=True, type=FILE, help="File for the CLKs (JSON).")
@click.option("--tokens-out", type=FILE, help="File for the record tokens, in the same order.")
@format_option
def export(*, encodings: Path, out: Path, tokens_out: Path | None, output: Output) -> None:
    """Write ENCODINGS of one group as the JSON of CLKs that anonlink-client writes.

    The order is that of the file. The JSON has no place for record tokens: without --tokens-out
    nobody can tell any more which record a CLK belongs to.
    """
    count = export_clks(encodings, out, tokens_out)
    if tokens_out is None:
        say("the record tokens are lost in this form; keep them with --tokens-out.")
    outcome = {"clks": count, "out": str(out), "tokens": tokens_out and str(tokens_out)}
    click.echo(json.dumps(outcome) if output == "json" else f"{count:,} CLKs written to {out}")


@scheme.command(
    "read-clks",
    epilog="\b\nExample:\n  agency-client scheme read-clks clks.json --agreement agreement.toml "
    "--agency police --out police.arrow",
)
@click.argument("clks", type=FILE)
@click.option("--agreement", required=True, type=FILE, help="The linkage agreement (TOML).")
@click.option("--agency", required=True, help="Your agency's name in the agreement.")
@click.option("--out", required=True, type=FILE, help="File for the encodings (.arrow).")
@click.option("--map-out", type=FILE, help="File for the map; OUT with .map.parquet unless given.")
@format_option
def read(
    *, clks: Path, agreement: Path, agency: str, out: Path, map_out: Path | None, output: Output
) -> None:
    """Turn CLKS that anonlink-client or clkhash has made into encodings for the matcher.

    The agreement must have the scheme under which they were made; nothing in the file can prove
    that. The map gives each CLK's place in the file, from 1, for its record id.
    """
    mapped = map_out or out.with_suffix(".map.parquet")
    agreed = parse_agreement(read_text(agreement), agreement.name)
    refuse_unusable((out, mapped), (clks, agreement))
    count = import_clks(clks, agreed, agency, out, mapped)
    outcome = {"rows": count, "out": str(out), "map": str(mapped)}
    click.echo(json.dumps(outcome) if output == "json" else f"{count:,} records written to {out}")


def _write(out: Path, text: str) -> None:
    refuse_unusable((out,), ())
    out.write_text(text, encoding="utf-8")
