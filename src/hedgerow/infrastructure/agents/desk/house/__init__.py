"""The house model: rules that play every role through the same prompts, tools and schemas."""
