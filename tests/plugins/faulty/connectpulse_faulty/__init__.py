"""A plugin that loads, and breaks every promise the loader cannot see."""
