"""A report of the four steps of GUILD, filled in from what a run measured.

GUILD, the GUidance for Information about Linking Data sets (Gilbert et al., Journal of Public
Health 2018, 40(1): 191-198, doi 10.1093/pubmed/fdx037), says what should be told at each step of a
linkage: data provision, data linkage, analysis, reporting. The steps are its own; the items under
them go by its concepts, in words of this project.

``provision``, ``linkage``, ``analysis`` and ``reporting`` answer one step each from the `Facts` of
a run; ``page`` puts the answers on one HTML page that prints and loads nothing, and in JSON.
"""

from examples.safeguarding.quarters.guild.facts import Facts, Part
from examples.safeguarding.quarters.guild.page import write_report

__all__ = ["Facts", "Part", "write_report"]
