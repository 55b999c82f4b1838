"""Alerts: firing now, kept as history, grouped and told in sentences, silenced; and whether anybody still watches."""
