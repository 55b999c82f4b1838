"""One file per vendor; nothing above sees a vendor's exceptions."""
