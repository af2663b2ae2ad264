"""Agreements that the operator has admitted: signatures, the secret's messages, rounds."""
