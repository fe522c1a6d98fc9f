"""The house reviewer: a post-mortem from the facts of the journal, without a model."""
