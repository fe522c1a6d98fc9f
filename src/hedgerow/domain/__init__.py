"""The rules of the fund: pure, synchronous, exact; time comes in as an argument."""
