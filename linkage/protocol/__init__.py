"""What the parties of a linkage say to each other: agreements and the schemes they fix."""
