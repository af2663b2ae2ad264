"""``agency-client encode``: an extract becomes encodings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click
from rich.console import Console

from agency_client.cli.failures import say
from agency_client.cli.keystore_options import keystore_options, opened
from agency_client.cli.options import extract_source
from agency_client.encoding import EncodeRequest, EncodeResult, encode_extract
from agency_client.keystore.vault import StoredSecret
from agency_client.linkage_secrets import read_signed_agreement, secret_to_encode
from agency_client.textfiles import read_text
from linkage.protocol.agreement import parse_agreement

MAP_SUFFIX = ".map.parquet"
_FILE = click.Path(path_type=Path)


_EXAMPLE = """\b
Example:
  agency-client encode police.csv --agreement agreement.toml --agency police \\
      --secret-file secret.key --out police.arrow --columns columns.toml
"""


@click.command(epilog=_EXAMPLE)
@click.argument("extract", type=_FILE, required=False)
@click.option("--query", type=_FILE, help="Instead of EXTRACT: a file with one SELECT statement.")
@click.option(
    "--database-file",
    type=_FILE,
    help="With --query: a file that holds the database's URL, which only you can read.",
)
@click.option("--agreement", required=True, type=_FILE, help="The linkage agreement (TOML).")
@click.option("--agency", required=True, help="Your agency's name in the agreement.")
@click.option(
    "--secret-file",
    type=_FILE,
    help="The linkage secret of an offline trial; else that of your keystore, under an agreement "
    "in force.",
)
@keystore_options
@click.option("--out", required=True, type=_FILE, help="File for the encodings (.arrow).")
@click.option(
    "--map-out",
    type=_FILE,
    help=f"File for the map back to your record ids; OUT with {MAP_SUFFIX} unless given.",
)
@click.option("--columns", type=_FILE, help="Your names for the agreement's fields (TOML).")
@click.option(
    "--bad-rows",
    type=click.Choice(["stop", "skip"]),
    default="stop",
    show_default=True,
    help="What to do about rows with damaged cells.",
)
@click.option(
    "--overrule",
    metavar="REASON",
    help="Why encodings that leak too much may go all the same; goes on record in the report, and "
    "with the upload.",
)
@click.option("--dry-run", is_flag=True, help="Do all of it, and write the leakage report alone.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of the summary on standard output.",
)
def encode(  # noqa: PLR0913 - one parameter per option
    *,
    extract: Path | None,
    query: Path | None,
    database_file: Path | None,
    agreement: Path,
    agency: str,
    secret_file: Path | None,
    keystore: Path,
    passphrase_file: Path | None,
    out: Path,
    map_out: Path | None,
    columns: Path | None,
    bad_rows: Literal["stop", "skip"],
    overrule: str | None,
    dry_run: bool,
    output: Literal["text", "json"],
) -> None:
    """Encode the records of EXTRACT, a table with a header row.

    It is a CSV file, a workbook (.xlsx, .xls, .ods; FILE.xlsx#Sheet names a sheet, else it is the
    first) or a Parquet file. The encodings go to the matcher. The map says which record each
    encoding is; it stays with you. Rows are shuffled and named anew at every run.

    Before anything is written, a sample of the encodings is attacked on your machine, as by someone
    who has your list and not the secret. What that recovers stands in OUT.leakage.html, and beside
    it in JSON; over the limit nothing else is written and the exit code is 3. Keep the JSON where
    it is: 'push' takes OUT only with its own report beside it, and tells the verdict.
    """
    if not out.name:
        raise click.BadParameter("it needs a file name", param_hint="--out")
    request = EncodeRequest(
        extract=extract_source(extract, query, database_file),
        agreement=agreement,
        agency=agency,
        secret=secret_file
        or _kept_secret(agreement, agency, keystore, passphrase_file, write=not dry_run),
        out=out,
        map_out=map_out or out.with_suffix(MAP_SUFFIX),
        columns=columns,
        skip_bad_rows=bad_rows == "skip",
        overruled=overrule,
        dry_run=dry_run,
    )
    with Console(stderr=True).status("starting") as status:
        result = encode_extract(request, status.update)
    for warning in result.warnings:
        say(warning)
    click.echo(_as_json(result) if output == "json" else _as_text(result))


def _kept_secret(
    agreement: Path, agency: str, keystore: Path, passphrase_file: Path | None, *, write: bool
) -> StoredSecret:
    """Return the keystore's secret for an agreement in force."""
    if not parse_agreement(read_text(agreement), agreement.name).identities:
        raise click.UsageError("give --secret-file: the agreement has no keys, so it is a trial's")
    agreed = read_signed_agreement(agreement)
    return secret_to_encode(opened(keystore, passphrase_file), agreed, agency, write=write)


def _as_json(result: EncodeResult) -> str:
    fills = [
        {"group": part.group, "part": part.part, "features": part.features, "fill": part.fill}
        for part in result.fills
    ]
    return json.dumps(
        {
            "agency": result.agency,
            "rows": result.rows,
            "records": result.records,
            "skipped": result.skipped,
            "null_share": result.null_shares,
            "hidden_share": result.hidden_shares,
            "fill": fills,
            "scheme": result.scheme,
            "scheme_digest": result.scheme_digest,
            "out": str(result.out),
            "map": str(result.map_out),
            "leakage": {
                "verdict": result.verdict,
                "report": str(result.report),
                "seconds": round(result.attack_seconds, 1),
            },
        }
    )


def _as_text(result: EncodeResult) -> str:
    skipped = f", {result.skipped:,} left out" if result.skipped else ""
    rows = f" in {result.rows:,} rows" if result.rows > result.records else ""
    lines = [
        f"{result.records:,} records of {result.agency} encoded{rows}{skipped}"
        if result.records
        else f"{result.rows:,} rows of {result.agency} encoded{skipped} and nothing written",
        f"scheme     {result.scheme} ({result.scheme_digest[:16]})",
        f"leakage    {result.verdict}; see {result.report}",
    ]
    if result.records:
        lines += [
            f"encodings  {result.out} (for the matcher)",
            f"map        {result.map_out} (stays with you)",
        ]
    lines += ["", f"{'group':<12} {'null':>6} {'hidden':>7}  fill of each part"]
    for group, null in result.null_shares.items():
        fills = "  ".join(
            f"{part.part} {'-' if part.fill is None else f'{part.fill:.2f}'}"
            for part in result.fills
            if part.group == group
        )
        hidden = result.hidden_shares[group]
        lines.append(f"{group:<12} {null:>6.1%} {hidden:>7.1%}  {fills}")
    return "\n".join(lines)
