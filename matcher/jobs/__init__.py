"""The queue of runs: who may carry one out, until when, and how far it has come."""
