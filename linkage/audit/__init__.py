"""The log of what was done with people's data, which nobody can rewrite unseen.

Events are the leaves of a Merkle tree (RFC 9162), whose head is a signed checkpoint (C2SP
``tlog-checkpoint``) that the agencies sign as well (C2SP ``tlog-cosignature``). SPEC.md, beside
this file, is enough to write a second implementation.
"""
