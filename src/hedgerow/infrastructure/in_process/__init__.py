"""What works inside one process, where nothing can be shared."""
