"""The Cloud API of Meta."""
