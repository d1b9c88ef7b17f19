"""People who are called, for trials: a provider without a network, and callees on loopback."""
