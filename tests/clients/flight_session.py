"""What the checks of Arrow Flight share: the node, a session each, and how to ask."""

import os

import adbc_driver_flightsql.dbapi as adbc
import adbc_driver_manager
from flight_sql import Session
from harness import HOST, equal, raises

PORT = int(os.environ["ORBIT_GRPC_PORT"])
URL = f"grpc://{HOST}:{PORT}"

arrow = Session(URL, "orbit")
conn = adbc.connect(URL, db_kwargs={"username": "orbit", "password": ""}, autocommit=True)


def connect(user="orbit", password="", **options):
    return adbc.connect(URL, db_kwargs={"username": user, "password": password}, **options)


def ask(sql, parameters=None, on=conn):
    with on.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def run(*statements, on=conn):
    for sql in statements:
        with on.cursor() as cursor:
            cursor.execute(sql)


def sqlstate(error):
    """What ADBC shows of a status's trailers."""
    return dict(error.details).get(b"sqlstate", b"").decode()


def fails(state, action):
    error = raises(adbc_driver_manager.Error, action)
    equal(sqlstate(error), state, str(error))
    return error
