"""``matcher run`` and ``matcher worker`` as an operator types them, with real processes."""

from __future__ import annotations

from tests.matcher.uploading import *  # noqa: F403
