"""The central matcher: links encodings over any number of agencies, and never sees a name.

It can't import ``hashing``: nothing here could turn a name into an encoding.
"""
