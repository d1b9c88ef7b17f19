"""Conversations with people who write back: whose they are, what was said, and answering."""
