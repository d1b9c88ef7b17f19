"""Clicks and opens of letters, for organisations that chose to count them."""
