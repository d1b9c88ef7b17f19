"""An SMSC for trials and tests, and a provider that needs no network at all."""
