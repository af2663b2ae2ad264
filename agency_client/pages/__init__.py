"""Pages that stand alone: one HTML file each, which loads nothing and runs no script.

``templates/page.html`` is their frame and their look. A page extends it in the folder ``templates``
of its own package.
"""

from __future__ import annotations

import jinja2


def page_template(package: str, name: str) -> jinja2.Template:
    """Return a page of a package, by the name of its file, within the common frame."""
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(own) for own in (package, __name__)]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
