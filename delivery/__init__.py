"""What builds, checks and ships the product: tools, dashboards, releases. The product never imports it."""
