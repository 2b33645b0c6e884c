"""The worker: writes the files that the service has been asked for. ``python worker.py`` runs until it is stopped."""

import asyncio
from functools import partial

from faststream import FastStream
from jobs import ABANDONED_JOBS, LOG, NEW_JOBS, make_broker, open_queue
from models import ExportJob, Order
from settings import Settings, read_settings
from shop import every_order
from sqlalchemy import Engine, create_engine, update
from sqlalchemy.orm import Session
from tables import ExportRow

from pydantic_serialization.bulk import write_records


def make_worker(settings: Settings) -> FastStream:
    """Return the worker."""
    broker = make_broker(settings)
    engine = create_engine(settings.database_url)

    @broker.subscriber(stream=NEW_JOBS)
    @broker.subscriber(stream=ABANDONED_JOBS)
    def export(job: ExportJob) -> None:
        """Write one file. It runs in a thread, being no coroutine; done twice, it gives the same."""
        try:
            # The file takes its name when it is complete: nobody ever reads half an export.
            with Session(engine) as session:
                file = settings.exports / f"{job.export_id}.jsonl.gz"
                written = write_records(file, every_order(session), Order)
        except Exception:  # noqa: BLE001  (raised, it would come back every minute)
            LOG.exception("export %s has failed", job.export_id)
            finish(engine, job, state="failed")
        else:
            finish(engine, job, state="ready", orders=written)

    return FastStream(broker, on_startup=[partial(open_queue, broker)], after_shutdown=[engine.dispose], logger=LOG)


def finish(engine: Engine, job: ExportJob, **values: object) -> None:
    """Note how a job has ended."""
    with Session(engine) as session, session.begin():
        session.execute(update(ExportRow).where(ExportRow.id == job.export_id).values(**values))


if __name__ == "__main__":
    asyncio.run(make_worker(read_settings()).run())
