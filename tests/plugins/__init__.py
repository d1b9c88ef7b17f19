"""Plugins that exist for tests only: what a stranger might write, well and badly."""
