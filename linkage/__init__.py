"""The part of Concord that everybody may see: the maths of linkage and the messages about it.

Nothing here touches a disk, a network, a terminal or a clock; time and randomness are passed in.
"""
