"""What single values of the configuration may be."""

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from alarmd.adapters.addresses import ALL
from alarmd.adapters.time_zones import time_zone
from alarmd.storage.interface import StorageUnusableError


def is_address(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        raise ValueError("this is no IP address; names are not looked up") from None
    return value


def is_listen_address(value: str) -> str:
    return value if value == ALL else is_address(value)


def is_network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise ValueError("this is no address or network; write for example 192.0.2.0/24") from None


def is_loopback(value: str) -> str:
    if not ipaddress.ip_address(is_address(value)).is_loopback:
        raise ValueError(
            "there is no login here, so only this machine may reach it; use 127.0.0.1 or ::1, "
            "and an SSH tunnel from elsewhere"
        )
    return value


def is_time_zone(value: str) -> str:
    try:
        time_zone(value)
    except KeyError:
        raise ValueError("this is no IANA time zone; write for example Europe/Prague") from None
    return value


def is_database(value: SecretStr) -> SecretStr:
    if value.get_secret_value():
        from alarmd.storage import database_url  # not before: only who has a URL waits for SQLAlchemy to load

        try:
            database_url.parse(value.get_secret_value())
        except StorageUnusableError as error:
            raise ValueError(str(error)) from None
    return value


def is_ping_url(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    if url and not (re.fullmatch(r"https?://[^/?#\s@]+(/[^?#\s]*)?", url, re.ASCII) and len(url) <= MAX_URL):
        raise ValueError("write an http or https URL without ? and #, such as https://hc-ping.com/UUID")
    return value


def is_plain_secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text == "0" or not (text.isascii() and text.isprintable()) or set(text) & set(", \"'"):
        raise ValueError('write ASCII letters, digits and signs, without comma, quote or blank, and not "0"')
    return value


MAX_URL = 1000  # characters

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=31_536_000, allow_inf_nan=False)]
Loopback = Annotated[str, AfterValidator(is_loopback)]
