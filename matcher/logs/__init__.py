"""What the service says to its operator while it runs: lines that hold nobody's data."""
