"""Mail that comes back: bounces, complaints and replies, read into events."""
