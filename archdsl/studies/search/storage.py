"""Optuna's study of a search: where it is kept, and opening it.

A search is kept in the file `optuna.db` of its folder, or in any database that Optuna takes an URL of. In a database it
is found by its name; whose it is stands in an attribute of it, so that two folders never share one.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

import optuna
from optuna.exceptions import StorageInternalError
from optuna.samplers import BaseSampler
from optuna.storages import RDBStorage
from optuna.study import Study
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from archdsl.studies.ledger import StudyFault

Direction: TypeAlias = Literal["minimize", "maximize"]

DATABASE = "optuna.db"
FOLDER = "archdsl:folder"
"""The attribute that says which folder a study is of."""
PATIENCE = 100
"""Seconds that a start waits for another one which writes to the same SQLite file."""


class StorageFault(StudyFault):
    """Why Optuna's storage cannot be used, in one sentence, without a password."""


def url_of(folder: Path, storage: str | None) -> str:
    """The URL of a search's storage: that of the file in its folder, if none is given."""
    return storage if storage is not None else f"sqlite:///{folder.resolve() / DATABASE}"


def shown_url(url: str) -> str:
    """An URL without its password. Raises `StorageFault` for what is none."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        message = "is no URL of a database, for example postgresql+psycopg://user@host/searches"
        raise StorageFault(f"'{url}' {message}") from None


@contextmanager
def faults(url: str) -> Iterator[None]:
    """What a database says, in one line."""
    shown = shown_url(url)
    try:
        yield
    except NoSuchModuleError:  # a driver that is missing, which is another fault
        raise
    except (SQLAlchemyError, StorageInternalError) as error:
        raise StorageFault(f"{shown}: {_first_line(error, url)}") from None


def _first_line(error: Exception, url: str) -> str:
    """What an error says first, without the password."""
    cause = error.__cause__ if isinstance(error, StorageInternalError) and error.__cause__ is not None else error
    said = str(getattr(cause, "orig", None) or cause)
    line = " ".join(said.strip().splitlines()[:1]) or type(error).__name__
    password = make_url(url).password
    return line.replace(str(password), "***") if password else line


def storage_of(url: str) -> RDBStorage:
    """The storage of an URL; its tables are made if there are none. Raises `StorageFault`."""
    shown = shown_url(url)
    try:
        with faults(url):
            backend = make_url(url).get_backend_name()
            own = {"connect_args": {"timeout": PATIENCE}} if backend == "sqlite" else {"pool_pre_ping": True}
            return RDBStorage(url, engine_kwargs=own)
    except (ImportError, NoSuchModuleError) as error:
        driver = getattr(error, "name", None) or make_url(url).drivername
        message = f"{shown}: the driver of this database is not installed ({driver})"
        raise StorageFault(
            f"{message}; for PostgreSQL, pip install 'psycopg[binary]', and postgresql+psycopg://"
        ) from None
    except RuntimeError as error:  # tables of another version of Optuna
        raise StorageFault(f"{shown}: {_first_line(error, url)}") from None


def study_of(
    url: str,
    name: str,
    folder: str,
    directions: Sequence[Direction],
    sampler: BaseSampler,
    *,
    create: bool,
    names: Sequence[str] = (),
) -> Study:
    """The study of that name; `folder` is whose it is.

    Without `create` it must be there. `names` are those of the objectives, for the dashboard. Raises `StorageFault`.
    """
    storage = storage_of(url)
    with faults(url):
        try:
            study = optuna.load_study(study_name=name, storage=storage, sampler=sampler)
        except KeyError:
            if not create:
                message = f"{shown_url(url)} has no study {name}, which this folder is of"
                raise StorageFault(f"{message}; give the --storage that the search began with") from None
            study = optuna.create_study(storage=storage, sampler=sampler, study_name=name, directions=list(directions))
        owner = study.user_attrs.get(FOLDER)
        if owner is None and create and not study.get_trials(deepcopy=False):  # made by a start that was ended
            study.set_user_attr(FOLDER, folder)
            owner = folder
        if owner != folder:
            raise StorageFault(f"the study {name} of {shown_url(url)} is that of another folder")
        found = [each.name.lower() for each in study.directions]
        if found != list(directions):
            raise StorageFault(f"the study {name} of {shown_url(url)} has other objectives: {', '.join(found)}")
        if names:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Optuna 4 calls it experimental
                study.set_metric_names(list(names))
    return study


__all__ = ["DATABASE", "FOLDER", "StorageFault", "faults", "shown_url", "storage_of", "study_of", "url_of"]
