"""``python -m delivery.chart.write`` makes the schema and the README of the chart from the comments of its values."""

from delivery.chart.readme import README, readme_text
from delivery.chart.values import SCHEMA, VALUES, schema_text


def main() -> None:
    """Write both files."""
    values = VALUES.read_text(encoding="utf-8")
    SCHEMA.write_text(schema_text(values), encoding="utf-8")
    README.write_text(readme_text(values), encoding="utf-8")


if __name__ == "__main__":
    main()
