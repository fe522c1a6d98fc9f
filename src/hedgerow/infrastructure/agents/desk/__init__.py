"""The desk of agents, on Google's Agent Development Kit.

Importing that kit takes two seconds: nothing here is imported before a desk is wanted.
"""
