"""One file with all that a matcher keeps, but its settings and its private keys."""
