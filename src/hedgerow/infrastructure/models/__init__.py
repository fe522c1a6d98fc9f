"""Models of others, asked through google-adk's BaseLlm, so that one failing stops nothing.

Importing google-adk and the providers' packages takes seconds: whoever imports this drawer does so
when a model is about to be asked.
"""

import logging

# At DEBUG these write whole prompts and answers: what a user owns, and what a server repeats.
for _name in ("google_adk", "anthropic", "openai"):
    logging.getLogger(_name).setLevel(logging.INFO)
