"""Uploads: announced, received in parts, verified whole and committed once."""
