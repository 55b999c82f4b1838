"""Backups of our database: made, checked, kept by age, tried every night, restored with a way back."""
