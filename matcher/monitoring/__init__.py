"""Whether the matcher is well, and the numbers that an operator watches."""
