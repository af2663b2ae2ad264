"""Finding copies of the same person in an agency's own extract, in the clear.

::

    candidates   which pairs of records are worth comparing
    comparison   how far each field of a pair agrees
    chance       what agrees by chance
    model        how likely a pair is the same person, estimated without truth
    safety       which pairs may be merged without asking
    merging      which records become one person, and which pairs a person has to judge
    review       the list for that person, and what they decided
    clean        the cleaned extract
    job          the whole, from extract to files

Nothing here leaves the agency.
"""
