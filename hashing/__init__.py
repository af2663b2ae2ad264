"""What only an agency may see: the linkage secret, and how identifiers become encodings under it.

``secret`` and ``keys`` hold and derive keys; ``standardise`` (with ``folding``, ``names``,
``dates``, ``postcodes`` and ``codes``) brings values into one form; ``tokenise`` cuts them into
tokens; ``bloom`` turns tokens into keyed filters; ``diffuse`` mixes filters under a key;
``compiled`` has the inner loops of them all;
``encoder`` puts these together; ``tokens`` names and shuffles the rows. `SPEC.md` beside this
file gives the formats, for whoever writes a second implementation.

The matcher never imports this package, and nothing here touches a network or a terminal.
"""
