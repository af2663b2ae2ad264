"""What a finished run amounts to, link by link, for those who audit it; pseudonyms only."""
