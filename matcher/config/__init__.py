"""What an operator decides: ``matcher.toml``, and what ``matcher init`` lays beside it."""
