"""The work of an analyst on a pulled cohort, as pandas frames; see docs/analysts.md.

``frames`` reads a cohort's directory; ``links`` says how sure each link is and draws what else may
be true; on these stand ``knowing`` (who is known where), ``concern`` (ranking), ``overlaps``
(meetings), ``networks`` and ``pictures``, ``moves`` and ``measures``.
"""
