"""A live matcher from an agency's side: signed requests out, verified answers in."""
