"""``matcher run`` and ``matcher worker`` as an operator types them, with real processes."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import pytest
from sqlalchemy import insert

from linkage.encodings import GroupLayout
from linkage.protocol.standing import sign_agreement
from matcher.app.building import open_matcher
from matcher.cli import main
from matcher.config.loading import load_settings
from matcher.ledger.verifying import verify_stored_log
from matcher.store.tables import rounds
from tests.linkage.protocol.agreements import ROLES, changed, parse
from tests.matcher.runs.matchers import Matcher
from tests.matcher.uploading import *  # noqa: F403
from tests.synthetic import make_world
