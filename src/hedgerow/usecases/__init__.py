"""What the system does, verb by verb, over ports."""
