"""Every sentence a person can read, in Persian and English."""
