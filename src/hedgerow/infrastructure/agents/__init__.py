"""The house's own desk: indicators, a regime model, an analyst and a reviewer without a model."""
