"""Extracts read in pieces: CSV files, workbooks, Parquet files and database queries.

``source`` says what is meant and opens it, ``text``, ``workbook``, ``parquet`` and ``sql`` read
one form each, ``scanner`` is the compiled part of ``text``, and ``pieces`` is what they all give.
"""
