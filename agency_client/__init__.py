"""The agency's own program: reads an extract, encodes it, and keeps what must not leave.

``reading`` reads tables piece by piece and ``extract`` whole ones, ``columns`` finds the
agreement's fields in them, ``encoding`` turns them into encodings (``piecework`` on several
threads, ``faults`` collecting what is wrong, ``shuffling`` putting rows into a random order),
``outputs`` writes files whole or not at all, and ``cli`` is what people type.
"""
