"""The inner loops of encoding, compiled: each equals its plain counterpart, which tests assert.

``blake2`` hashes tokens, ``grams`` cuts values into q-grams, ``filters`` unites and diffuses
filters, ``cells`` standardises the cells that need no thought, ``numbering`` tells distinct
numbers apart. All release the GIL, and none keeps anything between calls.
"""
