"""The parts of a sweep's page: heat map, curve, tables and style sheet. Nothing in it runs."""
