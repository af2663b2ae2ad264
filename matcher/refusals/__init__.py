"""Requests that were refused: how many of which kind on which day, and nothing of them."""
