"""Who sees which pages: the roles, by what they are there for."""

from __future__ import annotations

from typing import get_args

from linkage.protocol.sections.party import Role

Roles = tuple[Role, ...]

EVERYBODY: Roles = get_args(Role)
THOSE_WHO_RUN_IT: Roles = ("agency", "matcher", "dpo")
"""Who may list rounds and runs and read the log, as over the API."""
OVERSEERS: Roles = ("matcher", "dpo")
"""Who sees what others did that concerns no party alone, such as requests that were refused."""
OFFICERS: Roles = ("dpo",)
"""Who sees what is pseudonymous of single links."""
