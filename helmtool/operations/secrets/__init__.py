"""Secrets of a services_config checkout."""
