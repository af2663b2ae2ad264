"""The matcher over HTTP: signed requests in, problem details and checkpoints out."""
