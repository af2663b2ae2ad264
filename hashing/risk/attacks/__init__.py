"""Three attackers who know every name of the sample and the scheme, but not the secret."""
