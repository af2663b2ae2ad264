"""Statistical disclosure control: which counts of a cohort may leave, and in what form.

``spec`` says what a table counts, ``table`` counts it, ``files`` write and read it. ``primary``
finds what can't be shown, ``suppression`` what must go with it, ``audit`` proves that the rest
gives nothing away, ``differencing`` and ``jointly`` compare with what was released before,
which ``ledger`` keeps.
``checking`` puts these together for ``agency-client cohort release-check``.
"""
