"""The options that many commands share."""

from __future__ import annotations

from pathlib import Path

import click

from agency_client.reading.source import QuerySource, Source, file_source

FILE = click.Path(path_type=Path)

format_option = click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of the outcome on standard output.",
)
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Check everything and say what would be written; write nothing."
)


def extract_source(extract: Path | None, query: Path | None, database_file: Path | None) -> Source:
    """Return which extract the options of a command name: a file, or a query on a database."""
    if (query is None) != (database_file is None):
        raise click.UsageError("--query and --database-file are given together")
    if (extract is None) == (query is None):
        raise click.UsageError("give either EXTRACT or --query")
    if query is not None and database_file is not None:
        return QuerySource(query, database_file)
    assert extract is not None
    return file_source(extract)
