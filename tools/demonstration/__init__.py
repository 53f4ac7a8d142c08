"""The acts of tools/demo, and what they have in common."""
