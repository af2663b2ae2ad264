"""The agency's own program: reads an extract, encodes it, and keeps what must not leave.

``extract`` reads a file, ``columns`` finds the agreement's fields in it, ``encoding`` turns it
into encodings, ``outputs`` writes files whole or not at all, and ``cli`` is what people type.
"""
