"""The leakage report as files: a page for the data protection officer, and JSON."""

from agency_client.leakage.page import as_html
from agency_client.leakage.record import as_json
from agency_client.leakage.verdict import LeakageError, require_no_leak

__all__ = ["LeakageError", "as_html", "as_json", "require_no_leak"]
