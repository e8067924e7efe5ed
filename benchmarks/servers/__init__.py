"""Small servers that the service is compared with, one per module."""
