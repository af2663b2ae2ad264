"""Running the notebook for analysts as Jupyter does, in a kernel of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path("examples/notebooks/safeguarding.ipynb")


def execute_notebook(cohort: Path, boroughs: Mapping[str, str], out: Path) -> Any:
    """Run it on a cohort's folder, with the borough of each district; return it with outputs."""
    listed = [f"{district},{borough}" for district, borough in boroughs.items()]
    (out / "boroughs.csv").write_text("\n".join(["district,borough", *listed]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONCORD_COHORT", str(cohort))
        patch.setenv("CONCORD_BOROUGHS", str(out / "boroughs.csv"))
        patch.setenv("CONCORD_OUT", str(out))
        patch.setenv("IPYTHONDIR", str(out / "ipython"))
        patch.setenv("JUPYTER_RUNTIME_DIR", str(out / "runtime"))
        book = nbformat.read(NOTEBOOK, as_version=4)
        return NotebookClient(book, timeout=120, kernel_name="python3").execute()
