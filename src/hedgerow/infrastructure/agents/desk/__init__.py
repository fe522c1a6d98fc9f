"""The desk: sixteen agents that research together and decide for each fund, on ADK."""
