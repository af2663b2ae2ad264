"""What an agency gives to analysts beside its encodings: read, checked, made coarse, sealed.

``columns`` and ``reading`` find the columns of its files, ``rules`` say what a cell may be and how
coarse it becomes, ``checking`` holds every row against ``[payload]``, ``records`` knows the
agency's tokens, ``blinding`` puts pseudonyms and place tokens in, and ``pushing`` seals and sends.
"""
