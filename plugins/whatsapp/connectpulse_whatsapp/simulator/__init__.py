"""A Cloud API of our own on loopback, and a provider that needs no network."""
