"""The matcher's log of what was done: events enter it with the change that they are about."""
