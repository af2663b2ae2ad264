"""Examples that run: see the README for what each shows."""
