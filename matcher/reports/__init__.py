"""The printable report of a run, which a data protection officer can file."""
