"""One stream of log lines, JSON or for a terminal, from structlog, the standard library and Twisted alike."""

import io
import logging
import logging.config
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import ExcInfo
from twisted.logger import STDLibLogObserver, globalLogBeginner

LogFormat = Literal["console", "json"]

HIDDEN = "(hidden)"
_SECRET_KEYS = re.compile(r"secret|token|password|passphrase|authorization|cookie|^key$|_key$", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]*@")
_BOT_TOKEN = re.compile(r"(?<![0-9])[0-9]{5,20}:[A-Za-z0-9_-]{30,}", re.ASCII)  # the Bot API has it in every URL
# Libraries whose INFO says nothing an operator needs, or prints URLs that hold tokens.
_QUIET = (
    "httpx",
    "httpcore",
    "telegram",
    "alembic",
    "sqlalchemy",
    "uvicorn",
    "asyncio",
    "boto3",
    "botocore",
    "urllib3",
)


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: no value of a key that names a secret, no password in a URL, no bot's token anywhere."""
    for key, value in event.items():
        if _SECRET_KEYS.search(key):
            event[key] = HIDDEN
        elif isinstance(value, str):
            event[key] = _without_secrets(value)
    return event


def _without_secrets(text: str) -> str:
    return _BOT_TOKEN.sub(HIDDEN, without_password(text))


def without_password(text: str) -> str:
    """`postgresql://user:secret@host/db` becomes `postgresql://user:(hidden)@host/db`."""
    return _URL_PASSWORD.sub(rf"\1:{HIDDEN}@", text)


def set_up_logging(form: LogFormat, level: str, stream: TextIO = sys.stderr) -> None:
    """Configure the whole process. level: a name of the standard library's, such as "info"."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # tests and `serve` configure after modules were imported
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_ending(form, stream))
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def observe_twisted() -> None:
    """What Twisted logs goes the same way. Once a process."""
    globalLogBeginner.beginLoggingTo([STDLibLogObserver("twisted")], redirectStandardIO=False, discardBuffer=True)
    logging.getLogger("twisted").setLevel(logging.WARNING)


def _ending(form: LogFormat, stream: TextIO) -> list[structlog.types.Processor]:
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if form == "json":
        exceptions = structlog.processors.format_exc_info
        return [remove, exceptions, redact, structlog.processors.JSONRenderer(ensure_ascii=True)]
    return [remove, redact, structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=_plain)]


def _plain(stream: TextIO, error: ExcInfo) -> None:
    """The other formatters print local variables, secrets among them."""
    text = io.StringIO()
    structlog.dev.plain_traceback(text, error)
    stream.write(_without_secrets(text.getvalue()))
