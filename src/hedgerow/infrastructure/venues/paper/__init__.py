"""The built-in venue: matches orders against candles, by the rules of ADR 0004."""

from hedgerow.infrastructure.venues.paper.funding import FundingRates
from hedgerow.infrastructure.venues.paper.rules import PaperVenueRules
from hedgerow.infrastructure.venues.paper.venue import PaperVenue

__all__ = ["FundingRates", "PaperVenue", "PaperVenueRules"]
