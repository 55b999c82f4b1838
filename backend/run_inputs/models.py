"""The table of secrets that people gave to runs."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.db.base import Base, Instant


class RunInputRow(Base):
    """The name of a Secret, whose it is, and since when it waits. The value is in the cluster alone."""

    __tablename__ = "run_input"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    given_by: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    given_at: Mapped[datetime] = mapped_column(Instant, index=True)
