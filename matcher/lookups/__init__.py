"""Lookups: lodged by one agency, compared by the worker, answered by all the others."""
