"""What a tutorial would write: FastAPI, one SQLModel table, one commit a request. `DATABASE_URL` names the database."""

import os
from datetime import UTC, date, datetime

from fastapi import FastAPI
from sqlmodel import Field, Session, SQLModel

from notifier.db.engine import make_engine

engine = make_engine(os.environ["DATABASE_URL"])
app = FastAPI()


class OrderIn(SQLModel):
    order_id: str
    email: str
    sku: str
    quantity: int
    eta: date


class Order(OrderIn, table=True):
    __tablename__ = "bare_order"

    id: int | None = Field(default=None, primary_key=True)
    order_id: str = Field(index=True)
    sku: str = Field(index=True)
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))


SQLModel.metadata.tables["bare_order"].create(engine, checkfirst=True)


@app.post("/orders", status_code=201)
def create(new: OrderIn) -> dict[str, int | None]:
    with Session(engine) as session:
        row = Order.model_validate(new)
        session.add(row)
        session.commit()
        return {"id": row.id}
