"""Prices for staff: the lists with their days, models at the general price, and an operator's change."""
