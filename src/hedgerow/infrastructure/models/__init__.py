"""Models of others, asked through google-adk's BaseLlm, so that one failing stops nothing.

Importing google-adk and the providers' packages takes seconds: whoever imports this drawer does so
when a model is about to be asked.
"""
