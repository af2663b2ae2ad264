"""What ``agency-client check`` finds out about an extract before it is encoded.

``headings`` and ``contents`` say what a column seems to be, ``columns_proposal`` makes a column
map of it, ``table`` standardises the mapped fields, ``completeness``, ``formats``, ``duplicates``,
``damage`` and ``preview`` each look at one side of them, ``verdict`` says what must be mended, and
``check`` puts these together. Nothing here prints.
"""
