"""Sending encodings to the matcher, and the receipt that comes back."""
