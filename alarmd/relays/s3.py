"""The destination "s3": a copy of every picture in a bucket, of Amazon's or of anything that speaks S3.

Objects have the archive's keys behind the prefix, so a copy made twice is one object. Content-MD5 goes with each: half
an upload is refused there. What a person will mend (credentials, a bucket that is missing) is tried again and not given
up, so that what came meanwhile is copied afterwards; the lane's breaker keeps that to one try now and then.
"""

import asyncio
import base64
import hashlib
import mimetypes
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
)

from alarmd.frames.archive import Archive
from alarmd.frames.errors import MissingError
from alarmd.relays.interface import Delivered, GiveUp, Outcome, TryAgain
from alarmd.storage.interface import Lease

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

THREADS = 4
CONNECT, READ = 5.0, 30.0  # s; READ from the last write, when 4 MB may still lie in the kernel: 30 s at 1 Mbit/s
ANY_REGION = "us-east-1"  # signed with where a server of one's own has no regions
NOT_FOUND_OR_FORBIDDEN = ("403", "404")
WRONG_OBJECT = frozenset({"EntityTooLarge", "KeyTooLongError"})  # what will never be taken, whoever mends what
_CREDENTIALS = "check access_key and secret_key"
_REGION = "correct region and endpoint_url"
FIXES: Mapping[str, str] = {
    "AccessDenied": "allow this access key s3:PutObject in the bucket",
    "InvalidAccessKeyId": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "InvalidToken": _CREDENTIALS,
    "ExpiredToken": "renew the credentials",
    "NoSuchBucket": "make the bucket, or correct its name",
    "PermanentRedirect": _REGION,
    "AuthorizationHeaderMalformed": _REGION,
    "RequestTimeTooSkewed": "set the clock of this machine",
}
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")


@dataclass(frozen=True, slots=True)
class BucketSettings:
    """region, endpoint_url: empty for what the AWS configuration says. access_key, secret_key: both, or both empty for
    the chain that AWS tools look through. prefix: empty, or ends with /."""

    bucket: str
    region: str = ""
    endpoint_url: str = ""
    prefix: str = ""
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)


class S3:
    def __init__(self, settings: BucketSettings, archive: Archive) -> None:
        self._settings = settings
        self._archive = archive
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="s3")
        self._making = Lock()

    async def deliver(self, lease: Lease) -> Outcome:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._copy, lease)

    def busy(self, *, urgent: bool) -> Mapping[str, float]:  # noqa: ARG002  of the interface
        return {}

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _copy(self, lease: Lease) -> Outcome:
        key = lease.delivery.attachment
        try:
            data = self._archive.read(key)
        except MissingError:
            return GiveUp(f"{key} was deleted from the archive before it was copied")
        digest = hashlib.sha256(data).hexdigest()
        if lease.picture is not None and lease.picture.picture.digest != digest:
            return GiveUp(f"{key} is not the picture that came: the file in the archive was altered")
        try:
            there = self._was_tried(lease) and self._is_there(key, digest)
            return Delivered() if there else self._put(key, data, digest)
        except (ClientError, BotoCoreError) as error:
            return _failed(error)

    def _was_tried(self, lease: Lease) -> bool:
        return lease.attempt > 1 or lease.uncertain

    def _is_there(self, key: str, digest: str) -> bool:
        """A bucket that keeps versions gets no second one of the same bytes. May not be ours to ask."""
        try:
            found = self._client.head_object(Bucket=self._settings.bucket, Key=self._settings.prefix + key)
        except ClientError as error:
            if error.response["Error"]["Code"] in NOT_FOUND_OR_FORBIDDEN:
                return False
            raise
        return found["Metadata"].get("sha256") == digest

    def _put(self, key: str, data: bytes, digest: str) -> Outcome:
        answer = self._client.put_object(
            Bucket=self._settings.bucket,
            Key=self._settings.prefix + key,
            Body=data,
            ContentMD5=base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode(),
            ContentType=mimetypes.guess_type(key)[0] or "application/octet-stream",
            Metadata={"sha256": digest},
        )
        if "ETag" not in answer:
            return TryAgain(None, "it answers, but not as S3 does: correct endpoint_url")
        return Delivered()

    @property
    def _client(self) -> "S3Client":
        with self._making:
            return self._made

    @cached_property
    def _made(self) -> "S3Client":
        """In a thread, at the first picture: it takes a third of a second, and the chain may ask the network."""
        settings = self._settings
        session = boto3.session.Session(
            aws_access_key_id=settings.access_key or None, aws_secret_access_key=settings.secret_key or None
        )
        return session.client(
            "s3",
            region_name=settings.region or (ANY_REGION if settings.endpoint_url else None),
            endpoint_url=settings.endpoint_url or None,
            config=Config(
                connect_timeout=CONNECT,
                read_timeout=READ,
                retries={"total_max_attempts": 1},  # the outbox tries again
                max_pool_connections=THREADS,
                request_checksum_calculation="when_required",  # newer ones than Content-MD5 are refused by many
                response_checksum_validation="when_required",
                s3={"addressing_style": "path" if settings.endpoint_url else "auto"},
            ),
        )


def _failed(error: ClientError | BotoCoreError) -> Outcome:
    """Without the text of the error, which may quote a key."""
    if isinstance(error, ClientError):
        return _answered(error)
    if isinstance(error, NoCredentialsError | PartialCredentialsError | CredentialRetrievalError):
        return TryAgain(None, f"no credentials: set access_key and secret_key ({type(error).__name__})")
    return TryAgain(None, f"no answer: {type(error).__name__}")


def _answered(error: ClientError) -> Outcome:
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    said = error.response["Error"]["Code"]
    code = said if _CODE.fullmatch(said) else ""
    fix = FIXES.get(code)
    text = f"it answers {status} {code}".rstrip() + (f"; {fix}" if fix else "")
    return GiveUp(text) if code in WRONG_OBJECT else TryAgain(None, text)
