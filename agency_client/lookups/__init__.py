"""Looking up one person: asking the other agencies, answering them, and opening what they say."""
